//! Sends notices to the back end: immediately, then again on WeChat's schedule until the back end acknowledges.
//!
//! Documentation: "Payment result notification": redelivery after 15s/15s/30s/3m/10m/20m/30m/30m/30m/60m/3h/3h/3h/6h/6h. The back
//! end must answer within five real seconds. The log has every delivery with its answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Client, redirect};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::sync::watch;

use crate::core::context::Context;
use crate::core::faults::Fault;
use crate::core::lock::lock;
use crate::core::log::{CallKind, LoggedCall};

/// A notice to be delivered.
#[derive(Clone)]
pub(crate) struct Delivery {
    pub(crate) url: String,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
    /// The body of a forged copy. It differs from `body` only if the signature is part of the body.
    pub(crate) forged: String,
    /// Signs each delivery with the current time; `None` if the signature is part of the body.
    pub(crate) signer: Option<Arc<dyn NoticeSigner>>,
    /// The fields of the notice for the log.
    pub(crate) summary: Value,
    /// Checks status and body of the back end's answer: `Ok` if they acknowledge the notice, otherwise what is wrong.
    pub(crate) check_answer: fn(u16, &str) -> Result<(), String>,
}

/// The kind of signature that a message gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignatureMode {
    Genuine,
    /// Made with another key than the serial number names.
    Forged,
    /// A signature probe: the signature begins with `WECHATPAY/SIGNTEST/`.
    Probe,
}

