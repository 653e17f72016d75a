//! The signature of APIv2 (签名算法).

use std::str::FromStr;

use super::Fields;
use crate::{
    crypto::{hex, hmac_sha256, md5},
    types::Secret,
};

/// How requests, answers and notices are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignType {
    /// WeChat Pay's default.
    Md5,
    /// HMAC-SHA256, keyed with the APIv2 key.
    HmacSha256,
}

impl SignType {
    /// As WeChat Pay spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::HmacSha256 => "HMAC-SHA256",
        }
    }
}

/// The text names no sign type of APIv2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sign type must be MD5 or HMAC-SHA256")]
pub struct SignTypeError;

impl FromStr for SignType {
    type Err = SignTypeError;
    fn from_str(text: &str) -> Result<Self, SignTypeError> {
        match text {
            "MD5" => Ok(Self::Md5),
            "HMAC-SHA256" => Ok(Self::HmacSha256),
            _ => Err(SignTypeError),
        }
    }
}

/// The signature over `fields`: all that have a value, known or not, except `sign`; by name in byte order; as they are.
#[must_use]
pub fn sign(fields: &Fields, sign_type: SignType, api_v2_key: &Secret) -> String {
    let mut text = String::new();
    for (name, value) in fields.iter().filter(|(name, value)| *name != "sign" && !value.is_empty()) {
        text.push_str(name);
        text.push('=');
        text.push_str(value);
        text.push('&');
    }
    text.push_str("key=");
    text.push_str(api_v2_key.expose());
    let digest = match sign_type {
        SignType::Md5 => hex(&md5(text.as_bytes())),
        SignType::HmacSha256 => hex(&hmac_sha256(api_v2_key.expose().as_bytes(), text.as_bytes())),
    };
    zeroize::Zeroize::zeroize(&mut text);
    digest.to_ascii_uppercase()
}
