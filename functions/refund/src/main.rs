//! The Lambda binary of `refund`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<refund::RefundFunction>()
}
