//! Notices of WeChat Pay: their content, and the reasons to refuse one.
//!
//! Notices of both API versions arrive at the same address whatever `PAY_API` says, because an order that was prepaid before a
//! change of the version is paid after it.

use http::{HeaderMap, header::CONTENT_TYPE};

use super::{ApiVersion, ComplaintNotice, FailedAttempt, PayError, Payment, Refund, v3};
use crate::types::BoxError;

/// The content of a verified notice.
#[derive(Debug)]
pub enum Notice {
    /// A payment succeeded.
    Paid(Payment),
    /// An attempt to pay failed; the user may try again.
    Failed(FailedAttempt),
    /// The status of a refund changed.
    Refund(Refund),
    /// A complaint was made, or changed.
    Complaint(ComplaintNotice),
}

/// Why a notice is refused. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// The body is not that of a notice.
    #[error("the notice is malformed")]
    Malformed(#[source] BoxError),
    /// `return_code` is not SUCCESS. Such a message is not signed and has no content.
    #[error("the notice's return_code is not SUCCESS")]
    ReturnCode,
    /// APIv2: the signature is missing, wrong, or of another type than `PAY_SIGN_TYPE`.
    #[error("the notice's signature is not right")]
    Signature,
    /// APIv3: the signature is missing, wrong, too old or made with an unknown key.
    #[error("the notice is not believed")]
    V3Signature(#[from] v3::SignatureError),
    /// The notice is a probe with a wrong signature, with which WeChat Pay tests that signatures are verified.
    #[error("the notice is one of WeChat Pay's probes")]
    Probe,
    /// The notice is genuine and for another app or merchant.
    #[error("the notice is for another {0}")]
    Foreign(&'static str),
    /// The notice is genuine and this field is missing or malformed.
    #[error("the notice's {0} is missing or not in its form")]
    Field(&'static str),
    /// The notice came by the API version that `PAY_API` does not name, and the secret has no key for it.
    #[error("the notice came by an interface that is not configured")]
    OtherApi,
    /// The key that verifies the notice can't be read.
    #[error("the notice can't be verified")]
    Unverifiable(#[source] PayError),
}

impl ApiVersion {
    /// The API version of a notice. The headers decide, not the body, because only APIv3 signs in headers named `Wechatpay-…`.
    /// Without such a header a notice is of APIv2 if its first character or its content type is that of XML.
    ///
    /// Everything else, also an empty body, counts as APIv3, because a refusal of APIv3 has a status of failure. A refusal of APIv2
    /// has HTTP 200, which APIv3 takes for an acknowledgement; APIv2 itself delivers again whatever is not its SUCCESS.
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
