//! The Lambda binary of `pay-notify`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<pay_notify::PayNotifyFunction>()
}
