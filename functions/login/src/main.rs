//! The Lambda binary of `login`.

fn main() -> Result<(), shared::error::BoxError> {
    shared::runtime::serve::<login::LoginFunction>()
}
