//! What buyers and WeChat do about complaints, and the notices of it. What the merchant does is in `v3/complaint/`.
//!
//! A notice says only which complaint changed and how. The merchant's own replies cause none.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::core::control::bad_request;
use crate::pay::formats;
use crate::pay::ledger::complaints::{Complaint, ComplaintEntry, NewComplaint};
use crate::pay::service::PayService;
use crate::pay::v3;

/// A buyer complains of a payment; the number of the complaint.
///
/// # Errors
///
/// A sentence that says why there is nothing to complain of.
pub(crate) fn create(pay: &PayService, new: NewComplaint) -> Result<String, String> {
    let now = pay.now();
    let id = {
        let mut ledger = pay.ledger();
        let order = ledger.orders.by_number(&new.out_trade_no).cloned();
        let order = order.ok_or_else(|| format!("there is no order {}", new.out_trade_no))?;
        let payment = order.payment.ok_or("the order is not paid")?;
        let amount = order.request.total_fee;
        ledger.complaints.create(new, (&payment.transaction_id, amount), &order.request.openid, now)
    };
    notify(pay, &id, "CREATE_COMPLAINT");
    Ok(id)
}

/// The buyer or WeChat does something about a complaint.
///
/// # Errors
///
/// A sentence that says which complaint is unknown.
pub(crate) fn act(pay: &PayService, id: &str, action_type: &str, text: &str) -> Result<(), String> {
    let now = pay.now();
    let mut ledger = pay.ledger();
    let complaint = ledger.complaints.get_mut(id).ok_or_else(|| format!("there is no complaint {id}"))?;
    complaint.act(action_type, text, now);
    drop(ledger);
    notify(pay, id, action_type);
    Ok(())
}

/// The merchant says in the merchant console that a complaint is dealt with.
///
/// # Errors
///
/// A sentence that says which complaint is unknown or has ended.
pub(crate) fn complete_in_console(pay: &PayService, id: &str) -> Result<(), String> {
    let now = pay.now();
    let mut ledger = pay.ledger();
    let complaint = ledger.complaints.get_mut(id).ok_or_else(|| format!("there is no complaint {id}"))?;
    if complaint.complete(now) { Ok(()) } else { Err(format!("complaint {id} has ended before")) }
}

/// Sends the notice of a change, if the merchant has an address for it. The ledger must not be locked.
pub(crate) fn notify(pay: &PayService, id: &str, action_type: &str) {
    let url = pay.ledger().complaints.notify_url.clone();
    if let Some(url) = url {
        pay.notices().send(v3::notice::complaint_notice(pay, &url, id, action_type));
    }
}

/// All complaints, oldest first.
pub(crate) fn entries(pay: &PayService) -> Vec<ComplaintEntry> {
    pay.ledger().complaints.all().iter().map(Complaint::entry).collect()
}

pub(super) fn control(pay: Arc<PayService>) -> Router {
    Router::new()
        .route("/complaints", get(list).post(complain))
        .route("/complaints/act", post(act_on))
        .route("/complaints/console", post(complete))
        .route("/complaints/url", put(set_url))
        .with_state(pay)
}

async fn list(State(pay): State<Arc<PayService>>) -> Json<Value> {
    let url = pay.ledger().complaints.notify_url.clone();
    Json(json!({"complaints": entries(&pay), "url": url}))
}

async fn complain(State(pay): State<Arc<PayService>>, body: Bytes) -> Response {
    let new = match serde_json::from_slice(&body) {
        Ok(new) => new,
        Err(error) => return bad_request(&error.to_string()),
    };
    match create(&pay, new) {
        Ok(id) => Json(json!({"complaint_id": id})).into_response(),
        Err(why) => bad_request(&why),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActBody {
    complaint_id: String,
    action_type: String,
    #[serde(default)]
    text: String,
}

async fn act_on(State(pay): State<Arc<PayService>>, body: Bytes) -> Response {
    let ActBody { complaint_id, action_type, text } = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(error) => return bad_request(&error.to_string()),
    };
    match act(&pay, &complaint_id, &action_type, &text) {
        Ok(()) => Json(json!({})).into_response(),
        Err(why) => bad_request(&why),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CompleteBody {
    complaint_id: String,
}

async fn complete(State(pay): State<Arc<PayService>>, body: Bytes) -> Response {
    let CompleteBody { complaint_id } = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(error) => return bad_request(&error.to_string()),
    };
    match complete_in_console(&pay, &complaint_id) {
        Ok(()) => Json(json!({})).into_response(),
        Err(why) => bad_request(&why),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UrlBody {
    url: Option<String>,
}

async fn set_url(State(pay): State<Arc<PayService>>, body: Bytes) -> Response {
    let UrlBody { url } = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(error) => return bad_request(&error.to_string()),
    };
    if url.as_deref().is_some_and(|url| !formats::is_notify_url(url)) {
        return bad_request("the address is https, or http on this machine, and has no query");
    }
    pay.ledger().complaints.notify_url = url;
    list(State(pay)).await.into_response()
}
