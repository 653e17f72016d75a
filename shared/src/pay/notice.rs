//! What WeChat Pay tells us by itself: a notice of either interface, verified before it is read.
//!
//! Whichever interface we call, notices of both are received at the same address: orders that were prepaid before a change are
//! paid after it.

use http::{HeaderMap, header::CONTENT_TYPE};

use super::{Api, CertificateStore, PayError, Payment, Refund, Terminal, v2, v3};
use crate::{
    host::{Host, HostError},
    telemetry::{self, Counted},
    types::BoxError,
};

/// What a genuine notice says.
#[derive(Debug)]
pub enum Notice {
    /// Money was taken.
    Paid(Payment),
    /// An attempt to pay failed; the user may try again.
    Failed {
        /// The attempt, as WeChat Pay has it.
        out_trade_no: String,
        /// Why.
        err_code: String,
    },
    /// A refund has gone on.
    Refund(Refund),
}

/// Why a notice is refused. Nothing of it has been acted on.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// Not in the form of a notice.
    #[error("the notice is malformed")]
    Malformed(#[source] BoxError),
    /// `return_code` is not SUCCESS: it is not signed and says nothing.
    #[error("the notice's return_code is not SUCCESS")]
    ReturnCode,
    /// The signature is missing, wrong, or of another type than configured.
    #[error("the notice's signature is not right")]
    Signature,
    /// The signature is missing, wrong, of another time or of another key.
    #[error("the notice is not believed")]
    Seal(#[from] v3::SealError),
    /// WeChat Pay tries whether we verify.
    #[error("the notice is one of WeChat Pay's probes")]
    Probe,
    /// Genuine, and for another app or merchant.
    #[error("the notice is for another {0}")]
    Foreign(&'static str),
    /// Genuine, and a field is missing or not in its form.
    #[error("the notice's {0} is missing or not in its form")]
    Field(&'static str),
    /// The interface that it came by is not ours, and we have no key for it.
    #[error("the notice came by an interface that is not configured")]
    OtherApi,
    /// What is needed to verify it can't be had.
    #[error("the notice can't be verified")]
    Unverifiable(#[source] PayError),
}

/// Receives notices.
pub struct Receiver(Terminal);

impl Receiver {
    /// Reads the variables that say whose payments these are; `pay/merchant.rs` lists them.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host, certificates: Box<dyn CertificateStore>) -> Result<Self, HostError> {
        Terminal::new(host, certificates).map(Self)
    }

    /// Reads a notice from the exact bytes received.
    ///
    /// # Errors
    /// [`NoticeError`].
    pub async fn receive(&self, headers: &HeaderMap, bytes: &[u8]) -> Result<Notice, NoticeError> {
        let secret = self.0.secret.get().await.map_err(|error| NoticeError::Unverifiable(error.into()))?;
        let api = Api::of_notice(headers, bytes);
        let received = match api {
            Api::V2 => v2::receive(&self.0, &secret, bytes),
            Api::V3 => v3::receive(&self.0, &secret, headers, bytes).await,
        };
        let received = match received {
            // Strangers can choose the form; only the configured one's missing key is an operator's fault.
            Err(NoticeError::Unverifiable(PayError::NotConfigured(_))) if api != self.0.api => {
                Err(NoticeError::OtherApi)
            }
            received => received,
        };
        telemetry::count(Counted::Notice(outcome(&received)));
        received
    }
}

/// In a word, for the metric.
fn outcome(received: &Result<Notice, NoticeError>) -> &'static str {
    match received {
        Ok(Notice::Paid(_)) => "paid",
        Ok(Notice::Failed { .. }) => "failed",
        Ok(Notice::Refund(_)) => "refund",
        Err(NoticeError::Probe) => "probe",
        // WeChat Pay sends it again; strangers' inventions wake nobody.
        Err(NoticeError::Unverifiable(PayError::CertificateNotListed)) => "not-yet",
        // Genuine, or nobody can say: somebody should look.
        Err(NoticeError::Foreign(_) | NoticeError::Field(_) | NoticeError::Unverifiable(_)) => "unreadable",
        Err(_) => "refused",
    }
}

impl Api {
    /// By which interface a notice came, which its sender says and not what became of its body on the way: only APIv3 signs in
    /// headers called `Wechatpay-…`. Without one, what is XML by its first character or by its content type is of APIv2.
    ///
    /// Everything else counts as APIv3's, an empty body too, because a refusal of APIv3 has a status of failure. A refusal of
    /// APIv2 comes with HTTP 200, which APIv3 takes for an acknowledgement, while APIv2 sends again whatever is not its SUCCESS.
    #[must_use]
    pub fn of_notice(headers: &HeaderMap, bytes: &[u8]) -> Self {
        if headers.keys().any(|name| name.as_str().starts_with("wechatpay-")) {
            return Self::V3;
        }
        match bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes).trim_ascii_start().first() {
            Some(b'<') => Self::V2,
            Some(b'{') => Self::V3,
            _ => {
                let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
                if content_type.is_some_and(|value| value.to_ascii_lowercase().contains("xml")) {
                    Self::V2
                } else {
                    Self::V3
                }
            }
        }
    }
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    fn headers(named: &[(&str, &str)]) -> HeaderMap {
        let header = |(name, value): &(&str, &str)| {
            (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
        };
        named.iter().map(header).collect()
    }

    #[test]
    fn without_a_header_only_what_is_xml_is_of_apiv2() {
        let xml = [("content-type", "text/xml; charset=utf-8")];
        for (named, body, api) in [
            (&[][..], "<xml/>", Api::V2),
            (&[], " \n<xml/>", Api::V2),
            (&[], "\u{feff}<xml/>", Api::V2),
            (&xml, "", Api::V2),
            (&xml, "a", Api::V2),
            (&xml, "{}", Api::V3),
            (&[], "{}", Api::V3),
            (&[], "", Api::V3),
            (&[], "null", Api::V3),
        ] {
            assert_eq!(Api::of_notice(&headers(named), body.as_bytes()), api, "{named:?} {body:?}");
        }
    }

    proptest! {
        #[test]
        fn a_header_of_apiv3_decides_whatever_the_body_is(
            name in "[Ww][Ee][Cc][Hh][Aa][Tt][Pp][Aa][Yy]-[A-Za-z-]{0,20}",
            content_type in prop::sample::select(vec!["text/xml", "application/json", "text/plain"]),
            body in prop_oneof![any::<Vec<u8>>(), "<\\PC{0,20}".prop_map(String::into_bytes)],
        ) {
            let named = headers(&[(&name, "1"), ("content-type", content_type)]);
            prop_assert_eq!(Api::of_notice(&named, &body), Api::V3);
        }
    }
}
