//! The Lambda binary of `phone`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<phone::PhoneFunction>()
}
