//! The signature of APIv2 (签名算法).

use std::str::FromStr;

use super::Fields;
use crate::{
    crypto::{hex, hmac_sha256, md5},
    types::Secret,
};

/// The sign type of requests, answers and notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignType {
    /// WeChat Pay's default.
    Md5,
    /// HMAC-SHA256, keyed with the APIv2 key.
    HmacSha256,
}

impl SignType {
    /// WeChat Pay's name of it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::HmacSha256 => "HMAC-SHA256",
        }
    }
}

/// The text is not a sign type of APIv2.
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

/// Signs `fields`: every field with a value except `sign`, also unknown ones, in byte order of their names, with the values as they
/// are.
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
