//! The Lambda binary of `pay-notify`.

fn main() -> Result<(), shared::error::BoxError> {
    shared::runtime::serve::<pay_notify::PayNotifyFunction>()
}
