//! The Lambda binary of `wxacode`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<wxacode::WxacodeFunction>()
}
