//! The versions of WeChat Pay's API, and the signature types of v2.

use serde::{Deserialize, Serialize};

/// The signature type of Pay v2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignType {
    /// `MD5`, the default.
    Md5,
    /// `HMAC-SHA256`.
    HmacSha256,
}

/// The version of the API with which an order or refund was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ApiVersion {
    /// v2, with the signature type of the request.
    V2(SignType),
    V3,
}

impl SignType {
    /// The value of the field `sign_type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::HmacSha256 => "HMAC-SHA256",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Md5, Self::HmacSha256].into_iter().find(|sign_type| sign_type.as_str() == text)
    }
}

impl ApiVersion {
    /// `signType` of `wx.requestPayment`.
    pub(crate) fn sign_type(self) -> &'static str {
        match self {
            Self::V2(sign_type) => sign_type.as_str(),
            Self::V3 => "RSA",
        }
    }

    /// The version whose `signType` this is.
    pub(crate) fn of_sign_type(text: &str) -> Option<Self> {
        if text == "RSA" { Some(Self::V3) } else { SignType::parse(text).map(Self::V2) }
    }
}