/// HTTP headers: names and values.
pub(crate) type Headers = Vec<(&'static str, String)>;

/// Signs notices whose signature is in HTTP headers.
pub(crate) trait NoticeSigner: Send + Sync {
    /// The headers that sign the body. `skew` is added to WeChat's clock, in seconds.
    fn sign(&self, mode: SignatureMode, body: &str, skew: i64) -> Headers;

    /// Replaces the platform certificate.
    fn rotate_key(&self);
}

/// Sends notices. Clones share one state.
#[derive(Clone)]
pub(crate) struct NoticeSender {
    inner: Arc<SenderParts>,
}

struct SenderParts {
    context: Arc<Context>,
    client: Result<Client, String>,
    speed: u32,
    /// Notices that the fault `notice_reordered` holds back. A leaf lock.
    held: Mutex<Vec<Delivery>>,
    in_flight: watch::Sender<usize>,
}

impl NoticeSender {
    /// Divides the waits between redeliveries by `speed`.
    pub(crate) fn new(context: Arc<Context>, speed: u32) -> Self {
        let inner = SenderParts {
            context,
            client: client(),
            speed: speed.max(1),
            held: Mutex::default(),
            in_flight: watch::Sender::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Waits until no delivery is in flight and none waits for redelivery.
    pub(crate) async fn wait_until_idle(&self) {
        // `wait_for` fails only without a sender, and `self` holds the sender.
        let _ = self.inner.in_flight.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Sends a notice and applies the waiting faults. No service's state may be locked here, because a fault may rotate the
    /// signing key.
    pub(crate) fn send(&self, delivery: Delivery) {
        let faults = DeliveryFaults::take(&self.inner.context, &delivery);
        if faults.lost {
            let mut call = self.log_entry(&delivery, Some("notice_lost"));
            call.outcome = "lost".to_owned();
            self.inner.context.log().push(call);
            return;
        }
        if faults.held {
            lock(&self.inner.held).push(delivery);
            return;
        }
        self.spawn_delivery(delivery, faults);
    }

    fn spawn_delivery(&self, delivery: Delivery, faults: DeliveryFaults) {
        let in_flight = InFlight::new(self);
        tokio::spawn(async move {
            in_flight.0.deliver_with_retries(&delivery, faults).await;
            drop(in_flight);
        });
    }

    async fn deliver_with_retries(&self, delivery: &Delivery, faults: DeliveryFaults) {
        tokio::time::sleep(faults.delay).await;
        if faults.forged {
            let forged = DeliveryAttempt {
                mode: SignatureMode::Forged,
                fault: Some("notice_forged"),
                ..DeliveryAttempt::GENUINE
            };
            // The answer does not matter, because a forger sent this copy.
            self.deliver_once(delivery, forged).await;
        }
        if faults.probe {
            let probe = DeliveryAttempt {
                mode: SignatureMode::Probe,
                fault: Some(PROBE),
                ..DeliveryAttempt::GENUINE
            };
            self.deliver_once(delivery, probe).await;
        }
        for _ in 0..faults.copies {
            let (copy, in_flight) = (delivery.clone(), InFlight::new(self));
            tokio::spawn(async move {
                let duplicate =
                    DeliveryAttempt { fault: Some("notice_duplicate"), ..DeliveryAttempt::GENUINE };
                in_flight.0.deliver_once(&copy, duplicate).await;
                drop(in_flight);
            });
        }
        let first = match faults.skew {
            _ if faults.cut => {
                DeliveryAttempt { fault: Some("notice_cut"), cut: true, ..DeliveryAttempt::GENUINE }
            }
            Some(skew) => DeliveryAttempt { fault: Some("clock_skew"), skew, ..DeliveryAttempt::GENUINE },
            None => DeliveryAttempt::GENUINE,
        };
        let mut acknowledged = self.deliver_once(delivery, first).await;
        let held = std::mem::take(&mut *lock(&self.inner.held));
        for late in held {
            self.spawn_delivery(late, DeliveryFaults::default());
        }
        for wait in REDELIVERIES {
            if acknowledged {
                return;
            }
            tokio::time::sleep(Duration::from_secs(wait) / self.inner.speed).await;
            acknowledged = self.deliver_once(delivery, DeliveryAttempt::GENUINE).await;
        }
    }

    /// Delivers the notice once; whether the back end acknowledged.
    async fn deliver_once(&self, delivery: &Delivery, attempt: DeliveryAttempt) -> bool {
        let mut call = self.log_entry(delivery, attempt.fault);
        let outcome = match self.post_delivery(delivery, attempt).await {
            Ok((status, answer)) => {
                let outcome = (delivery.check_answer)(status, &answer);
                call.status = Some(status);
                call.answer = Some(answer.chars().take(ANSWER_KEPT).collect());
                outcome
            }
            Err(reason) => Err(format!("{NOT_ACKNOWLEDGED}: {reason}")),
        };
        let acknowledged = outcome.is_ok();
        call.outcome = match outcome {
            Ok(()) if attempt.mode == SignatureMode::Probe => PROBE_ACCEPTED.to_owned(),
            Ok(()) => "acknowledged".to_owned(),
            Err(reason) => reason,
        };
        self.inner.context.log().push(call);
        acknowledged
    }

    async fn post_delivery(
        &self,
        delivery: &Delivery,
        attempt: DeliveryAttempt,
    ) -> Result<(u16, String), String> {
        let client = self.inner.client.as_ref().map_err(Clone::clone)?;
        let why = |error: reqwest::Error| {
            if error.is_timeout() { "no answer within 5 s".to_owned() } else { error.to_string() }
        };
        let body = if attempt.mode == SignatureMode::Forged { &delivery.forged } else { &delivery.body };
        let mut request = client
            .post(&delivery.url)
            .header("content-type", delivery.content_type)
            .header("user-agent", "Mozilla/4.0");
        let headers = delivery.signer.as_ref().map(|signer| signer.sign(attempt.mode, body, attempt.skew));
        for (name, value) in headers.unwrap_or_default() {
            request = request.header(name, value);
        }
        let mut body = body.clone().into_bytes();
        if attempt.cut {
            body.truncate(body.len() / 2);
        }
        let response = request.body(body).send().await.map_err(why)?;
        let status = response.status().as_u16();
        Ok((status, response.text().await.map_err(why)?))
    }

    fn log_entry(&self, delivery: &Delivery, fault: Option<&str>) -> LoggedCall {
        LoggedCall {
            seq: 0,
            time: self.inner.context.now(),
            kind: CallKind::Delivery,
            method: "POST".to_owned(),
            path: delivery.url.clone(),
            request: delivery.summary.clone(),
            status: None,
            outcome: String::new(),
            fault: fault.map(str::to_owned),
            answer: None,
        }
    }
}

/// The effects of the faults on one notice.
#[derive(Debug, Default)]
struct DeliveryFaults {
    lost: bool,
    held: bool,
    delay: Duration,
    forged: bool,
    probe: bool,
    /// Whether the first delivery arrives with half of its body.
    cut: bool,
    /// The clock skew of the first delivery, in seconds.
    skew: Option<i64>,
    copies: u32,
}

impl DeliveryFaults {
    /// Takes all faults of this notice under one lock, so that two notices do not share them.
    fn take(context: &Context, delivery: &Delivery) -> Self {
        let mut faults = context.faults();
        let mut effects = Self {
            lost: faults.take(|fault| matches!(fault, Fault::NoticeLost { .. })).is_some(),
            ..Self::default()
        };
        if effects.lost {
            return effects;
        }
        effects.held = faults.take(|fault| matches!(fault, Fault::NoticeReordered { .. })).is_some();
        if effects.held {
            return effects;
        }
        effects.forged = faults.take(|fault| matches!(fault, Fault::NoticeForged { .. })).is_some();
        effects.cut = faults.take(|fault| matches!(fault, Fault::NoticeCut { .. })).is_some();
        if let Some(Fault::NoticeDelayed { millis, .. }) =
            faults.take(|fault| matches!(fault, Fault::NoticeDelayed { .. }))
        {
            effects.delay = Duration::from_millis(millis);
        }
        if let Some(Fault::NoticeDuplicate { copies, .. }) =
            faults.take(|fault| matches!(fault, Fault::NoticeDuplicate { .. }))
        {
            effects.copies = copies;
        }
        let Some(signer) = &delivery.signer else { return effects };
        effects.probe =
            faults.take(|fault| matches!(fault, Fault::SignatureProbe { path: None, .. })).is_some();
        let skew = faults.take(|fault| matches!(fault, Fault::ClockSkew { path: None, .. }));
        effects.skew = skew.and_then(|fault| match fault {
            Fault::ClockSkew { seconds, .. } => Some(seconds),
            _ => None,
        });
        let rotation = faults.take(|fault| matches!(fault, Fault::KeyRotation { path: None, .. }));
        // `rotate_key` locks the ledger, which must not happen while the fault queue is locked.
        drop(faults);
        if rotation.is_some() {
            signer.rotate_key();
        }
        effects
    }
}

/// One delivery of a notice, and the fault that applies to it.
#[derive(Debug, Clone, Copy)]
struct DeliveryAttempt {
    mode: SignatureMode,
    fault: Option<&'static str>,
    /// Whether half of the body is missing.
    cut: bool,
    /// In seconds.
    skew: i64,
}

impl DeliveryAttempt {
    const GENUINE: Self = Self { mode: SignatureMode::Genuine, fault: None, cut: false, skew: 0 };
}

/// Counts a delivery as in flight until this is dropped, also if the task panics.
struct InFlight(NoticeSender);

impl InFlight {
    fn new(sender: &NoticeSender) -> Self {
        sender.inner.in_flight.send_modify(|count| *count += 1);
        Self(sender.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.inner.in_flight.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// The HTTP client for notices: no proxy, no redirects, a timeout of five seconds.
pub(crate) fn client() -> Result<Client, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()))
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .timeout(Duration::from_secs(5))
        .build()
        .map_err(|error| error.to_string())
}

/// The beginning of a delivery's outcome if the notice will be redelivered.
pub(crate) const NOT_ACKNOWLEDGED: &str = "not acknowledged";

/// The outcome of a signature probe that the back end acknowledged.
pub(crate) const PROBE_ACCEPTED: &str = "signature probe accepted";

/// The name of the fault that sends a signature probe.
const PROBE: &str = "signature_probe";

/// The wait before each redelivery, in seconds.
const REDELIVERIES: [u64; 15] =
    [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600];

/// The number of characters of an answer that the log keeps.
const ANSWER_KEPT: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redelivery_goes_on_for_24_hours_and_4_minutes() {
        assert_eq!(REDELIVERIES.iter().sum::<u64>(), 24 * 3600 + 4 * 60);
    }

    #[test]
    fn the_client_can_be_built_without_a_process_wide_tls_provider() {
        assert!(client().is_ok());
    }
}
