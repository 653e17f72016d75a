//! The Lambda binary of `quota`.

fn main() -> Result<(), shared::error::BoxError> {
    shared::runtime::serve::<quota::QuotaFunction>()
}
