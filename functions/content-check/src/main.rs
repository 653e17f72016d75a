//! The Lambda binary of `content-check`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<content_check::ContentCheckFunction>()
}
