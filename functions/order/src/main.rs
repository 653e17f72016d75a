//! The Lambda binary of `order`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<order::OrderFunction>()
}
