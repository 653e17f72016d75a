//! The Lambda binary of `refund-notify`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<refund_notify::RefundNotifyFunction>()
}
