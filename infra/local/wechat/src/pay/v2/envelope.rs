//! The steps that all requests of Pay v2 share: XML, merchant, signature and nonce of the request, and the signature of the
//! response.
//!
//! Documentation: "Protocol rules" (协议规则) and "Return codes" of Pay v2. `return_code` FAIL means that the message itself was
//! refused; such a response has no signature. Every other response is signed with the request's sign type, and its `result_code`
//! is the result of the operation.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::error::V2Error;
use super::field_rules::{self, FieldRule};
use super::request::V2Request;
use super::{Fields, fields_from, sign, xml};
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::core::random;
use crate::pay::service::PayService;
use crate::pay::version::SignType;

/// A message that cannot be read or verified: the name for the log and the `return_msg`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct MessageError(&'static str, &'static str);

/// Performs the operation of an API; returns the fields of the response beside those that every response has.
pub(crate) type V2Handler = fn(&PayService, &V2Request) -> Result<Fields, V2Error>;

/// The fields of the request for the log.
pub(crate) fn summary(http_request: &ApiRequest) -> Value {
    let fields = std::str::from_utf8(&http_request.body).ok().and_then(|text| xml::parse(text).ok());
    fields.map_or_else(|| json!({"unreadable_bytes": http_request.body.len()}), |fields| json!(fields))
}

/// Verifies and checks a request, performs the operation of its API and makes the response.
pub(crate) fn handle_request(
    pay: &PayService,
    http_request: &ApiRequest,
    fault: Option<&Fault>,
    rules: &[FieldRule],
    handler: V2Handler,
) -> ApiResponse {
    let request = match verify_request(pay, http_request) {
        Ok(request) => request,
        Err(MessageError(name, return_msg)) => return message_failure(name, return_msg),
    };
    let result = run_handler(pay, http_request, &request, fault, rules, handler);
    let outcome = result.as_ref().map_or_else(|error| error.err_code.clone(), |_| "ok".to_owned());

    let mut fields = fields_from(&[
        ("return_code", "SUCCESS"),
        ("return_msg", "OK"),
        ("appid", request.get("appid").unwrap_or_default()),
        ("mch_id", &pay.account().mch_id),
        ("nonce_str", &random::nonce()),
    ]);
    match result {
        Ok(business) => {
            fields.insert("result_code".to_owned(), "SUCCESS".to_owned());
            fields.extend(business);
        }
        Err(V2Error { err_code, description }) => {
            let refused =
                [("result_code", "FAIL"), ("err_code", &err_code), ("err_code_des", description.as_str())];
            fields.extend(fields_from(&refused));
        }
    }
    let mut signature = sign::sign(&fields, request.sign_type, &pay.account().api_v2_key);
    if matches!(fault, Some(Fault::BadSign { .. })) {
        signature = sign::sign(&fields, request.sign_type, "not the key of this merchant");
    }
    fields.insert("sign".to_owned(), signature);
    xml_response(&fields, outcome)
}

/// The response to a message that cannot be read or verified. `name` is for the log.
pub(super) fn message_failure(name: &str, return_msg: &str) -> ApiResponse {
    xml_response(&fields_from(&[("return_code", "FAIL"), ("return_msg", return_msg)]), name.to_owned())
}

/// Parses the message and verifies merchant and signature.
fn verify_request(pay: &PayService, http_request: &ApiRequest) -> Result<V2Request, MessageError> {
    if http_request.method != Method::POST {
        return Err(MessageError("REQUIRE_POST_METHOD", "请使用post方法"));
    }
    if http_request.body.is_empty() {
        return Err(MessageError("POST_DATA_EMPTY", "post数据为空"));
    }
    let text =
        std::str::from_utf8(&http_request.body).map_err(|_| MessageError("NOT_UTF8", "编码格式错误"))?;
    let fields = xml::parse(text).map_err(|_| MessageError("XML_FORMAT_ERROR", "XML格式错误"))?;
    let merchant = fields.get("mch_id").ok_or(MessageError("LACK_PARAMS", "缺少参数mch_id"))?;
    if *merchant != pay.account().mch_id {
        return Err(MessageError("MCHID_NOT_EXIST", "商户号不存在"));
    }
    let sign_type = match fields.get("sign_type").map(String::as_str) {
        None | Some("") => SignType::Md5,
        Some(name) => SignType::parse(name).ok_or(MessageError("PARAM_ERROR", "sign_type参数格式错误"))?,
    };
    if !sign::is_signed(&fields, sign_type, &pay.account().api_v2_key) {
        return Err(MessageError("SIGNERROR", "签名错误"));
    }
    Ok(V2Request { fields, sign_type })
}

/// Verifies and checks a request without performing an operation; the error is one text.
pub(super) fn verify_and_check(
    pay: &PayService,
    http_request: &ApiRequest,
    rules: &[FieldRule],
) -> Result<V2Request, String> {
    let request =
        verify_request(pay, http_request).map_err(|MessageError(_, return_msg)| return_msg.to_owned())?;
    check(pay, http_request, &request, rules).map_err(|error| error.description)?;
    Ok(request)
}

/// Checks the fields, the appid and the nonce.
fn check(
    pay: &PayService,
    http_request: &ApiRequest,
    request: &V2Request,
    rules: &[FieldRule],
) -> Result<(), V2Error> {
    field_rules::check(request, &field_rules::COMMON)?;
    if request.get("appid") != Some(&pay.account().app_id) {
        return Err(appid_error(request.get("appid").unwrap_or_default()));
    }
    field_rules::check(request, rules)?;

    let mut used_for = request.fields.clone();
    used_for.remove("sign");
    used_for.insert("path".to_owned(), http_request.path.clone());
    let nonce = request.get("nonce_str").unwrap_or_default();
    if !pay.ledger().orders.accept_nonce(nonce, used_for) {
        return Err(V2Error::new("PARAM_ERROR", "nonce_str重复使用"));
    }
    Ok(())
}

fn run_handler(
    pay: &PayService,
    http_request: &ApiRequest,
    request: &V2Request,
    fault: Option<&Fault>,
    rules: &[FieldRule],
    handler: V2Handler,
) -> Result<Fields, V2Error> {
    check(pay, http_request, request, rules)?;
    match fault {
        Some(Fault::Busy { .. }) => Err(V2Error::new("SYSTEMERROR", "系统超时")),
        Some(Fault::ErrCode { err_code, .. }) => Err(V2Error::new(err_code, "业务错误")),
        _ => handler(pay, request),
    }
}

/// The error for another appid. An appid of the right format may belong to another owner; any other cannot exist.
fn appid_error(appid: &str) -> V2Error {
    let digits = appid.strip_prefix("wx").unwrap_or_default();
    if digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        V2Error::new("APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配")
    } else {
        V2Error::new("APPID_NOT_EXIST", "appid不存在")
    }
}

fn xml_response(fields: &Fields, outcome: String) -> ApiResponse {
    ApiResponse {
        status: StatusCode::OK,
        content_type: "text/plain",
        headers: Vec::new(),
        body: xml::write(fields).into(),
        outcome,
    }
}
