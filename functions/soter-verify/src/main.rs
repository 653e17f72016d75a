//! The Lambda binary of `soter-verify`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<soter_verify::SoterVerifyFunction>()
}
