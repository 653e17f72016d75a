//! Orders without tables and without network: the state machine, and the schedules by which WeChat Pay and WeChat are asked.

pub mod query_schedule;
mod shipping;
mod shipping_schedule;
mod state;

pub use shipping::ShippingState;
pub use shipping_schedule::{ShippingPolicy, ShippingProgress, is_shipping_managed};
pub use state::{
    LatePaymentPolicy, LatePaymentPolicyError, OrderSnapshot, PaymentVerdict, Status, payment_verdict,
};
