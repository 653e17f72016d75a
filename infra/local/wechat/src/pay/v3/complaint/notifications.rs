//! `/v3/merchant-service/complaint-notifications`: the one address of the merchant to which notices of complaints go.
//!
//! Documentation: "Complaint notification address" (投诉通知回调地址) of Pay v3: POST makes it, GET reads it, PUT changes it and DELETE
//! removes it. POST fails if there is one.

use http::Method;
use serde_json::json;

use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::formats;
use crate::pay::service::PayService;
use crate::pay::v3::envelope::{self, SuccessBody, V3Handler, V3Request};
use crate::pay::v3::error::V3Error;
use crate::pay::v3::schema::{self, FieldSchema, text};

const RULES: [FieldSchema; 1] = [text("url", 255).required().with_format(formats::is_notify_url)];

pub(crate) fn handle(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    let (method, handler): (Method, V3Handler) = match request.method {
        Method::POST => (Method::POST, create),
        Method::PUT => (Method::PUT, change),
        Method::DELETE => (Method::DELETE, remove),
        _ => (Method::GET, read),
    };
    envelope::handle_request(pay, request, fault, &method, handler)
}

fn create(pay: &PayService, request: &V3Request<'_>) -> Result<SuccessBody, V3Error> {
    if pay.ledger().complaints.notify_url.is_some() {
        return Err(V3Error::new("INVALID_REQUEST", "投诉通知回调地址已存在"));
    }
    set(pay, request)
}

fn change(pay: &PayService, request: &V3Request<'_>) -> Result<SuccessBody, V3Error> {
    if pay.ledger().complaints.notify_url.is_none() {
        return Err(missing());
    }
    set(pay, request)
}

fn read(pay: &PayService, _: &V3Request<'_>) -> Result<SuccessBody, V3Error> {
    let url = pay.ledger().complaints.notify_url.clone().ok_or_else(missing)?;
    Ok(answer(pay, &url))
}

fn remove(pay: &PayService, _: &V3Request<'_>) -> Result<SuccessBody, V3Error> {
    pay.ledger().complaints.notify_url.take().ok_or_else(missing)?;
    Ok(SuccessBody::NoContent)
}

fn set(pay: &PayService, request: &V3Request<'_>) -> Result<SuccessBody, V3Error> {
    schema::check(&RULES, &request.body)?;
    let url = request.text("/url").unwrap_or_default().to_owned();
    pay.ledger().complaints.notify_url = Some(url.clone());
    Ok(answer(pay, &url))
}

fn answer(pay: &PayService, url: &str) -> SuccessBody {
    SuccessBody::Json(json!({"mchid": pay.account().mch_id, "url": url}))
}

fn missing() -> V3Error {
    V3Error::new("RESOURCE_NOT_EXISTS", "投诉通知回调地址不存在")
}
