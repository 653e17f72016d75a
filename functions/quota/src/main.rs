//! The Lambda binary of `quota`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<quota::QuotaFunction>()
}
