//! The Lambda binary of `unified-order`.

fn main() -> Result<(), shared::error::BoxError> {
    shared::runtime::serve::<unified_order::UnifiedOrderFunction>()
}
