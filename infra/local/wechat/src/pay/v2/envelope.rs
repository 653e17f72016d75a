//! What all requests of Pay v2 share: XML, merchant, signature, nonce; and how answers are signed.
//!
//! Documentation: "Protocol rules" (协议规则) and "Return codes" of Pay v2. `return_code` FAIL means that the
//! message itself was refused, and carries no signature; after that every answer is signed with the request's
//! sign type, and `result_code` tells of the business.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::fields::{self, Rule};
use super::{Fields, sign, xml};
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::core::random;
use crate::pay::service::PayService;
use crate::pay::version::SignType;

/// A request whose signature is good.
#[derive(Debug)]
pub(crate) struct PayRequest {
    pub(crate) fields: Fields,
    pub(crate) sign_type: SignType,
}

/// `result_code` FAIL: the `err_code` and its description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) err_code: String,
    pub(crate) description: String,
}

/// `return_code` FAIL: the name for the log and the `return_msg`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unreadable(&'static str, &'static str);

/// Judges one API's business: the fields to answer beside those every answer has.
pub(crate) type Judge = fn(&PayService, &PayRequest) -> Result<Fields, Refusal>;

impl Refusal {
    pub(crate) fn new(err_code: &str, description: impl Into<String>) -> Self {
        Self { err_code: err_code.to_owned(), description: description.into() }
    }
}

impl PayRequest {
    /// The field, if it has a value: Pay treats an empty one as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// The fields of the request, for the log.
pub(crate) fn summary(received: &ApiRequest) -> Value {
    let fields = std::str::from_utf8(&received.body).ok().and_then(|text| xml::parse(text).ok());
    fields.map_or_else(|| json!({"unreadable_bytes": received.body.len()}), |fields| json!(fields))
}

/// Judges a request with the rules of all and those of its API, and answers.
pub(crate) fn answer(
    pay: &PayService,
    received: &ApiRequest,
    fault: Option<&Fault>,
    rules: &[Rule],
    judge: Judge,
) -> ApiResponse {
    let request = match open(pay, received) {
        Ok(request) => request,
        Err(Unreadable(name, return_msg)) => return refuse(name, return_msg),
    };
    let judged = judge_all(pay, received, &request, fault, rules, judge);
    let outcome = judged.as_ref().map_or_else(|refusal| refusal.err_code.clone(), |_| "ok".to_owned());

    let mut fields = own(&[
        ("return_code", "SUCCESS"),
        ("return_msg", "OK"),
        ("appid", request.get("appid").unwrap_or_default()),
        ("mch_id", &pay.account().mch_id),
        ("nonce_str", &random::nonce()),
    ]);
    match judged {
        Ok(business) => {
            fields.insert("result_code".to_owned(), "SUCCESS".to_owned());
            fields.extend(business);
        }
        Err(Refusal { err_code, description }) => {
            let refused =
                [("result_code", "FAIL"), ("err_code", &err_code), ("err_code_des", description.as_str())];
            fields.extend(own(&refused));
        }
    }
    let mut signature = sign::sign(&fields, request.sign_type, &pay.account().api_v2_key);
    if matches!(fault, Some(Fault::BadSign { .. })) {
        signature = sign::sign(&fields, request.sign_type, "not the key of this merchant");
    }
    fields.insert("sign".to_owned(), signature);
    reply(&fields, outcome)
}

/// Refuses the message as a whole: the name for the log and the `return_msg`.
pub(super) fn refuse(name: &str, return_msg: &str) -> ApiResponse {
    reply(&own(&[("return_code", "FAIL"), ("return_msg", return_msg)]), name.to_owned())
}

/// Names and values as a message's fields.
pub(crate) fn own(pairs: &[(&str, &str)]) -> Fields {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Reads the message and believes its signature, or refuses it as a whole.
fn open(pay: &PayService, received: &ApiRequest) -> Result<PayRequest, Unreadable> {
    if received.method != Method::POST {
        return Err(Unreadable("REQUIRE_POST_METHOD", "请使用post方法"));
    }
    if received.body.is_empty() {
        return Err(Unreadable("POST_DATA_EMPTY", "post数据为空"));
    }
    let text = std::str::from_utf8(&received.body).map_err(|_| Unreadable("NOT_UTF8", "编码格式错误"))?;
    let fields = xml::parse(text).map_err(|_| Unreadable("XML_FORMAT_ERROR", "XML格式错误"))?;
    let merchant = fields.get("mch_id").ok_or(Unreadable("LACK_PARAMS", "缺少参数mch_id"))?;
    if *merchant != pay.account().mch_id {
        return Err(Unreadable("MCHID_NOT_EXIST", "商户号不存在"));
    }
    let sign_type = match fields.get("sign_type").map(String::as_str) {
        None | Some("") => SignType::Md5,
        Some(name) => SignType::parse(name).ok_or(Unreadable("PARAM_ERROR", "sign_type参数格式错误"))?,
    };
    if !sign::is_signed(&fields, sign_type, &pay.account().api_v2_key) {
        return Err(Unreadable("SIGNERROR", "签名错误"));
    }
    Ok(PayRequest { fields, sign_type })
}

/// Everything before the business; a refusal is told in one text.
pub(super) fn believe(pay: &PayService, received: &ApiRequest, rules: &[Rule]) -> Result<PayRequest, String> {
    let request = open(pay, received).map_err(|Unreadable(_, return_msg)| return_msg.to_owned())?;
    check(pay, received, &request, rules).map_err(|refusal| refusal.description)?;
    Ok(request)
}

/// The fields, the appid and the nonce.
fn check(
    pay: &PayService,
    received: &ApiRequest,
    request: &PayRequest,
    rules: &[Rule],
) -> Result<(), Refusal> {
    fields::check(request, &fields::COMMON)?;
    if request.get("appid") != Some(&pay.account().app_id) {
        return Err(foreign_appid(request.get("appid").unwrap_or_default()));
    }
    fields::check(request, rules)?;

    let mut used_for = request.fields.clone();
    used_for.remove("sign");
    used_for.insert("path".to_owned(), received.path.clone());
    let nonce = request.get("nonce_str").unwrap_or_default();
    if !pay.ledger().orders.accept_nonce(nonce, used_for) {
        return Err(Refusal::new("PARAM_ERROR", "nonce_str重复使用"));
    }
    Ok(())
}

fn judge_all(
    pay: &PayService,
    received: &ApiRequest,
    request: &PayRequest,
    fault: Option<&Fault>,
    rules: &[Rule],
    judge: Judge,
) -> Result<Fields, Refusal> {
    check(pay, received, request, rules)?;
    match fault {
        Some(Fault::Busy { .. }) => Err(Refusal::new("SYSTEMERROR", "系统超时")),
        Some(Fault::ErrCode { err_code, .. }) => Err(Refusal::new(err_code, "业务错误")),
        _ => judge(pay, request),
    }
}

/// Of the right form it may be another owner's; else nobody's.
fn foreign_appid(appid: &str) -> Refusal {
    let digits = appid.strip_prefix("wx").unwrap_or_default();
    if digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        Refusal::new("APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配")
    } else {
        Refusal::new("APPID_NOT_EXIST", "appid不存在")
    }
}

fn reply(fields: &Fields, outcome: String) -> ApiResponse {
    ApiResponse {
        status: StatusCode::OK,
        content_type: "text/plain",
        headers: Vec::new(),
        body: xml::write(fields).into(),
        outcome,
    }
}
