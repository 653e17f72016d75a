//! How a notice gets to the back end: once at once, then again on WeChat's schedule until it is acknowledged.
//!
//! Documentation: "Payment result notification": redelivery after
//! 15s/15s/30s/3m/10m/20m/30m/30m/30m/60m/3h/3h/3h/6h/6h. An answer must come within five (real) seconds.
//! Every delivery and its answer is in the log.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, redirect};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::sync::watch;

use crate::faults::Fault;
use crate::log::{Call, CallKind};
use crate::pay::v3::seal::Seal;
use crate::wechat::WeChat;

/// A message on its way.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) url: String,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
    /// The same with a wrong signature, if that is in the body.
    pub(crate) forged: String,
    /// What is signed anew for each delivery; `None` if the signature is in the body.
    pub(crate) headers: Option<Headers>,
    /// The fields, for the log.
    pub(crate) summary: Value,
    /// Whether status and body acknowledge it, or what is wrong with them.
    pub(crate) judge: fn(u16, &str) -> Result<(), String>,
}

/// The headers that sign a body, so many seconds off WeChat's clock.
pub(crate) type Headers = fn(&WeChat, Seal, &str, i64) -> Vec<(&'static str, String)>;

/// Carries deliveries.
#[derive(Debug)]
pub(crate) struct Courier {
    client: Result<Client, String>,
    speed: u32,
    on_their_way: watch::Sender<usize>,
}

impl Courier {
    pub(crate) fn new(speed: u32) -> Self {
        Self { client: client(), speed: speed.max(1), on_their_way: watch::Sender::new(0) }
    }

    /// Waits until nothing is on its way.
    pub(crate) async fn idle(&self) {
        // The sender lives in self, so the wait ends only by its condition.
        let _ = self.on_their_way.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// Sends a notice, as the waiting faults want it.
pub(crate) fn send(wechat: &WeChat, delivery: Delivery) {
    let plan = Plan::take(wechat, &delivery);
    if plan.lost {
        let mut call = entry(wechat, &delivery, Some("notice_lost"));
        call.outcome = "lost".to_owned();
        wechat.state().log.push(call);
        return;
    }
    if plan.held {
        wechat.state().held.push(delivery);
        return;
    }
    spawn(wechat, delivery, plan);
}

/// Sends a notice from within the state's lock: once it is free.
pub(crate) fn send_soon(wechat: &WeChat, delivery: Delivery) {
    let way = OnItsWay::new(wechat);
    tokio::spawn(async move {
        send(&way.0, delivery);
        drop(way);
    });
}

/// What the faults do to one notice.
#[derive(Debug, Default)]
struct Plan {
    lost: bool,
    held: bool,
    delay: Duration,
    forged: bool,
    probe: bool,
    /// Whether the first delivery arrives with half of its body.
    cut: bool,
    /// Seconds the first delivery is off.
    skew: Option<i64>,
    copies: u32,
}

impl Plan {
    fn take(wechat: &WeChat, delivery: &Delivery) -> Self {
        let state = &mut *wechat.state();
        let faults = &mut state.faults;
        let mut plan = Self {
            lost: faults.take(|fault| matches!(fault, Fault::NoticeLost { .. })).is_some(),
            ..Self::default()
        };
        if plan.lost {
            return plan;
        }
        plan.held = faults.take(|fault| matches!(fault, Fault::NoticeReordered { .. })).is_some();
        if plan.held {
            return plan;
        }
        plan.forged = faults.take(|fault| matches!(fault, Fault::NoticeForged { .. })).is_some();
        plan.cut = faults.take(|fault| matches!(fault, Fault::NoticeCut { .. })).is_some();
        if let Some(Fault::NoticeDelayed { millis, .. }) =
            faults.take(|fault| matches!(fault, Fault::NoticeDelayed { .. }))
        {
            plan.delay = Duration::from_millis(millis);
        }
        if let Some(Fault::NoticeDuplicate { copies, .. }) =
            faults.take(|fault| matches!(fault, Fault::NoticeDuplicate { .. }))
        {
            plan.copies = copies;
        }
        if delivery.headers.is_some() {
            plan.probe =
                faults.take(|fault| matches!(fault, Fault::SignatureProbe { path: None, .. })).is_some();
            let skew = faults.take(|fault| matches!(fault, Fault::ClockSkew { path: None, .. }));
            plan.skew = skew.and_then(|fault| match fault {
                Fault::ClockSkew { seconds, .. } => Some(seconds),
                _ => None,
            });
            if faults.take(|fault| matches!(fault, Fault::KeyRotation { path: None, .. })).is_some() {
                state.platform_keys.rotate();
            }
        }
        plan
    }
}

fn spawn(wechat: &WeChat, delivery: Delivery, plan: Plan) {
    let way = OnItsWay::new(wechat);
    tokio::spawn(async move {
        carry(&way.0, &delivery, plan).await;
        drop(way);
    });
}

async fn carry(wechat: &WeChat, delivery: &Delivery, plan: Plan) {
    tokio::time::sleep(plan.delay).await;
    if plan.forged {
        // Whatever the answer is: WeChat did not send this one.
        attempt(
            wechat,
            delivery,
            Attempt { seal: Seal::Forged, fault: Some("notice_forged"), ..Attempt::GENUINE },
        )
        .await;
    }
    if plan.probe {
        attempt(wechat, delivery, Attempt { seal: Seal::Probe, fault: Some(PROBE), ..Attempt::GENUINE })
            .await;
    }
    for _ in 0..plan.copies {
        let (copy, way) = (delivery.clone(), OnItsWay::new(wechat));
        tokio::spawn(async move {
            attempt(&way.0, &copy, Attempt { fault: Some("notice_duplicate"), ..Attempt::GENUINE }).await;
            drop(way);
        });
    }
    let first = match plan.skew {
        _ if plan.cut => Attempt { fault: Some("notice_cut"), cut: true, ..Attempt::GENUINE },
        Some(skew) => Attempt { fault: Some("clock_skew"), skew, ..Attempt::GENUINE },
        None => Attempt::GENUINE,
    };
    let mut acknowledged = attempt(wechat, delivery, first).await;
    let held = std::mem::take(&mut wechat.state().held);
    for late in held {
        spawn(wechat, late, Plan::default());
    }
    for wait in REDELIVERIES {
        if acknowledged {
            return;
        }
        tokio::time::sleep(Duration::from_secs(wait) / wechat.courier().speed).await;
        acknowledged = attempt(wechat, delivery, Attempt::GENUINE).await;
    }
}

/// How one delivery is made.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    seal: Seal,
    fault: Option<&'static str>,
    /// Whether half of the body is missing.
    cut: bool,
    /// Seconds.
    skew: i64,
}

impl Attempt {
    const GENUINE: Self = Self { seal: Seal::Genuine, fault: None, cut: false, skew: 0 };
}

/// One delivery; whether it was acknowledged.
async fn attempt(wechat: &WeChat, delivery: &Delivery, how: Attempt) -> bool {
    let mut call = entry(wechat, delivery, how.fault);
    let outcome = match post(wechat, delivery, how).await {
        Ok((status, answer)) => {
            let outcome = (delivery.judge)(status, &answer);
            call.status = Some(status);
            call.answer = Some(answer.chars().take(ANSWER_KEPT).collect());
            outcome
        }
        Err(reason) => Err(format!("{NOT_ACKNOWLEDGED}: {reason}")),
    };
    let acknowledged = outcome.is_ok();
    call.outcome = match outcome {
        Ok(()) if how.seal == Seal::Probe => PROBE_ACCEPTED.to_owned(),
        Ok(()) => "acknowledged".to_owned(),
        Err(reason) => reason,
    };
    wechat.state().log.push(call);
    acknowledged
}

async fn post(wechat: &WeChat, delivery: &Delivery, how: Attempt) -> Result<(u16, String), String> {
    let client = wechat.courier().client.as_ref().map_err(Clone::clone)?;
    let why = |error: reqwest::Error| {
        if error.is_timeout() { "no answer within 5 s".to_owned() } else { error.to_string() }
    };
    let body = if how.seal == Seal::Forged { &delivery.forged } else { &delivery.body };
    let mut request = client
        .post(&delivery.url)
        .header("content-type", delivery.content_type)
        .header("user-agent", "Mozilla/4.0");
    for (name, value) in
        delivery.headers.map(|sign| sign(wechat, how.seal, body, how.skew)).unwrap_or_default()
    {
        request = request.header(name, value);
    }
    let mut body = body.clone().into_bytes();
    if how.cut {
        body.truncate(body.len() / 2);
    }
    let response = request.body(body).send().await.map_err(why)?;
    let status = response.status().as_u16();
    Ok((status, response.text().await.map_err(why)?))
}

fn entry(wechat: &WeChat, delivery: &Delivery, fault: Option<&str>) -> Call {
    Call {
        seq: 0,
        time: wechat.now(),
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

/// A client of its own: no proxy between WeChat and this machine, no redirect, five seconds.
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

/// Counts a delivery until it is dropped, however its task ends.
struct OnItsWay(WeChat);

impl OnItsWay {
    fn new(wechat: &WeChat) -> Self {
        wechat.courier().on_their_way.send_modify(|count| *count += 1);
        Self(wechat.clone())
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.0.courier().on_their_way.send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl fmt::Debug for OnItsWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnItsWay")
    }
}

/// How the outcome of a delivery begins that will be repeated.
pub(crate) const NOT_ACKNOWLEDGED: &str = "not acknowledged";

/// The outcome of a signature probe that the back end has taken for genuine.
pub(crate) const PROBE_ACCEPTED: &str = "signature probe accepted";

/// The name of the fault that sends one.
const PROBE: &str = "signature_probe";

/// Seconds before each redelivery.
const REDELIVERIES: [u64; 15] =
    [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600];

/// How much of an answer the log keeps.
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
