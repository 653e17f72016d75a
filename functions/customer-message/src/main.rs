//! The Lambda binary of `customer-message`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<customer_message::CustomerMessageFunction>()
}
