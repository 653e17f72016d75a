//! What all requests of Pay v3 share: headers, signature, JSON; and how answers are sealed.
//!
//! Documentation: "Basic rules" (基本规则) of Pay v3. Every success is signed, also one without a body; refusals and
//! files are not. `Wechatpay-Serial` in a request names the key the merchant can verify with.

use axum::body::Bytes;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::authorization;
use super::refusal::Refusal;
use super::seal;
use crate::core::clock::SECOND;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::core::notices::SignatureMode;
use crate::pay::service::PayService;

/// A request whose signature is good.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) received: &'a ApiRequest,
    /// The object that was sent; an empty one with GET.
    pub(super) body: Value,
}

/// What is answered.
#[derive(Debug)]
pub(super) enum Success {
    Json(Value),
    NoContent,
    /// Not signed.
    File(Bytes),
}

/// Judges one API's business.
pub(super) type Judge = fn(&PayService, &Request<'_>) -> Result<Success, Refusal>;

impl Request<'_> {
    /// The text at this JSON pointer; an empty one counts as absent.
    pub(super) fn text(&self, pointer: &str) -> Option<&str> {
        self.body.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// The number at this JSON pointer.
    pub(super) fn number(&self, pointer: &str) -> u64 {
        self.body.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
    }

    /// The fields `appid` and `mchid` of the body.
    pub(super) fn check_merchant(&self, pay: &PayService) -> Result<(), Refusal> {
        check_mchid(pay, self.text("/mchid"))?;
        if self.text("/appid") != Some(&pay.account().app_id) {
            return Err(Refusal::new("APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配"));
        }
        Ok(())
    }
}

pub(super) fn check_mchid(pay: &PayService, mchid: Option<&str>) -> Result<(), Refusal> {
    match mchid {
        None => Err(Refusal::parameter("query", "/mchid", "必填，不能为空")),
        Some(mchid) if mchid != pay.account().mch_id => Err(Refusal::new("MCH_NOT_EXISTS", "商户号不存在")),
        Some(_) => Ok(()),
    }
}

/// The query and the fields of the body, for the log.
pub(crate) fn summary(received: &ApiRequest) -> Value {
    let mut fields: Map<String, Value> =
        received.query.iter().map(|(name, value)| (name.clone(), Value::from(value.clone()))).collect();
    if let Some(serial) = received.header("wechatpay-serial") {
        fields.insert("Wechatpay-Serial".to_owned(), serial.into());
    }
    match serde_json::from_slice(&received.body) {
        Ok(Value::Object(body)) => fields.extend(body),
        _ if received.body.is_empty() => {}
        _ => _ = fields.insert("unreadable_bytes".to_owned(), received.body.len().into()),
    }
    Value::Object(fields)
}

/// Judges a request with the rules of all and those of its API, and answers.
pub(super) fn answer(
    pay: &PayService,
    received: &ApiRequest,
    fault: Option<&Fault>,
    method: &Method,
    judge: Judge,
) -> ApiResponse {
    if matches!(fault, Some(Fault::KeyRotation { .. })) {
        pay.ledger().platform_keys.rotate();
    }
    let skew = match fault {
        Some(Fault::ClockSkew { seconds, .. }) => *seconds,
        _ => 0,
    };
    let now = (pay.now() / SECOND).saturating_add_signed(skew);
    let judged = open(pay, received, method, now).and_then(|request| match fault {
        Some(Fault::Busy { .. }) => Err(Refusal::new("SYSTEM_ERROR", "系统异常，请稍后重试")),
        Some(Fault::ErrCode { err_code, .. }) => Err(Refusal::new(err_code, "业务错误")),
        _ => judge(pay, &request),
    });
    let mode = match fault {
        Some(Fault::BadSign { .. }) => SignatureMode::Forged,
        Some(Fault::SignatureProbe { .. }) => SignatureMode::Probe,
        _ => SignatureMode::Genuine,
    };
    match judged {
        Ok(Success::Json(body)) => sealed(pay, received, StatusCode::OK, body.to_string().into(), mode, now),
        Ok(Success::NoContent) => sealed(pay, received, StatusCode::NO_CONTENT, Bytes::new(), mode, now),
        Ok(Success::File(body)) => ApiResponse {
            status: StatusCode::OK,
            // Clients read a bill as text only if it says so.
            content_type: if body.starts_with(GZIP) { "application/x-gzip" } else { "text/plain" },
            headers: Vec::new(),
            body,
            outcome: "ok".to_owned(),
        },
        Err(refusal) => refusal.into_answer(),
    }
}

/// Reads the request and believes its signature.
fn open<'a>(
    pay: &PayService,
    received: &'a ApiRequest,
    method: &Method,
    now: u64,
) -> Result<Request<'a>, Refusal> {
    if received.method != *method {
        return Err(Refusal::new("INVALID_REQUEST", format!("请使用{method}方法"))
            .with_status(StatusCode::METHOD_NOT_ALLOWED));
    }
    let accepts = received.header("accept").is_some_and(|accept| {
        accept.split(',').any(|kind| ACCEPTED.contains(&kind.split(';').next().unwrap_or_default().trim()))
    });
    if !accepts || received.header("user-agent").is_none() {
        return Err(Refusal::new("PARAM_ERROR", "Http头缺少Accept或User-Agent"));
    }
    authorization::judge(pay, received, now)?;
    if *method == Method::GET {
        return Ok(Request { received, body: json!({}) });
    }
    let content_type = received.header("content-type").unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Refusal::new("PARAM_ERROR", "请求的Content-Type应为application/json"));
    }
    match serde_json::from_slice(&received.body) {
        Ok(body @ Value::Object(_)) => Ok(Request { received, body }),
        _ => Err(Refusal::new("PARAM_ERROR", "请求的JSON格式错误")),
    }
}

fn sealed(
    pay: &PayService,
    received: &ApiRequest,
    status: StatusCode,
    body: Bytes,
    mode: SignatureMode,
    now: u64,
) -> ApiResponse {
    let signer = pay.ledger().platform_keys.signer(received.header("wechatpay-serial"));
    let content_type = if body.is_empty() { "" } else { "application/json; charset=utf-8" };
    let headers = seal::headers(signer, mode, &body, now);
    ApiResponse { status, content_type, headers, body, outcome: "ok".to_owned() }
}

/// What `Accept` may say: the official libraries send the first or the last.
const ACCEPTED: [&str; 3] = ["application/json", "application/*", "*/*"];

/// How a compressed file begins.
const GZIP: &[u8] = &[0x1f, 0x8b];
