//! The header `Authorization` of Pay v3.
//!
//! Documentation: "Signature generation" (签名生成) of Pay v3. The merchant signs method, path with query exactly as
//! sent, timestamp, nonce and body, each ended by a line feed, and names its certificate by the serial number. The
//! clock may be five minutes off. A nonce belongs to one request: repeating that is allowed, using it for another is
//! not.

use std::collections::BTreeMap;

use serde_json::json;

use super::refusal::Refusal;
use crate::core::exchange::ApiRequest;
use crate::pay::service::PayService;

/// What the header says.
#[derive(Debug, PartialEq, Eq)]
struct Authorization<'a> {
    mchid: &'a str,
    nonce_str: &'a str,
    timestamp: &'a str,
    serial_no: &'a str,
    signature: &'a str,
}

/// Believes the request to be the merchant's, or refuses it. `now` is WeChat's clock in unix seconds.
pub(super) fn judge(pay: &PayService, received: &ApiRequest, now: u64) -> Result<(), Refusal> {
    let header = received.header("authorization").unwrap_or_default();
    if header.is_empty() {
        return Err(refuse("Http头Authorization值为空", "authorization"));
    }
    let given = read(header).ok_or_else(|| refuse("Http头Authorization值格式错误", "authorization"))?;
    let account = pay.account();
    if given.mchid != account.mch_id {
        return Err(refuse("Http头Authorization中的mchid不存在", "mchid"));
    }
    if given.nonce_str.len() > 32 {
        return Err(refuse("Http头Authorization中的nonce_str过长", "nonce_str"));
    }
    let digits = given.timestamp.bytes().all(|b| b.is_ascii_digit());
    let signed_at = given.timestamp.parse::<u64>().ok().filter(|_| digits);
    if signed_at.is_none_or(|at| now.abs_diff(at) > TOLERANCE) {
        return Err(refuse("Http头Authorization中的timestamp与发起请求的时间不得超过5分钟", "timestamp"));
    }
    // It is a number, and some libraries write it in small letters.
    if !given.serial_no.eq_ignore_ascii_case(&account.merchant_serial_no) {
        return Err(refuse("商户证书序列号有误，请使用签名私钥匹配的证书序列号", "serial_no"));
    }
    let message = message(received, given.timestamp, given.nonce_str);
    if !pay.merchant_key().is_some_and(|key| key.has_signed(&message, given.signature)) {
        return Err(not_matching(received, &message));
    }
    let used_for = BTreeMap::from([
        ("method".to_owned(), received.method.to_string()),
        ("target".to_owned(), received.target.clone()),
        ("body".to_owned(), String::from_utf8_lossy(&received.body).into_owned()),
    ]);
    if !pay.ledger().orders.accept_nonce(&format!("v3 {}", given.nonce_str), used_for) {
        return Err(refuse("Http头Authorization中的nonce_str重复使用", "nonce_str"));
    }
    Ok(())
}

/// The five fields, each once, in any order, without blanks.
fn read(header: &str) -> Option<Authorization<'_>> {
    let mut fields = BTreeMap::new();
    for field in header.strip_prefix(SCHEME)?.strip_prefix(' ')?.split(',') {
        let (name, value) = field.split_once('=')?;
        let value = value.strip_prefix('"')?.strip_suffix('"')?;
        let is_plain = !value.is_empty() && !value.contains(['"', ' ']);
        if !is_plain || fields.insert(name, value).is_some() {
            return None;
        }
    }
    let mut take = |name| fields.remove(name);
    let read = Authorization {
        mchid: take("mchid")?,
        nonce_str: take("nonce_str")?,
        timestamp: take("timestamp")?,
        serial_no: take("serial_no")?,
        signature: take("signature")?,
    };
    fields.is_empty().then_some(read)
}

