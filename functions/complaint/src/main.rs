//! The Lambda binary of `complaint`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<complaint::ComplaintFunction>()
}
