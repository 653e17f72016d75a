//! What happened: every call with its permissions and its cost.

use std::collections::BTreeSet;
use std::fmt;
use std::iter::Sum;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::fault::FaultKind;

/// A call that reached the endpoint with a valid signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Who made it: a function's logical id, or the operator.
    pub caller: String,
    /// The operation, such as `TransactWriteItems`.
    pub operation: String,
    /// The permissions it needed.
    pub permissions: Vec<Permission>,
    /// The tables it touched.
    pub tables: Vec<String>,
    /// What it read.
    pub read_units: Units,
    /// What it wrote.
    pub write_units: Units,
    /// Whether the caller's statements allowed it.
    pub allowed: bool,
    /// The status of the answer; 0 when there was none.
    pub status: u16,
    /// The code of the error it was answered with, such as `ConditionalCheckFailedException`.
    pub error: Option<String>,
    /// The fault that was injected into it.
    pub fault: Option<FaultKind>,
}

/// An action on a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// The action, such as `dynamodb:PutItem`.
    pub action: String,
    /// The ARN of the resource.
    pub resource: String,
}

/// A permission and who used it, or wanted to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PermissionUse {
    /// The function's logical id.
    pub caller: String,
    /// The action.
    pub action: String,
    /// The ARN of the resource.
    pub resource: String,
}

/// Capacity units, which come in halves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Units(u64);

impl Units {
    /// So many halves of a unit.
    pub const fn halves(halves: u64) -> Self {
        Self(halves)
    }

    /// How many halves they are.
    pub const fn as_halves(self) -> u64 {
        self.0
    }

    /// Reads a number such as `1.5`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let half = if fraction.starts_with('5') { 1 } else { 0 };
        whole.parse::<u64>().ok()?.checked_mul(2)?.checked_add(half).map(Self)
    }
}

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0 / 2, if self.0.is_multiple_of(2) { "" } else { ".5" })
    }
}

impl Sum for Units {
    fn sum<I: Iterator<Item = Self>>(units: I) -> Self {
        Self(units.map(|units| units.0).fold(0, u64::saturating_add))
    }
}

/// The record, shared by all requests.
#[derive(Default)]
pub(crate) struct Record {
    inner: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    calls: Vec<Call>,
    used: BTreeSet<PermissionUse>,
    denied: Vec<PermissionUse>,
}

impl Record {
    pub(crate) fn add(&self, call: Call) {
        let mut entries = self.lock();
        if call.allowed {
            let uses = call.permissions.iter().map(|permission| permission.used_by(&call.caller));
            entries.used.extend(uses);
        }
        entries.calls.push(call);
    }

    pub(crate) fn deny(&self, caller: &str, lacking: &Permission) {
        self.lock().denied.push(lacking.used_by(caller));
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    pub(crate) fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.lock().calls)
    }

    pub(crate) fn used(&self) -> BTreeSet<PermissionUse> {
        self.lock().used.clone()
    }

    pub(crate) fn denied(&self) -> Vec<PermissionUse> {
        self.lock().denied.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permission {
    fn used_by(&self, caller: &str) -> PermissionUse {
        let Self { action, resource } = self.clone();
        PermissionUse { caller: caller.to_owned(), action, resource }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_written_in_halves() {
        for (text, halves, written) in [("0.5", 1, "0.5"), ("1.0", 2, "1"), ("2.5", 5, "2.5"), ("3", 6, "3")]
        {
            let units = Units::parse(text).unwrap();
            assert_eq!(units, Units::halves(halves));
            assert_eq!(units.to_string(), written);
        }
    }
}
