//! The courier companies that WeChat knows, kept for a day.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use shared::{types::UnixSeconds, wechat::shipping::ExpressCompany};

/// The companies of the last answer, and when it came. Each instance asks for itself, because the list hardly ever changes.
#[derive(Default)]
pub(crate) struct KnownCompanies(Mutex<Option<(UnixSeconds, Arc<Vec<ExpressCompany>>)>>);

impl KnownCompanies {
    /// The companies, if they are not a day old.
    pub(crate) fn get(&self, now: UnixSeconds) -> Option<Arc<Vec<ExpressCompany>>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, companies) = known.as_ref()?;
        (now.since(*at) < KEPT).then(|| Arc::clone(companies))
    }

    /// Keeps the companies that came `now`.
    pub(crate) fn keep(&self, companies: Arc<Vec<ExpressCompany>>, now: UnixSeconds) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, companies));
    }
}

const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
