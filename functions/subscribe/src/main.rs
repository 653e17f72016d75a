//! The Lambda binary of `subscribe`.

fn main() -> Result<(), shared::error::BoxError> {
    shared::runtime::serve::<subscribe::SubscribeFunction>()
}
