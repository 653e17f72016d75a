//! The queue of faults.
//!
//! A fault waits for the next matching request (or notice, refund, bill) and is used up after `times` of them. If several faults
//! wait for the same request, the one that was set first applies.

mod fault;
mod parse;
#[cfg(test)]
mod tests;

use crate::core::family::{Family, RouteTable};

pub use fault::Fault;
pub(crate) use parse::FaultError;

/// The faults that wait for a matching request, oldest first.
#[derive(Debug, Default)]
pub(crate) struct FaultQueue(Vec<Fault>);

impl FaultQueue {
    /// Adds all faults, or none if one of them could never happen with these routes.
    ///
    /// # Errors
    ///
    /// [`FaultError`] names the first fault that could never happen.
    pub(crate) fn add_checked(&mut self, faults: Vec<Fault>, routes: &RouteTable) -> Result<(), FaultError> {
        faults.iter().try_for_each(|fault| fault.check(routes))?;
        self.0.extend(faults);
        Ok(())
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The waiting faults. `times` is the number of uses that are left.
    pub(crate) fn active(&self) -> &[Fault] {
        &self.0
    }

    /// Takes one use of the first fault that waits for a request to this path.
    pub(crate) fn take_for(&mut self, path: &str, family: Family) -> Option<Fault> {
        self.take(|fault| match fault {
            Fault::TokenRevoked { path: None, .. } => family.needs_token(),
            fault => fault.path() == Some(path),
        })
    }

    /// Takes one use of the first fault that matches.
    pub(crate) fn take(&mut self, matches: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let position = self.0.iter().position(matches)?;
        let fault = self.0.get_mut(position)?;
        let taken = fault.clone();
        if let Some(times) = fault.times_mut() {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.0.remove(position);
            }
        }
        Some(taken)
    }
}
