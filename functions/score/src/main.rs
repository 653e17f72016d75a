//! The Lambda binary of `score`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<score::ScoreFunction>()
}
