//! WeChat Pay, `api.mch.weixin.qq.com`: the merchant's orders, refunds and bills, and one folder per version
//! of the API.

mod bills;
mod control;
pub(crate) mod forms;
mod host;
mod keys;
mod orders;
pub(crate) mod platform_keys;
mod refunds;
pub(crate) mod v2;
pub(crate) mod v3;

pub use bills::BillChange;
pub(crate) use bills::Bills;
pub(crate) use control::router as control;
pub(crate) use keys::{KeyPair, certificate};
pub use orders::{LedgerEntry, TradeState};
pub(crate) use orders::{NewOrder, NotPayable, Order, Orders};
pub(crate) use platform_keys::PlatformKeys;
pub use platform_keys::{PlatformKey, PlatformMode};
pub(crate) use refunds::Refunds;
pub use refunds::{RefundEntry, RefundSource, RefundStatus};
pub use v3::notice::SignedNotice;

/// How Pay v2 signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignType {
    /// `MD5`, the default.
    Md5,
    /// `HMAC-SHA256`.
    HmacSha256,
}

/// Which API something was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ApiVersion {
    /// v2, and how the request was signed.
    V2(SignType),
    V3,
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
