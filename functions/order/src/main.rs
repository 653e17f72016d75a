//! The Lambda binary of `order`.

fn main() -> Result<(), shared::error::BoxError> {
    shared::runtime::serve::<order::OrderFunction>()
}
