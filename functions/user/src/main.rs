//! The Lambda binary of `user`.

fn main() -> Result<(), shared::error::BoxError> {
    shared::runtime::serve::<user::UserFunction>()
}
