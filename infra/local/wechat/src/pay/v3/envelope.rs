//! The steps that all requests of Pay v3 share: headers, signature and JSON of the request, and the signature of the response.
//!
//! Documentation: "Basic rules" (基本规则) of Pay v3. Every success is signed, also one without a body; errors and files are not.
//! `Wechatpay-Serial` in a request names the key with which the merchant can verify the response.

use axum::body::Bytes;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::authorization;
use super::error::V3Error;
use super::signature;
use crate::core::clock::SECOND;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::core::notices::SignatureMode;
use crate::pay::service::PayService;

/// A request whose signature was verified.
#[derive(Debug)]
pub(super) struct V3Request<'a> {
    pub(super) http_request: &'a ApiRequest,
    /// The JSON object in the body; empty for GET and DELETE.
    pub(super) body: Value,
}

/// The content of a successful response.
#[derive(Debug)]
pub(super) enum SuccessBody {
    Json(Value),
    NoContent,
    /// A file, which is not signed.
    File(Bytes),
}

/// Performs the operation of an API.
pub(super) type V3Handler = fn(&PayService, &V3Request<'_>) -> Result<SuccessBody, V3Error>;

impl V3Request<'_> {
    /// The text at this JSON pointer; `None` if it is empty.
    pub(super) fn text(&self, pointer: &str) -> Option<&str> {
        self.body.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// The number at this JSON pointer; 0 if there is none.
    pub(super) fn number(&self, pointer: &str) -> u64 {
        self.body.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
    }

    /// Checks the fields `appid` and `mchid` of the body.
    pub(super) fn check_merchant(&self, pay: &PayService) -> Result<(), V3Error> {
        check_mchid(pay, self.text("/mchid"))?;
        if self.text("/appid") != Some(&pay.account().app_id) {
            return Err(V3Error::new("APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配"));
        }
        Ok(())
    }
}

pub(super) fn check_mchid(pay: &PayService, mchid: Option<&str>) -> Result<(), V3Error> {
    match mchid {
        None => Err(V3Error::parameter("query", "/mchid", "必填，不能为空")),
        Some(mchid) if mchid != pay.account().mch_id => Err(V3Error::new("MCH_NOT_EXISTS", "商户号不存在")),
        Some(_) => Ok(()),
    }
}

/// The query and the fields of the body, for the log.
pub(crate) fn summary(http_request: &ApiRequest) -> Value {
    let mut fields: Map<String, Value> =
        http_request.query.iter().map(|(name, value)| (name.clone(), Value::from(value.clone()))).collect();
    if let Some(serial) = http_request.header("wechatpay-serial") {
        fields.insert("Wechatpay-Serial".to_owned(), serial.into());
    }
    match serde_json::from_slice(&http_request.body) {
        Ok(Value::Object(body)) => fields.extend(body),
        _ if http_request.body.is_empty() => {}
        _ => _ = fields.insert("unreadable_bytes".to_owned(), http_request.body.len().into()),
    }
    Value::Object(fields)
}

/// Verifies and checks a request, performs the operation of its API and makes the response.
pub(super) fn handle_request(
    pay: &PayService,
    http_request: &ApiRequest,
    fault: Option<&Fault>,
    method: &Method,
    handler: V3Handler,
) -> ApiResponse {
    if matches!(fault, Some(Fault::KeyRotation { .. })) {
        pay.ledger().platform_keys.rotate();
    }
    let skew = match fault {
        Some(Fault::ClockSkew { seconds, .. }) => *seconds,
        _ => 0,
    };
    let now = (pay.now() / SECOND).saturating_add_signed(skew);
    let result = verify_request(pay, http_request, method, now).and_then(|request| match fault {
        Some(Fault::Busy { .. }) => Err(V3Error::new("SYSTEM_ERROR", "系统异常，请稍后重试")),
        Some(Fault::ErrCode { err_code, .. }) => Err(V3Error::new(err_code, "业务错误")),
        _ => handler(pay, &request),
    });
    let mode = match fault {
        Some(Fault::BadSign { .. }) => SignatureMode::Forged,
        Some(Fault::SignatureProbe { .. }) => SignatureMode::Probe,
        _ => SignatureMode::Genuine,
    };
    match result {
        Ok(SuccessBody::Json(body)) => {
            signed_response(pay, http_request, StatusCode::OK, body.to_string().into(), mode, now)
        }
        Ok(SuccessBody::NoContent) => {
            signed_response(pay, http_request, StatusCode::NO_CONTENT, Bytes::new(), mode, now)
        }
        Ok(SuccessBody::File(body)) => ApiResponse {
            status: StatusCode::OK,
            // Some clients decode a bill as text only if it has this content type.
            content_type: if body.starts_with(GZIP) { "application/x-gzip" } else { "text/plain" },
            headers: Vec::new(),
            body,
            outcome: "ok".to_owned(),
        },
        Err(error) => error.into_response(),
    }
}

/// Checks the headers, verifies the signature and parses the body.
fn verify_request<'a>(
    pay: &PayService,
    http_request: &'a ApiRequest,
    method: &Method,
    now: u64,
) -> Result<V3Request<'a>, V3Error> {
    if http_request.method != *method {
        return Err(V3Error::new("INVALID_REQUEST", format!("请使用{method}方法"))
            .with_status(StatusCode::METHOD_NOT_ALLOWED));
    }
    let accepts = http_request.header("accept").is_some_and(|accept| {
        accept.split(',').any(|kind| ACCEPTED.contains(&kind.split(';').next().unwrap_or_default().trim()))
    });
    if !accepts || http_request.header("user-agent").is_none() {
        return Err(V3Error::new("PARAM_ERROR", "Http头缺少Accept或User-Agent"));
    }
    authorization::verify_authorization(pay, http_request, now)?;
    if *method == Method::GET || *method == Method::DELETE {
        return Ok(V3Request { http_request, body: json!({}) });
    }
    let content_type = http_request.header("content-type").unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(V3Error::new("PARAM_ERROR", "请求的Content-Type应为application/json"));
    }
    match serde_json::from_slice(&http_request.body) {
        Ok(body @ Value::Object(_)) => Ok(V3Request { http_request, body }),
        _ => Err(V3Error::new("PARAM_ERROR", "请求的JSON格式错误")),
    }
}

fn signed_response(
    pay: &PayService,
    http_request: &ApiRequest,
    status: StatusCode,
    body: Bytes,
    mode: SignatureMode,
    now: u64,
) -> ApiResponse {
    let signer = pay.ledger().platform_keys.signer(http_request.header("wechatpay-serial"));
    let content_type = if body.is_empty() { "" } else { "application/json; charset=utf-8" };
    let headers = signature::signature_headers(signer, mode, &body, now);
    ApiResponse { status, content_type, headers, body, outcome: "ok".to_owned() }
}

/// The values of `Accept` that Pay v3 takes. WeChat's libraries send the first or the last.
const ACCEPTED: [&str; 3] = ["application/json", "application/*", "*/*"];

/// The first bytes of a gzip file.
const GZIP: &[u8] = &[0x1f, 0x8b];
