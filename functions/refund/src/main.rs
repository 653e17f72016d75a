//! The Lambda binary of `refund`.

fn main() -> Result<(), shared::error::BoxError> {
    shared::runtime::serve::<refund::RefundFunction>()
}
