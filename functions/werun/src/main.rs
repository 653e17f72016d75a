//! The Lambda binary of `werun`.

fn main() -> Result<(), shared::error::BoxError> {
    shared::runtime::serve::<werun::WerunFunction>()
}
