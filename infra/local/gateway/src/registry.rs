//! Which code a function of the template is: one line a function.

use crate::function::Entry;

/// Every function of the bundle.
pub(crate) const REGISTRY: &[Entry] = &[
    Entry::task::<access_token::AccessTokenTask>(),
    Entry::function::<login::LoginFunction>(),
    Entry::function::<order::OrderFunction>(),
    Entry::task::<order_sweep::OrderSweepTask>(),
    Entry::function::<pay_notify::PayNotifyFunction>(),
    Entry::function::<phone::PhoneFunction>(),
    Entry::function::<unified_order::UnifiedOrderFunction>(),
    Entry::function::<user::UserFunction>(),
];

/// The folders below `functions/` that have code here.
#[must_use]
pub fn registered() -> Vec<&'static str> {
    REGISTRY.iter().map(|entry| entry.folder).collect()
}
