//! The Lambda binary of `werun`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<werun::WerunFunction>()
}
