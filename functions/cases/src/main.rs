//! The Lambda binary of `cases`.

fn main() -> Result<(), shared::error::BoxError> {
    shared::runtime::serve::<cases::CasesFunction>()
}
