//! Which code a function of the template is: one line a function.

use shared::host::Host;

use crate::{error::CallError, function::Entry};

/// Every function of the bundle.
pub(crate) const REGISTRY: &[Entry] = &[
    Entry::task::<access_token::AccessTokenTask>(),
    Entry::function::<card::CardFunction>(),
    Entry::function::<cases::CasesFunction>(),
    Entry::function::<login::LoginFunction>(),
    Entry::function::<order::OrderFunction>(),
    Entry::task::<order_events::OrderEventsTask>(),
    Entry::task::<order_sweep::OrderSweepTask>(),
    Entry::function::<pay_notify::PayNotifyFunction>(),
    Entry::function::<phone::PhoneFunction>(),
    Entry::function::<quota::QuotaFunction>(),
    Entry::task::<reconcile::ReconcileTask>(),
    Entry::function::<refund::RefundFunction>(),
    Entry::function::<refund_notify::RefundNotifyFunction>(),
    Entry::function::<soter_verify::SoterVerifyFunction>(),
    Entry::function::<subscribe::SubscribeFunction>(),
    Entry::function::<unified_order::UnifiedOrderFunction>(),
    Entry::function::<user::UserFunction>(),
    Entry::function::<werun::WerunFunction>(),
    Entry::function::<wxacode::WxacodeFunction>(),
];

/// Starts the function in `functions/<folder>` on `host`, as a cold start does, and lets it go.
///
/// # Errors
/// There is no such function, or a setting is missing or wrong.
pub async fn start(folder: &str, host: Host) -> Result<(), CallError> {
    let unknown = || CallError::Unknown { folder: folder.to_owned(), expected: "function or task" };
    let entry = REGISTRY.iter().find(|entry| entry.folder == folder).ok_or_else(unknown)?;
    Ok(entry.start(host).await?)
}

/// The folders below `functions/` that have code here.
#[must_use]
pub fn registered() -> Vec<&'static str> {
    REGISTRY.iter().map(|entry| entry.folder).collect()
}
