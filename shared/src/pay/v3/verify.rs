//! Verifying answers and notices (签名验证): headers, clock, key, signature over the exact bytes.

use std::{borrow::Cow, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderMap;
use serde::de::DeserializeOwned;

use crate::{crypto::VerifyingKey, types::UnixSeconds};

/// What WeChat Pay says of its signature. Nothing of it is believed yet.
pub(super) struct SignatureHeaders<'a> {
    pub(super) timestamp: &'a str,
    pub(super) nonce: &'a str,
    pub(super) signature: &'a str,
    /// Which key it was made with.
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

    /// What `open` decrypts of a part of these bytes. `E` is its error.
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

/// Why bytes are not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
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

impl<'a> SignatureHeaders<'a> {
    /// Reads the headers, and refuses what needs no key to be refused.
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

/// How old or early a signature may not be.
const WINDOW: Duration = Duration::from_secs(300);
