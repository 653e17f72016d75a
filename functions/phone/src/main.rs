//! The Lambda binary of `phone`.

fn main() -> Result<(), shared::error::BoxError> {
    shared::runtime::serve::<phone::PhoneFunction>()
}
