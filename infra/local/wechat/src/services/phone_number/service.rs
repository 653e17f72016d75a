//! The service that gives phone numbers to the back end.

use std::sync::{Arc, Mutex, MutexGuard};

use super::phone_codes::PhoneCodes;
use crate::base::Base;
use crate::core::lock::lock;
use crate::core::persist::Keep;

/// Exchanges codes for phone numbers.
pub(crate) struct PhoneNumberService {
    pub(super) base: Arc<Base>,
    codes: Mutex<PhoneCodes>,
}

impl PhoneNumberService {
    pub(crate) fn new(base: &Arc<Base>) -> Self {
        Self { base: Arc::clone(base), codes: Mutex::default() }
    }

    /// The number of exchanges that WeChat charges for.
    pub(crate) fn charged(&self) -> u64 {
        self.codes().charged()
    }

    /// The state, for a snapshot.
    pub(super) fn kept_state(&self) -> &dyn Keep {
        &self.codes
    }

    pub(super) fn codes(&self) -> MutexGuard<'_, PhoneCodes> {
        lock(&self.codes)
    }
}
