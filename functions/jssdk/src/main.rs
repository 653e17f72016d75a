//! The Lambda binary of `jssdk`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<jssdk::JssdkFunction>()
}
