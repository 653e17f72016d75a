//! The Lambda binary of `soter-verify`.

fn main() -> Result<(), shared::error::BoxError> {
    shared::runtime::serve::<soter_verify::SoterVerifyFunction>()
}
