//! The Lambda binary of `upload`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<upload::UploadFunction>()
}
