//! Which events without a meaning to this back end have been named in the log.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

/// The names that this instance has logged. Each is logged once, because WeChat can send such an event for every visit of every user.
#[derive(Default)]
pub(crate) struct UnknownEvents(Mutex<HashSet<String>>);

impl UnknownEvents {
    /// Whether the name comes for the first time. When [`MAX_NAMES`] are known, no other name is.
    pub(crate) fn is_first(&self, name: &str) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.len() < MAX_NAMES && known.insert(name.to_owned())
    }
}

/// More than WeChat has events; it bounds what senders of invented names could make of an instance's memory and log.
const MAX_NAMES: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_first_once_and_names_are_bounded() {
        let events = UnknownEvents::default();
        assert!(events.is_first("debug_demo") && !events.is_first("debug_demo"));
        let first = (0..2 * MAX_NAMES).filter(|number| events.is_first(&number.to_string())).count();
        assert_eq!(first, MAX_NAMES - 1);
    }
}
