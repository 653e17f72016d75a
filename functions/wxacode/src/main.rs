//! The Lambda binary of `wxacode`.

fn main() -> Result<(), shared::error::BoxError> {
    shared::runtime::serve::<wxacode::WxacodeFunction>()
}
