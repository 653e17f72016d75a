//! The Lambda binary of `card`.

fn main() -> Result<(), shared::error::BoxError> {
    shared::runtime::serve::<card::CardFunction>()
}
