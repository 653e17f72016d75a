//! Sends notices of WeChat Pay, and the platform's pushes, to the back end: immediately, then again on WeChat's schedule until the
//! back end acknowledges.
//!
//! Documentation: "Payment result notification": redelivery after 15s/15s/30s/3m/10m/20m/30m/30m/30m/60m/3h/3h/3h/6h/6h. The back
//! end must answer within five real seconds. The log has every delivery with its answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Client, RequestBuilder, redirect};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Map, Value};
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
    /// Signs each delivery with the current time; `None` if the signature is part of `body`.
    pub(crate) signer: Option<Arc<dyn NoticeSigner>>,
    /// The fields of the notice for the log.
    pub(crate) summary: Value,
    /// Checks status and body of the back end's answer: the outcome for the log if they acknowledge the notice, otherwise what is
    /// wrong.
    pub(crate) check_answer: fn(u16, &str) -> Result<&'static str, String>,
    /// The wait before each redelivery, in seconds.
    pub(crate) redeliveries: &'static [u64],
}

impl Delivery {
    fn request(&self, mode: SignatureMode, skew: i64) -> NoticeRequest {
        let body = if mode == SignatureMode::Forged { &self.forged } else { &self.body };
        match &self.signer {
            Some(signer) => signer.sign(mode, body, skew),
            None => NoticeRequest { query: String::new(), headers: Vec::new(), body: body.clone() },
        }
    }
}

/// The kind of signature that a message gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignatureMode {
    Genuine,
    /// Made with another key than the serial number names.
    Forged,
    /// A signature probe: the signature begins with `WECHATPAY/SIGNTEST/`.
    Probe,
    /// A push that is plain although the console says that pushes are encrypted, or the reverse.
    OtherForm,
}

/// HTTP headers: names and values.
pub(crate) type Headers = Vec<(&'static str, String)>;

/// The parts of a delivery's request that differ from attempt to attempt.
#[derive(Clone)]
pub(crate) struct NoticeRequest {
    /// The query; empty if there is none.
    pub(crate) query: String,
    pub(crate) headers: Headers,
    pub(crate) body: String,
}

/// Which messages a signer signs, and so which faults apply to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignerKind {
    /// Notices of Pay v3.
    PayV3,
    /// The platform's pushes.
    Push,
}

/// Signs notices whose signature is not a part of their body.
pub(crate) trait NoticeSigner: Send + Sync {
    /// What is signed.
    fn kind(&self) -> SignerKind;

    /// The request with the signed body. `skew` is added to WeChat's clock, in seconds.
    fn sign(&self, mode: SignatureMode, body: &str, skew: i64) -> NoticeRequest;

    /// The body of a message with some fields changed, made by somebody who saw a genuine request and has no key.
    fn other_body(&self, message: &Value, fields: &Map<String, Value>) -> String {
        let mut message = message.as_object().cloned().unwrap_or_default();
        message.extend(fields.clone());
        Value::Object(message).to_string()
    }

    /// The back end's answer in clear.
    ///
    /// # Errors
    ///
    /// The outcome for the log, if the answer should be encrypted and is not, or not rightly.
    fn read_answer(&self, answer: &str) -> Result<String, String> {
        Ok(answer.to_owned())
    }

    /// Replaces the platform certificate.
    fn rotate_key(&self) {}
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

