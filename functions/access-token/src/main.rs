//! The Lambda binary of `access-token`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve_task::<access_token::AccessTokenTask>()
}
