//! Verifying answers and notices (签名验证): headers, clock, key, signature over the exact bytes.

use std::{borrow::Cow, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderMap;
use serde::de::DeserializeOwned;

use crate::{crypto::VerifyingKey, types::UnixSeconds};

/// The signature's headers. They are read, not verified.
pub(super) struct SignatureHeaders<'a> {
    pub(super) timestamp: &'a str,
    pub(super) nonce: &'a str,
    pub(super) signature: &'a str,
    /// The id or serial number of the key that made the signature.
    pub(super) serial: &'a str,
}

/// Bytes that WeChat Pay has signed, or encrypted within what it signed. Only this file makes them.
pub(super) struct VerifiedBytes<'a>(Cow<'a, [u8]>);

/// A value that was read from [`VerifiedBytes`]: the only ones that a payment or a refund is made of.
#[derive(Debug)]
pub(super) struct Verified<T>(T);

impl VerifiedBytes<'_> {
    /// Reads them as JSON.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<Verified<T>, serde_json::Error> {
        serde_json::from_slice(&self.0).map(Verified)
    }

    /// The bytes that `open` decrypts from a part of these bytes.
    pub(super) fn decrypt<E>(
        &self,
        open: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<VerifiedBytes<'static>, E> {
        Ok(VerifiedBytes(open()?.into()))
    }
}

impl<T> Verified<T> {
    /// The value.
    pub(super) fn get(&self) -> &T {
        &self.0
    }

    /// A value that a test takes for verified.
    #[cfg(test)]
    pub(super) fn for_test(value: T) -> Self {
        Self(value)
    }
}

/// Why a signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header is missing or malformed.
    #[error("{0} is missing or not in its form")]
    Header(&'static str),
    /// The signature is five minutes old or older, or as far in the future.
    #[error("the signature is not of these five minutes")]
    Clock,
    /// The signature is a probe (`WECHATPAY/SIGNTEST/`), with which WeChat Pay tests that signatures are verified.
    #[error("the signature is one of WeChat Pay's probes")]
    Probe,
    /// There is no key of this id.
    #[error("the signature's key is not known")]
    Key,
    /// The signature is wrong: another key made it, or the bytes were changed.
    #[error("the signature is not right")]
    Signature,
}

impl<'a> SignatureHeaders<'a> {
    /// Reads the headers, and refuses probes and signatures of another time before a key is looked up.
    pub(super) fn read(headers: &'a HeaderMap, now: UnixSeconds) -> Result<Self, SignatureError> {
        let get = |name: &'static str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.filter(|value| !value.is_empty()).ok_or(SignatureError::Header(name))
        };
        let seal = Self {
            timestamp: get("Wechatpay-Timestamp")?,
            nonce: get("Wechatpay-Nonce")?,
            signature: get("Wechatpay-Signature")?,
            serial: get("Wechatpay-Serial")?,
        };
        if headers.get("Wechatpay-Signature-Type").is_some_and(|kind| kind != "WECHATPAY2-SHA256-RSA2048") {
            return Err(SignatureError::Header("Wechatpay-Signature-Type"));
        }
        if seal.signature.starts_with("WECHATPAY/SIGNTEST/") {
            return Err(SignatureError::Probe);
        }
        let made = seal.timestamp.parse().map_err(|_| SignatureError::Header("Wechatpay-Timestamp"))?;
        let made = UnixSeconds::new(made);
        if now.since(made).max(made.since(now)) >= WINDOW {
            return Err(SignatureError::Clock);
        }
        Ok(seal)
    }

    /// Verifies that `bytes` were signed with `key`.
    pub(super) fn verify<'b>(
        &self,
        bytes: impl Into<Cow<'b, [u8]>>,
        key: &VerifyingKey,
    ) -> Result<VerifiedBytes<'b>, SignatureError> {
        let bytes = bytes.into();
        let signature = STANDARD.decode(self.signature).map_err(|_| SignatureError::Signature)?;
        let message =
            [self.timestamp.as_bytes(), b"\n", self.nonce.as_bytes(), b"\n", &bytes, b"\n"].concat();
        if key.verifies(&message, &signature) {
            Ok(VerifiedBytes(bytes))
        } else {
            Err(SignatureError::Signature)
        }
    }
}

/// The difference of clocks at which a signature is refused.
const WINDOW: Duration = Duration::from_secs(300);