    /// Runs work that [`NoticeSender::wait_until_idle`] waits for.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let in_flight = InFlight::new(self);
        tokio::spawn(async move {
            work.await;
            drop(in_flight);
        });
    }

    /// Sends a GET; status and body of the answer.
    pub(crate) async fn get(&self, url: &str) -> Result<(u16, String), String> {
        let client = self.inner.client.as_ref().map_err(Clone::clone)?;
        read_answer(client.get(url).header("user-agent", USER_AGENT)).await
    }

    /// Downloads at most `limit` bytes, without cookies and without following a redirect. The error says why there is no such file.
    pub(crate) async fn download(&self, url: &str, limit: usize) -> Result<Vec<u8>, String> {
        let client = self.inner.client.as_ref().map_err(Clone::clone)?;
        let mut response = client.get(url).send().await.map_err(|error| describe(&error))?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(format!("HTTP {}", response.status().as_u16()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| describe(&error))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > limit {
                return Err(format!("more than {limit} bytes"));
            }
        }
        Ok(bytes)
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
        if faults.other_form {
            let other_form = DeliveryAttempt {
                mode: SignatureMode::OtherForm,
                fault: Some("push_other_form"),
                ..DeliveryAttempt::GENUINE
            };
            self.deliver_once(delivery, other_form).await;
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
        let request = delivery.request(first.mode, first.skew);
        let mut acknowledged = self.deliver_request(delivery, request.clone(), first).await;
        if let (Some(fields), Some(signer)) = (faults.replay, &delivery.signer) {
            let body = signer.other_body(&delivery.summary, &fields);
            let mut summary = delivery.summary.clone();
            if let Some(summary) = summary.as_object_mut() {
                summary.extend(fields);
            }
            let replay = Delivery { summary, ..delivery.clone() };
            let attempt = DeliveryAttempt { fault: Some("push_replayed"), ..DeliveryAttempt::GENUINE };
            self.deliver_request(&replay, NoticeRequest { body, ..request }, attempt).await;
        }
        let held = std::mem::take(&mut *lock(&self.inner.held));
        for late in held {
            self.spawn_delivery(late, DeliveryFaults::default());
        }
        for wait in delivery.redeliveries {
            if acknowledged {
                return;
            }
            tokio::time::sleep(Duration::from_secs(*wait) / self.inner.speed).await;
            acknowledged = self.deliver_once(delivery, DeliveryAttempt::GENUINE).await;
        }
    }

    /// Delivers the notice once; whether the back end acknowledged.
    async fn deliver_once(&self, delivery: &Delivery, attempt: DeliveryAttempt) -> bool {
        self.deliver_request(delivery, delivery.request(attempt.mode, attempt.skew), attempt).await
    }

    async fn deliver_request(
        &self,
        delivery: &Delivery,
        request: NoticeRequest,
        attempt: DeliveryAttempt,
    ) -> bool {
        let mut call = self.log_entry(delivery, attempt.fault);
        let outcome = match self.post_request(delivery, request, attempt.cut).await {
            Ok((status, answer)) => {
                call.status = Some(status);
                call.answer = Some(answer.chars().take(ANSWER_KEPT).collect());
                let clear = match &delivery.signer {
                    Some(signer) if status == 200 => signer.read_answer(&answer),
                    _ => Ok(answer),
                };
                clear.and_then(|clear| {
                    call.answer = Some(clear.chars().take(ANSWER_KEPT).collect());
                    (delivery.check_answer)(status, &clear)
                })
            }
            Err(reason) => Err(format!("{NOT_ACKNOWLEDGED}: {reason}")),
        };
        let acknowledged = outcome.is_ok();
        call.outcome = match outcome {
            Ok(_) if attempt.mode == SignatureMode::Probe => PROBE_ACCEPTED.to_owned(),
            Ok(outcome) => outcome.to_owned(),
            Err(reason) => reason,
        };
        self.inner.context.log().push(call);
        acknowledged
    }

    async fn post_request(
        &self,
        delivery: &Delivery,
        signed: NoticeRequest,
        cut: bool,
    ) -> Result<(u16, String), String> {
        let client = self.inner.client.as_ref().map_err(Clone::clone)?;
        let url = match signed.query.as_str() {
            "" => delivery.url.clone(),
            query => format!("{}?{query}", delivery.url),
        };
        let mut request =
            client.post(url).header("content-type", delivery.content_type).header("user-agent", USER_AGENT);
        for (name, value) in signed.headers {
            request = request.header(name, value);
        }
        let mut body = signed.body.into_bytes();
        if cut {
            body.truncate(body.len() / 2);
        }
        read_answer(request.body(body)).await
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
    /// Whether a copy in the other form is sent before the push.
    other_form: bool,
    /// The fields that differ in the body of a replay after the push.
    replay: Option<Map<String, Value>>,
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
        let skew = faults.take(|fault| matches!(fault, Fault::ClockSkew { path: None, .. }));
        effects.skew = skew.and_then(|fault| match fault {
            Fault::ClockSkew { seconds, .. } => Some(seconds),
            _ => None,
        });
        if signer.kind() == SignerKind::Push {
            effects.other_form = faults.take(|fault| matches!(fault, Fault::PushOtherForm { .. })).is_some();
            let replay = faults.take(|fault| matches!(fault, Fault::PushReplayed { .. }));
            effects.replay = replay.and_then(|fault| match fault {
                Fault::PushReplayed { fields, .. } => Some(fields),
                _ => None,
            });
            return effects;
        }
        effects.probe =
            faults.take(|fault| matches!(fault, Fault::SignatureProbe { path: None, .. })).is_some();
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

async fn read_answer(request: RequestBuilder) -> Result<(u16, String), String> {
    let response = request.send().await.map_err(|error| describe(&error))?;
    let status = response.status().as_u16();
    Ok((status, response.text().await.map_err(|error| describe(&error))?))
}

fn describe(error: &reqwest::Error) -> String {
    if error.is_timeout() { "no answer within 5 s".to_owned() } else { error.to_string() }
}

/// The HTTP client for notices: no proxy, no redirects, a timeout of five seconds.
pub(crate) fn client() -> Result<Client, String> {
    http_client(Duration::from_secs(5))
}

/// An HTTP client with this timeout, without proxy and redirects: for notices, and for tests.
///
/// # Errors
/// The TLS configuration is not accepted.
pub fn http_client(timeout: Duration) -> Result<Client, String> {
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
        .timeout(timeout)
        .build()
        .map_err(|error| error.to_string())
}

/// The outcome of a delivery that the back end acknowledged.
pub(crate) const ACKNOWLEDGED: &str = "acknowledged";

/// The beginning of a delivery's outcome if the notice will be redelivered.
pub(crate) const NOT_ACKNOWLEDGED: &str = "not acknowledged";

/// The outcome of a signature probe that the back end acknowledged.
pub(crate) const PROBE_ACCEPTED: &str = "signature probe accepted";

/// The name of the fault that sends a signature probe.
const PROBE: &str = "signature_probe";

/// The header `User-Agent` of WeChat's requests.
const USER_AGENT: &str = "Mozilla/4.0";

/// The wait before each redelivery of a notice of WeChat Pay, in seconds.
pub(crate) const PAY_REDELIVERIES: [u64; 15] =
    [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600];

/// The number of characters of an answer that the log keeps.
const ANSWER_KEPT: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redelivery_goes_on_for_24_hours_and_4_minutes() {
        assert_eq!(PAY_REDELIVERIES.iter().sum::<u64>(), 24 * 3600 + 4 * 60);
    }

    #[test]
    fn the_client_can_be_built_without_a_process_wide_tls_provider() {
        assert!(client().is_ok());
    }
}
