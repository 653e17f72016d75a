//! WeChat Pay's protocol: the client, notices, refunds and bills, whatever the API version underneath.
//!
//! [`Payment`] and [`Refund`] can only be made from verified bytes: of a notice or of an answer whose signature was checked.

mod attempt;
mod bill;
mod client;
mod complaint;
mod error;
mod merchant;
mod notice;
mod notice_receiver;
mod payment;
mod refund;
mod secret;

pub mod v2;
pub mod v3;

pub use attempt::{CloseResponse, PayParams, PrepayOutcome, PrepayRequest, TradeState};
pub use bill::{
    Bill, BillError, BillFile, BilledRefund, Line as BillLine, PaymentLine, RefundLine, Totals as BillTotals,
    UnknownStateLine,
};
pub use client::PayClient;
pub use complaint::{Complaint, ComplaintNotice, ComplaintPage, ComplaintState, NegotiationStep};
pub use error::PayError;
use merchant::MerchantContext;
pub use merchant::{ApiVersion, ApiVersionError};
pub use notice::{Notice, NoticeError};
pub use notice_receiver::NoticeReceiver;
pub use payment::{FailedAttempt, Payment, Source};
pub use refund::{AbnormalPayee, Refund, RefundRequest, RefundResponse, RefundStatus};
pub use secret::MerchantSecret;
pub use v3::{CertificateStore, SignedCertificates};
