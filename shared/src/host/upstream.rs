//! Where one of WeChat's platforms is asked: at its address, or at the backup while that does not answer.
//!
//! WeChat Pay: 跨城冗灾方案. Open platform: 接口域名说明, 通用异地容灾域名.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::StatusCode;

use super::{Host, HostError, Peer};
use crate::{
    telemetry::{self, Metric},
    types::UnixSeconds,
};

/// A platform's addresses, and how they have answered this instance.
///
/// An address that did not answer [`PATIENCE`] times in a row is left alone for [`REST`]; then one request tries it again.
pub(crate) struct Upstream {
    host: Host,
    peer: Peer,
    primary: Address,
    backup: Option<Address>,
}

/// One address.
pub(crate) struct Address {
    base: String,
    health: Mutex<Health>,
}

#[derive(Default)]
struct Health {
    /// Requests in a row that were not answered.
    failures: u32,
    failed_at: Option<UnixSeconds>,
}

/// Which addresses a request may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Either: the request may be repeated, or has never arrived.
    Either,
    /// The first one alone: the request uses something up, and what the first one made of it is not known.
    PrimaryOnly,
}

impl Upstream {
    /// Reads the variable `name`: an address, or two with a comma between them, of which the second is the backup.
    ///
    /// # Errors
    /// It is missing.
    pub(crate) fn new(host: &Host, name: &'static str, peer: Peer) -> Result<Self, HostError> {
        let address = |base: &str| Address {
            base: base.trim().trim_end_matches('/').to_owned(),
            health: Mutex::default(),
        };
        let bases = host.var(name)?;
        let (primary, backup) = match bases.split_once(',') {
            Some((primary, backup)) => (address(primary), Some(address(backup))),
            None => (address(bases), None),
        };
        Ok(Self { host: host.clone(), peer, primary, backup })
    }

    /// Its addresses, the platform's own first.
    pub(crate) fn bases(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.primary).chain(&self.backup).map(Address::base)
    }

    /// The client for it.
    ///
    /// # Errors
    /// It can't be made.
    pub(crate) fn http(&self) -> Result<reqwest::Client, HostError> {
        self.host.http_to(self.peer)
    }

    /// Where the next request goes: to the backup while the address itself does not answer and the backup does.
    pub(crate) fn choose(&self, reach: Reach) -> &Address {
        let now = self.host.now();
        match &self.backup {
            Some(backup) if reach == Reach::Either && self.primary.rests(now) && !backup.rests(now) => {
                telemetry::record_metric(Metric::BackupCall(self.peer.name()));
                backup
            }
            _ => &self.primary,
        }
    }

    /// Notes what came of a request that was sent to `address`: the status of its answer, if there was one.
    pub(crate) fn note(&self, address: &Address, answer: Option<StatusCode>) {
        let mut health = address.health();
        if answer.is_some_and(|status| !is_of_gateway(status)) {
            health.failures = 0;
        } else {
            health.failures = health.failures.saturating_add(1);
            health.failed_at = Some(self.host.now());
        }
    }
}

impl Address {
    /// What a path is appended to.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    fn rests(&self, now: UnixSeconds) -> bool {
        let health = self.health();
        health.failures >= PATIENCE && health.failed_at.is_some_and(|at| now.since(at) < REST)
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the status is that of a gateway which does not reach what is behind it. A 500 is an answer of the platform itself.
fn is_of_gateway(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}

/// Failures in a row after which the other address is asked: a request that is tried three times comes to it by itself.
const PATIENCE: u32 = 2;
/// How long an address is left alone.
const REST: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    use super::*;
    use crate::host::{Clock, SystemRandomness};

    #[derive(Clone, Default)]
    struct Hand(Arc<AtomicU64>);

    impl Clock for Hand {
        fn now_millis(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn upstream(bases: &str) -> (Upstream, Hand) {
        let clock = Hand::default();
        clock.0.store(1_700_000_000_000, Ordering::Relaxed);
        let env = [("PAY_API_BASE".to_owned(), bases.to_owned())].into();
        let host = Host::new(env, Arc::new(clock.clone()), Arc::new(SystemRandomness), Vec::new());
        (Upstream::new(&host, "PAY_API_BASE", Peer::Pay).unwrap(), clock)
    }

    /// A request is sent and gets this; where it went.
    fn ask(upstream: &Upstream, answer: impl Fn(&str) -> Option<u16>) -> String {
        let address = upstream.choose(Reach::Either);
        let status = answer(address.base()).map(|status| StatusCode::from_u16(status).unwrap());
        upstream.note(address, status);
        address.base().to_owned()
    }

    #[test]
    fn the_backup_is_asked_while_the_address_itself_does_not_answer() {
        let (upstream, clock) = upstream("https://a/, https://b");
        let down = |base: &str| (base != "https://a").then_some(200);
        assert_eq!(
            [(); 4].map(|()| ask(&upstream, down)),
            ["https://a", "https://a", "https://b", "https://b"]
        );
        assert_eq!(upstream.choose(Reach::PrimaryOnly).base(), "https://a");
        clock.0.fetch_add(60_000, Ordering::Relaxed);
        assert_eq!(
            [(); 2].map(|()| ask(&upstream, down)),
            ["https://a", "https://b"],
            "one request tries it again"
        );
        clock.0.fetch_add(60_000, Ordering::Relaxed);
        assert_eq!([(); 2].map(|()| ask(&upstream, |_| Some(200))), ["https://a", "https://a"]);
    }

    #[test]
    fn failures_that_are_answers_or_not_in_a_row_keep_the_address() {
        let (upstream, _) = upstream("https://a,https://b");
        for status in
            [Some(500), Some(401), Some(429), Some(404), Some(502), Some(200), None, Some(200), Some(503)]
        {
            assert_eq!(ask(&upstream, |_| status), "https://a", "{status:?}");
        }
        assert_eq!(ask(&upstream, |_| Some(504)), "https://a");
        assert_eq!(ask(&upstream, |_| Some(200)), "https://b", "two in a row");
    }

    #[test]
    fn when_both_do_not_answer_the_address_itself_is_asked() {
        let (upstream, _) = upstream("https://a,https://b");
        let asked = [(); 6].map(|()| ask(&upstream, |_| None));
        assert_eq!(asked, ["https://a", "https://a", "https://b", "https://b", "https://a", "https://a"]);
    }

    #[test]
    fn without_a_backup_there_is_one_address() {
        let (upstream, _) = upstream("http://127.0.0.1:1/");
        assert_eq!([(); 3].map(|()| ask(&upstream, |_| None)), ["http://127.0.0.1:1"; 3]);
        assert_eq!(upstream.bases().collect::<Vec<_>>(), ["http://127.0.0.1:1"]);
    }
}
