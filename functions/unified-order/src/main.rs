//! The Lambda binary of `unified-order`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<unified_order::UnifiedOrderFunction>()
}
