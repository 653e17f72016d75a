//! What WeChat Pay tells us by itself: a notice of either interface, verified before it is read.
//!
//! Whichever interface we call, notices of both are received at the same address: orders that were prepaid before a change are
//! paid after it.

use http::{HeaderMap, header::CONTENT_TYPE};

use super::{ApiVersion, FailedAttempt, PayError, Payment, Refund, v3};
use crate::types::BoxError;

/// What a genuine notice says.
#[derive(Debug)]
pub enum Notice {
    /// Money was taken.
    Paid(Payment),
    /// An attempt to pay failed; the user may try again.
    Failed(FailedAttempt),
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
    V3Signature(#[from] v3::SignatureError),
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

impl ApiVersion {
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
            (&[][..], "<xml/>", ApiVersion::V2),
            (&[], " \n<xml/>", ApiVersion::V2),
            (&[], "\u{feff}<xml/>", ApiVersion::V2),
            (&xml, "", ApiVersion::V2),
            (&xml, "a", ApiVersion::V2),
            (&xml, "{}", ApiVersion::V3),
            (&[], "{}", ApiVersion::V3),
            (&[], "", ApiVersion::V3),
            (&[], "null", ApiVersion::V3),
        ] {
            assert_eq!(ApiVersion::of_notice(&headers(named), body.as_bytes()), api, "{named:?} {body:?}");
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
            prop_assert_eq!(ApiVersion::of_notice(&named, &body), ApiVersion::V3);
        }
    }
}
