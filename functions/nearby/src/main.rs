//! The Lambda binary of `nearby`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<nearby::NearbyFunction>()
}
