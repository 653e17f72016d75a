//! The Lambda binary of `subscribe`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<subscribe::SubscribeFunction>()
}
