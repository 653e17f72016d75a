//! The Lambda binary of `retired`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<retired::RetiredFunction>()
}
