//! The Lambda binary of `access-token`.

fn main() -> Result<(), shared::error::BoxError> {
    shared::runtime::serve_task::<access_token::AccessTokenTask>()
}
