//! WeChat Pay: what a payment is, the order's state machine, and the client, whatever the API version underneath.
//!
//! [`Payment`] can only be made from verified bytes: of a notice or of an answer whose signature was checked.

mod cashier;
mod client;
pub mod order;
mod payment;
pub mod v2;

pub use cashier::{Asked, Cashier, CashierError, Closing};
pub use client::{Close, MerchantSecret, PayClient, PayError, PayParams, Prepaid, PrepayRequest, Trade};
pub use payment::{Payment, Source};
