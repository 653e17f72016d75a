//! The addresses of WeChat's platforms: requests go to the backup address while the primary one does not answer.
//!
//! WeChat Pay: 跨城冗灾方案. Open platform: 接口域名说明, 通用异地容灾域名.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::StatusCode;

use super::{Host, HostError, HttpClient, RemoteService};
use crate::{
    telemetry::{self, Metric},
    types::UnixSeconds,
};

/// A platform's addresses, and how they have answered this Lambda instance.
///
/// An address that did not answer [`FAILURES_BEFORE_FAILOVER`] times in a row is not used for [`COOL_DOWN`]. Then one request tries it
/// again.
pub(crate) struct Upstream {
    host: Host,
    service: RemoteService,
    primary: Address,
    backup: Option<Address>,
}

/// One address of a platform.
pub(crate) struct Address {
    base_url: String,
    health: Mutex<Health>,
}

#[derive(Default)]
struct Health {
    /// The number of requests in a row that were not answered.
    failures: u32,
    failed_at: Option<UnixSeconds>,
}

/// Which addresses a request may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressChoice {
    /// Either address: repeating the request changes nothing, or it has not arrived at the primary address.
    PrimaryOrBackup,
    /// The primary address alone: the request has an effect each time, and may have had it at the primary address.
    PrimaryOnly,
}

impl Upstream {
    /// Reads the variable `name`: an address, or two with a comma between them, of which the second is the backup.
    ///
    /// # Errors
    /// [`HostError`]: the variable is missing.
    pub(crate) fn new(host: &Host, name: &'static str, service: RemoteService) -> Result<Self, HostError> {
        let address = |base: &str| Address {
            base_url: base.trim().trim_end_matches('/').to_owned(),
            health: Mutex::default(),
        };
        let bases = host.var(name)?;
        let (primary, backup) = match bases.split_once(',') {
            Some((primary, backup)) => (address(primary), Some(address(backup))),
            None => (address(bases), None),
        };
        host.note_address(service, primary.base_url());
        Ok(Self { host: host.clone(), service, primary, backup })
    }

    /// The base URLs of the addresses, the primary one first.
    pub(crate) fn base_urls(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.primary).chain(&self.backup).map(Address::base_url)
    }

    /// The HTTP client for this platform.
    ///
    /// # Errors
    /// [`HostError::Client`]: the TLS configuration is not accepted.
    pub(crate) fn http(&self) -> Result<HttpClient, HostError> {
        self.host.http_to(self.service)
    }

    /// The address for the next request: the backup while it answers and the primary one does not.
    pub(crate) fn choose_address(&self, choice: AddressChoice) -> &Address {
        let now = self.host.now();
        match &self.backup {
            Some(backup)
                if choice == AddressChoice::PrimaryOrBackup
                    && self.primary.is_cooling_down(now)
                    && !backup.is_cooling_down(now) =>
            {
                telemetry::record_metric(Metric::BackupCall(self.service.name()));
                backup
            }
            _ => &self.primary,
        }
    }

    /// Records how `address` answered a request: with this HTTP status, or not at all.
    pub(crate) fn record_response(&self, address: &Address, status: Option<StatusCode>) {
        let mut health = address.health();
        if status.is_some_and(|status| !is_of_gateway(status)) {
            health.failures = 0;
        } else {
            health.failures = health.failures.saturating_add(1);
            health.failed_at = Some(self.host.now());
        }
    }
}

impl Address {
    /// The base URL, to which a path is appended.
    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    fn is_cooling_down(&self, now: UnixSeconds) -> bool {
        let health = self.health();
        health.failures >= FAILURES_BEFORE_FAILOVER
            && health.failed_at.is_some_and(|at| now.since(at) < COOL_DOWN)
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a gateway answered that does not reach the platform behind it. A 500 is the platform's own answer.
fn is_of_gateway(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}

/// The number of failures in a row after which the other address is used. A request of three attempts reaches the backup by itself.
const FAILURES_BEFORE_FAILOVER: u32 = 2;
/// How long an address is not used after those failures.
const COOL_DOWN: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    use super::*;
    use crate::host::{Clock, SystemRandomness};

    #[derive(Clone, Default)]
    struct ManualClock(Arc<AtomicU64>);

    impl Clock for ManualClock {
        fn now_millis(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn upstream(bases: &str) -> (Upstream, ManualClock) {
        let clock = ManualClock::default();
        clock.0.store(1_700_000_000_000, Ordering::Relaxed);
        let env = [("PAY_API_BASE".to_owned(), bases.to_owned())].into();
        let host = Host::new(env, Arc::new(clock.clone()), Arc::new(SystemRandomness), Vec::new());
        (Upstream::new(&host, "PAY_API_BASE", RemoteService::Pay).unwrap(), clock)
    }

    /// The address that the next request goes to, which is then answered with this status or not at all.
    fn next_address(upstream: &Upstream, status: impl Fn(&str) -> Option<u16>) -> String {
        let address = upstream.choose_address(AddressChoice::PrimaryOrBackup);
        let status = status(address.base_url()).map(|status| StatusCode::from_u16(status).unwrap());
        upstream.record_response(address, status);
        address.base_url().to_owned()
    }

    #[test]
    fn the_backup_is_used_while_the_primary_address_does_not_answer() {
        let (upstream, clock) = upstream("https://a/, https://b");
        let down = |base: &str| (base != "https://a").then_some(200);
        assert_eq!(
            [(); 4].map(|()| next_address(&upstream, down)),
            ["https://a", "https://a", "https://b", "https://b"]
        );
        assert_eq!(upstream.choose_address(AddressChoice::PrimaryOnly).base_url(), "https://a");
        clock.0.fetch_add(60_000, Ordering::Relaxed);
        assert_eq!(
            [(); 2].map(|()| next_address(&upstream, down)),
            ["https://a", "https://b"],
            "one request tries it again"
        );
        clock.0.fetch_add(60_000, Ordering::Relaxed);
        assert_eq!([(); 2].map(|()| next_address(&upstream, |_| Some(200))), ["https://a", "https://a"]);
    }

    #[test]
    fn other_statuses_and_single_failures_do_not_move_requests() {
        let (upstream, _) = upstream("https://a,https://b");
        for status in
            [Some(500), Some(401), Some(429), Some(404), Some(502), Some(200), None, Some(200), Some(503)]
        {
            assert_eq!(next_address(&upstream, |_| status), "https://a", "{status:?}");
        }
        assert_eq!(next_address(&upstream, |_| Some(504)), "https://a");
        assert_eq!(next_address(&upstream, |_| Some(200)), "https://b", "two in a row");
    }

    #[test]
    fn the_primary_address_is_used_when_both_do_not_answer() {
        let (upstream, _) = upstream("https://a,https://b");
        let asked = [(); 6].map(|()| next_address(&upstream, |_| None));
        assert_eq!(asked, ["https://a", "https://a", "https://b", "https://b", "https://a", "https://a"]);
    }

    #[test]
    fn without_a_backup_every_request_goes_to_the_primary_address() {
        let (upstream, _) = upstream("http://127.0.0.1:1/");
        assert_eq!([(); 3].map(|()| next_address(&upstream, |_| None)), ["http://127.0.0.1:1"; 3]);
        assert_eq!(upstream.base_urls().collect::<Vec<_>>(), ["http://127.0.0.1:1"]);
    }
}
