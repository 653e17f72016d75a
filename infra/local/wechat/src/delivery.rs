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
use crate::wechat::WeChat;

/// A message on its way.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) url: String,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
    /// The same with a wrong signature.
    pub(crate) forged: String,
    /// The fields, for the log.
    pub(crate) summary: Value,
    /// Whether status and body acknowledge it, or what is wrong with them.
    pub(crate) judge: fn(u16, &str) -> Result<(), String>,
}

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
    let plan = Plan::take(wechat);
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

/// What the faults do to one notice.
#[derive(Debug, Default)]
struct Plan {
    lost: bool,
    held: bool,
    delay: Duration,
    forged: bool,
    copies: u32,
}

impl Plan {
    fn take(wechat: &WeChat) -> Self {
        let faults = &mut wechat.state().faults;
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
        attempt(wechat, delivery, &delivery.forged, Some("notice_forged")).await;
    }
    for _ in 0..plan.copies {
        let (copy, way) = (delivery.clone(), OnItsWay::new(wechat));
        tokio::spawn(async move {
            attempt(&way.0, &copy, &copy.body, Some("notice_duplicate")).await;
            drop(way);
        });
    }
    let mut acknowledged = attempt(wechat, delivery, &delivery.body, None).await;
    let held = std::mem::take(&mut wechat.state().held);
    for late in held {
        spawn(wechat, late, Plan::default());
    }
    for wait in REDELIVERIES {
        if acknowledged {
            return;
        }
        tokio::time::sleep(Duration::from_secs(wait) / wechat.courier().speed).await;
        acknowledged = attempt(wechat, delivery, &delivery.body, None).await;
    }
}

/// One delivery; whether it was acknowledged.
async fn attempt(wechat: &WeChat, delivery: &Delivery, body: &str, fault: Option<&str>) -> bool {
    let mut call = entry(wechat, delivery, fault);
    let outcome = match post(wechat, delivery, body).await {
        Ok((status, answer)) => {
            let outcome = (delivery.judge)(status, &answer);
            call.status = Some(status);
            call.answer = Some(answer.chars().take(ANSWER_KEPT).collect());
            outcome
        }
        Err(reason) => Err(format!("{NOT_ACKNOWLEDGED}: {reason}")),
    };
    let acknowledged = outcome.is_ok();
    call.outcome = outcome.err().unwrap_or_else(|| "acknowledged".to_owned());
    wechat.state().log.push(call);
    acknowledged
}

async fn post(wechat: &WeChat, delivery: &Delivery, body: &str) -> Result<(u16, String), String> {
    let client = wechat.courier().client.as_ref().map_err(Clone::clone)?;
    let why = |error: reqwest::Error| {
        if error.is_timeout() { "no answer within 5 s".to_owned() } else { error.to_string() }
    };
    let response = client
        .post(&delivery.url)
        .header("content-type", delivery.content_type)
        .header("user-agent", "Mozilla/4.0")
        .body(body.to_owned())
        .send()
        .await
        .map_err(why)?;
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
