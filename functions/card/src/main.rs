//! The Lambda binary of `card`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<card::CardFunction>()
}
