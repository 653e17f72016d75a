//! WeChat Pay's protocol: the client, notices, refunds and bills, whatever the API version underneath.
//!
//! [`Payment`] and [`Refund`] can only be made from verified bytes: of a notice or of an answer whose signature was checked.

mod bill;
mod client;
mod error;
mod merchant;
mod notice;
mod payment;
mod refund;
mod secret;

pub mod v2;
pub mod v3;

pub use bill::{
    Bill, BillError, BillFile, BilledRefund, Line as BillLine, PaymentLine, RefundLine, StrangeLine,
    Totals as BillTotals,
};
pub use client::{Close, PayClient, PayParams, Prepaid, PrepayRequest, Trade};
pub use error::PayError;
use merchant::Terminal;
pub use merchant::{Api, ApiNameError};
pub use notice::{Notice, NoticeError, Receiver};
pub use payment::{Payment, Source};
pub use refund::{AbnormalPayee, Refund, RefundRequest, RefundStatus, Requested};
pub use secret::MerchantSecret;
pub use v3::{CertificateStore, SignedCertificates};
