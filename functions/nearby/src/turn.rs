//! One call at a time: waits for the turn, calls WeChat once, and gives the turn on.

use std::time::Duration;

use serde_json::{Map, Value};
use shared::{
    api::{ApiError, Code},
    host::RetryPolicy,
    store::{LeaseName, LeaseTurn},
    telemetry,
};

use crate::{NearbyFunction, refusal::Refusal};

impl NearbyFunction {
    /// `POST path` when it is this caller's turn; the answer's JSON if WeChat did not refuse.
    ///
    /// # Errors
    /// `UPSTREAM_BUSY`: other calls kept the turn, and WeChat was not called; or the answer was lost, and the call may have taken
    /// effect. Otherwise what the errcode means.
    pub(crate) async fn call(
        &self,
        path: &'static str,
        body: &Value,
    ) -> Result<Map<String, Value>, ApiError> {
        let id = self.wait_for_turn().await?;
        // No call is repeated, because the next one must come a second later, and a second place must not be added.
        let answer = self.platform.post(path, body, RetryPolicy::Never).await;
        // The pause counts from the end of the call, also of one that failed: it may have reached WeChat.
        let free_at = self.host.now_millis().saturating_add(PAUSE);
        if let Err(error) = self.leases.release(LeaseName::NearbyPois, &id, free_at).await {
            // The lease ends by itself, and whoever waits for it is told to come again.
            telemetry::handled_error("release-nearby-lease", &error);
        }
        answer.map_err(Refusal::map_error)
    }

    /// The id under which this caller holds the lease.
    async fn wait_for_turn(&self) -> Result<String, ApiError> {
        let id = shared::crypto::hex(&self.host.random::<8>()?);
        for _ in 0..MAX_POLLS {
            let now = self.host.now_millis();
            match self.leases.acquire(LeaseName::NearbyPois, &id, now, now.saturating_add(LEASE)).await? {
                LeaseTurn::Acquired => return Ok(id),
                LeaseTurn::HeldUntil(until) => {
                    let wait = until.saturating_sub(now).clamp(SHORTEST_WAIT, LONGEST_WAIT);
                    tokio::time::sleep(Duration::from_millis(wait)).await;
                }
            }
        }
        Err(ApiError::new(Code::UpstreamBusy).retry_after(Duration::from_secs(5)))
    }
}

/// Milliseconds between two calls. WeChat demands a second; the rest is for clocks that differ.
const PAUSE: u64 = 1_500;
/// Milliseconds until a lease ends that nobody released. That is longer than a request may take.
const LEASE: u64 = 30_000;
/// Milliseconds between two looks at a lease that is held.
const SHORTEST_WAIT: u64 = 100;
const LONGEST_WAIT: u64 = 500;
/// Looks at the lease, in some seven seconds.
const MAX_POLLS: u32 = 16;
