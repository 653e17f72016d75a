//! Orders without tables and without network: the state machine, and the schedule by which WeChat Pay is asked.

pub mod query_schedule;
mod shipping;
mod state;

pub use shipping::ShippingState;
pub use state::{
    LatePaymentPolicy, LatePaymentPolicyError, OrderSnapshot, PaymentVerdict, Status, payment_verdict,
};
