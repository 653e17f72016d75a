//! Verifying answers and notices (签名验证): headers, clock, key, signature over the exact bytes.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderMap;

use crate::{crypto::VerifyingKey, types::UnixSeconds};

/// What WeChat Pay says of its signature. Nothing of it is believed yet.
pub(super) struct Seal<'a> {
    pub(super) timestamp: &'a str,
    pub(super) nonce: &'a str,
    pub(super) signature: &'a str,
    /// Which key it was made with.
    pub(super) serial: &'a str,
}

/// Bytes that WeChat Pay signed, just now.
pub(super) struct Verified<'a>(&'a [u8]);

impl<'a> Verified<'a> {
    /// The bytes.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.0
    }
}

/// Why bytes are not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// A header is missing, or not in its form.
    #[error("{0} is missing or not in its form")]
    Header(&'static str),
    /// Made five minutes ago or longer, or as far ahead.
    #[error("the signature is not of these five minutes")]
    Clock,
    /// WeChat Pay tries whether we verify.
    #[error("the signature is one of WeChat Pay's probes")]
    Probe,
    /// No key of that name.
    #[error("the signature's key is not known")]
    Key,
    /// Another's, or the bytes were altered.
    #[error("the signature is not right")]
    Signature,
}

impl<'a> Seal<'a> {
    /// Reads the headers, and refuses what needs no key to be refused.
    pub(super) fn read(headers: &'a HeaderMap, now: UnixSeconds) -> Result<Self, SealError> {
        let get = |name: &'static str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.filter(|value| !value.is_empty()).ok_or(SealError::Header(name))
        };
        let seal = Self {
            timestamp: get("Wechatpay-Timestamp")?,
            nonce: get("Wechatpay-Nonce")?,
            signature: get("Wechatpay-Signature")?,
            serial: get("Wechatpay-Serial")?,
        };
        if headers.get("Wechatpay-Signature-Type").is_some_and(|kind| kind != "WECHATPAY2-SHA256-RSA2048") {
            return Err(SealError::Header("Wechatpay-Signature-Type"));
        }
        if seal.signature.starts_with("WECHATPAY/SIGNTEST/") {
            return Err(SealError::Probe);
        }
        let made = seal.timestamp.parse().map_err(|_| SealError::Header("Wechatpay-Timestamp"))?;
        let made = UnixSeconds::new(made);
        if now.since(made).max(made.since(now)) >= WINDOW {
            return Err(SealError::Clock);
        }
        Ok(seal)
    }

    /// Believes `bytes`, if they were signed with `key`.
    pub(super) fn verify<'b>(&self, bytes: &'b [u8], key: &VerifyingKey) -> Result<Verified<'b>, SealError> {
        let signature = STANDARD.decode(self.signature).map_err(|_| SealError::Signature)?;
        let message = [self.timestamp.as_bytes(), b"\n", self.nonce.as_bytes(), b"\n", bytes, b"\n"].concat();
        if key.verifies(&message, &signature) { Ok(Verified(bytes)) } else { Err(SealError::Signature) }
    }
}

/// How old or early a signature may not be.
const WINDOW: Duration = Duration::from_secs(300);
