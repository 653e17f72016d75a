//! WeChat Pay: what a payment is, the order's state machine, and the client, whatever the API version underneath.
//!
//! [`Payment`] and [`Refund`] can only be made from verified bytes: of a notice or of an answer whose signature was checked.

mod bill;
mod cashier;
mod client;
mod error;
mod notice;
pub mod order;
mod payment;
mod refund;
mod refunder;
mod secret;
mod terminal;
pub mod v2;
pub mod v3;

pub use bill::{
    Bill, BillError, BillFile, BilledRefund, Line as BillLine, PaymentLine, RefundLine, StrangeLine,
    Totals as BillTotals,
};
pub use cashier::{Asked, Cashier, CashierError, Closing};
pub use client::{Close, PayClient, PayParams, Prepaid, PrepayRequest, Trade};
pub use error::PayError;
pub use notice::{Notice, NoticeError, Receiver};
pub use payment::{Payment, Source};
pub use refund::{AbnormalPayee, Refund, RefundRequest, RefundStatus, Requested};
pub use refunder::{GiveUpOutcome, Redirected, Refunder, RefunderError};
pub use secret::MerchantSecret;
use terminal::Terminal;
pub use terminal::{Api, ApiNameError};
