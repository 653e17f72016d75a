//! The Lambda binary of `share`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<share::ShareFunction>()
}
