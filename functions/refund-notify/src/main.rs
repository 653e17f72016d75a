//! The Lambda binary of `refund-notify`.

fn main() -> Result<(), shared::error::BoxError> {
    shared::runtime::serve::<refund_notify::RefundNotifyFunction>()
}
