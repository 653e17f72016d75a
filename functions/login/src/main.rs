//! The Lambda binary of `login`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<login::LoginFunction>()
}
