//! The Lambda binary of `shipping`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<shipping::ShippingFunction>()
}
