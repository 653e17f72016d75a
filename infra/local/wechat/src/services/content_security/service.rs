//! The service that judges contents.

use std::sync::Arc;

use super::checks::MediaChecks;
use super::media_check::MediaCheck;
use crate::base::Base;
use crate::core::push::sender::PushSender;

/// Judges texts, pictures and sounds.
pub(crate) struct ContentSecurityService {
    pub(super) base: Arc<Base>,
    pub(super) checks: MediaChecks,
}

impl ContentSecurityService {
    pub(crate) fn new(base: &Arc<Base>, pushes: &Arc<PushSender>) -> Self {
        Self { base: Arc::clone(base), checks: MediaChecks::new(base, pushes) }
    }

    /// The checks of pictures and sounds, oldest first.
    pub(crate) fn media_checks(&self) -> Vec<MediaCheck> {
        self.checks.list()
    }

    /// Judges a picture or a sound whose verdict waits.
    ///
    /// # Errors
    ///
    /// A sentence that says why there is nothing to judge.
    pub(crate) fn finish_media_check(&self, trace_id: &str) -> Result<(), String> {
        self.checks.start(trace_id)
    }
}
