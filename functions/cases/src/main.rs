//! The Lambda binary of `cases`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<cases::CasesFunction>()
}
