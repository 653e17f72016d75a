//! The Lambda binary of `user`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<user::UserFunction>()
}
