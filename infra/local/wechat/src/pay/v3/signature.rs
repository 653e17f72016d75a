//! The signature of WeChat Pay's v3 responses and notices.
//!
//! Documentation: "Verifying signatures" (签名验证) of Pay v3. WeChat Pay signs timestamp, nonce and the body's bytes, each followed
//! by a line feed, and sends timestamp, nonce, signature and serial number in four headers. A fifth header names the kind of
//! signature. Sometimes WeChat Pay sends a signature that begins with `WECHATPAY/SIGNTEST/`, to test that the merchant refuses
//! it.

use crate::core::notices::{Headers, SignatureMode};
use crate::core::random;
use crate::pay::ledger::platform_keys::PlatformKeys;
use crate::pay::ledger::platform_keys::PlatformSigner;

/// The headers that sign this body at this time (unix seconds).
pub(crate) fn signature_headers(
    signer: &PlatformSigner,
    mode: SignatureMode,
    body: &[u8],
    at: u64,
) -> Headers {
    let nonce = random::nonce();
    let message = signed_message(at, &nonce, body);
    let signature = match mode {
        SignatureMode::Genuine | SignatureMode::OtherForm => signer.sign(&message),
        SignatureMode::Forged => PlatformKeys::other_signer(signer).sign(&message),
        SignatureMode::Probe => {
            let genuine = signer.sign(&message);
            format!("{PROBE}{}", genuine.get(PROBE.len()..).unwrap_or_default())
        }
    };
    vec![
        ("Wechatpay-Timestamp", at.to_string()),
        ("Wechatpay-Nonce", nonce),
        ("Wechatpay-Signature", signature),
        ("Wechatpay-Serial", signer.id.to_owned()),
        ("Wechatpay-Signature-Type", SCHEME.to_owned()),
        ("Request-ID", random::nonce().to_ascii_uppercase()),
    ]
}

/// The message that is signed.
pub(crate) fn signed_message(at: u64, nonce: &str, body: &[u8]) -> Vec<u8> {
    let mut message = format!("{at}\n{nonce}\n").into_bytes();
    message.extend_from_slice(body);
    message.push(b'\n');
    message
}

/// The kind of signature that RSA keys make.
const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048";

/// The beginning of a probe's signature.
const PROBE: &str = "WECHATPAY/SIGNTEST/";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pay::ledger::platform_keys::public_key;
    use crate::pay::v3::vectors;

    fn value<'a>(headers: &'a [(&str, String)], name: &str) -> &'a str {
        &headers.iter().find(|(given, _)| *given == name).unwrap().1
    }

    #[test]
    fn the_known_messages_have_the_known_signatures() {
        for (nonce, body, signature) in [
            ("Dy6Je0uQmtBreZzaB0x9UZDYQMGB52Eg", vectors::PAYMENT_NOTICE, vectors::PAYMENT_NOTICE_SIGNATURE),
            ("4FQotKb5aL3HQPrkELMxODfWNEseNQG0", vectors::REFUND_NOTICE, vectors::REFUND_NOTICE_SIGNATURE),
            ("9cz9G91rqRNjuSEJYB5SHuJLrjYyVpu1", "", vectors::EMPTY_SIGNATURE),
        ] {
            let message = signed_message(1_700_000_060, nonce, body.as_bytes());
            assert!(vectors::verify_platform_signature(&message, signature), "{nonce}");
        }
    }

    #[test]
    fn only_a_genuine_signature_is_verified() {
        for (mode, good) in
            [(SignatureMode::Genuine, true), (SignatureMode::Forged, false), (SignatureMode::Probe, false)]
        {
            let headers = signature_headers(public_key(), mode, b"{}", 1_700_000_000);
            let nonce = value(&headers, "Wechatpay-Nonce");
            let message = signed_message(1_700_000_000, nonce, b"{}");
            let signature = value(&headers, "Wechatpay-Signature");
            assert_eq!(public_key().verify(&message, signature), good, "{mode:?}");
            assert_eq!(signature.starts_with("WECHATPAY/SIGNTEST/"), mode == SignatureMode::Probe);
            assert_eq!(signature.len(), 344);
            assert_eq!(value(&headers, "Wechatpay-Serial"), public_key().id);
            assert_eq!(value(&headers, "Wechatpay-Signature-Type"), SCHEME);
        }
    }
}
