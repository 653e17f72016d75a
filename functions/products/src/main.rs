//! The Lambda binary of `products`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<products::ProductsFunction>()
}
