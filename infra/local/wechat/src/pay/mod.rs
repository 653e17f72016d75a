//! WeChat Pay, `api.mch.weixin.qq.com`: the merchant's orders, and one folder per version of the API.

mod orders;
pub(crate) mod v2;

pub use orders::{LedgerEntry, TradeState};
pub(crate) use orders::{NewOrder, NotPayable, Order, Orders};

/// How Pay v2 signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignType {
    /// `MD5`, the default.
    Md5,
    /// `HMAC-SHA256`.
    HmacSha256,
}

impl SignType {
    /// As in the field `sign_type`.
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