fn message(received: &ApiRequest, timestamp: &str, nonce_str: &str) -> Vec<u8> {
    let ApiRequest { method, target, .. } = received;
    let mut message = format!("{method}\n{target}\n{timestamp}\n{nonce_str}\n").into_bytes();
    message.extend_from_slice(&received.body);
    message.push(b'\n');
    message
}

fn refuse(message: &str, field: &str) -> Refusal {
    Refusal::signature(message, json!({"location": "authorization", "field": field}))
}

/// As WeChat shows what it has verified: enough to find the difference.
fn not_matching(received: &ApiRequest, message: &[u8]) -> Refusal {
    let shown: String = String::from_utf8_lossy(message).chars().take(SHOWN).collect();
    let detail = json!({
        "location": "authorization",
        "field": "signature",
        "detail": {"issue": "sign not match"},
        "sign_information": {
            "method": received.method.as_str(),
            "url": received.target,
            "truncated_sign_message": shown,
            "sign_message_length": message.len(),
        },
    });
    Refusal::signature("错误的签名，验签失败", detail)
}

const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048";

/// Seconds.
const TOLERANCE: u64 = 300;

/// How much of the message a refusal shows.
const SHOWN: usize = 256;

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::pay::v3::vectors;

    #[test]
    fn the_known_requests_have_the_known_signatures() {
        let key = vectors::merchant_key();
        let prepay = ApiRequest {
            method: Method::POST,
            target: "/v3/pay/transactions/jsapi".to_owned(),
            body: vectors::PREPAY_BODY.into(),
            ..ApiRequest::default()
        };
        let signed = message(&prepay, "1700000000", "DaDsA36JrHZlIXoM1bNAhVdhTEh2gdxK");
        assert_eq!(key.sign(&signed), vectors::PREPAY_SIGNATURE);
        assert!(key.has_signed(&signed, vectors::PREPAY_SIGNATURE));

        let query = ApiRequest {
            target: "/v3/pay/transactions/out-trade-no/DGVm3tym4KYqJ727Msfbk?mchid=1916817080".to_owned(),
            ..ApiRequest::default()
        };
        let signed = message(&query, "1700000000", "2rMxwJkuD7d06lw3x7JjZRIvq8Afry6q");
        assert!(signed.ends_with(b"\n\n"));
        assert_eq!(key.sign(&signed), vectors::QUERY_SIGNATURE);
    }

    #[test]
    fn the_known_header_is_read() {
        let header = format!(
            "WECHATPAY2-SHA256-RSA2048 mchid=\"1916817080\",nonce_str=\"DaDsA36JrHZlIXoM1bNAhVdhTEh2gdxK\",\
             timestamp=\"1700000000\",serial_no=\"573D0E5B5F49FEDE3895E20FCE059585CDE615C1\",signature=\"{}\"",
            vectors::PREPAY_SIGNATURE
        );
        let read = read(&header).unwrap();
        assert_eq!((read.mchid, read.timestamp), ("1916817080", "1700000000"));
        assert_eq!(read.signature, vectors::PREPAY_SIGNATURE);
    }

    #[test]
    fn a_header_of_another_form_is_refused() {
        let good = "WECHATPAY2-SHA256-RSA2048 mchid=\"1\",nonce_str=\"n\",timestamp=\"2\",serial_no=\"S\",signature=\"c2ln\"";
        assert!(read(good).is_some());
        for bad in [
            good.replace("WECHATPAY2-SHA256-RSA2048 ", ""),
            good.replace("RSA2048", "RSA4096"),
            good.replace("mchid=\"1\",", ""),
            good.replace("mchid=\"1\"", "mchid=\"1\",mchid=\"1\""),
            good.replace("mchid=\"1\"", "mchid=1"),
            good.replace("mchid=\"1\"", "mchid=\"\""),
            good.replace("mchid", "mch_id"),
            good.replace("\",nonce", "\", nonce"),
            good.replace("mchid=\"1\"", "mchid=\"1\",more=\"1\""),
            String::new(),
        ] {
            assert!(read(&bad).is_none(), "{bad}");
        }
    }
}
