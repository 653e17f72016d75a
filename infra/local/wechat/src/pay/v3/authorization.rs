//! The header `Authorization` of Pay v3.
//!
//! Documentation: "Signature generation" (签名生成) of Pay v3. The merchant signs method, path with query exactly as sent, timestamp,
//! nonce and body, each ended by a line feed, and names its certificate by the serial number. The timestamp may differ by five
//! minutes from WeChat's clock. A nonce belongs to one request, which may be repeated with the same nonce.

use std::collections::BTreeMap;

use serde_json::json;

use super::error::V3Error;
use crate::core::exchange::ApiRequest;
use crate::pay::service::PayService;

/// The fields of the header.
#[derive(Debug, PartialEq, Eq)]
struct AuthorizationHeader<'a> {
    mchid: &'a str,
    nonce_str: &'a str,
    timestamp: &'a str,
    serial_no: &'a str,
    signature: &'a str,
}

/// Verifies that the merchant signed the request. `now` is WeChat's clock in unix seconds.
pub(super) fn verify_authorization(
    pay: &PayService,
    http_request: &ApiRequest,
    now: u64,
) -> Result<(), V3Error> {
    let header = http_request.header("authorization").unwrap_or_default();
    if header.is_empty() {
        return Err(header_error("Http头Authorization值为空", "authorization"));
    }
    let header =
        parse_header(header).ok_or_else(|| header_error("Http头Authorization值格式错误", "authorization"))?;
    let account = pay.account();
    if header.mchid != account.mch_id {
        return Err(header_error("Http头Authorization中的mchid不存在", "mchid"));
    }
    if header.nonce_str.len() > 32 {
        return Err(header_error("Http头Authorization中的nonce_str过长", "nonce_str"));
    }
    let digits = header.timestamp.bytes().all(|b| b.is_ascii_digit());
    let signed_at = header.timestamp.parse::<u64>().ok().filter(|_| digits);
    if signed_at.is_none_or(|at| now.abs_diff(at) > TOLERANCE) {
        return Err(header_error(
            "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟",
            "timestamp",
        ));
    }
    // The serial number is a hexadecimal number, and some libraries write it in lower case.
    if !header.serial_no.eq_ignore_ascii_case(&account.merchant_serial_no) {
        return Err(header_error("商户证书序列号有误，请使用签名私钥匹配的证书序列号", "serial_no"));
    }
    let message = signed_message(http_request, header.timestamp, header.nonce_str);
    if !pay.merchant_key().is_some_and(|key| key.verify(&message, header.signature)) {
        return Err(signature_mismatch(http_request, &message));
    }
    let used_for = BTreeMap::from([
        ("method".to_owned(), http_request.method.to_string()),
        ("target".to_owned(), http_request.target.clone()),
        ("body".to_owned(), String::from_utf8_lossy(&http_request.body).into_owned()),
    ]);
    if !pay.ledger().orders.accept_nonce(&format!("v3 {}", header.nonce_str), used_for) {
        return Err(header_error("Http头Authorization中的nonce_str重复使用", "nonce_str"));
    }
    Ok(())
}

/// Parses the header: the five fields, each once, in any order, without blanks.
fn parse_header(header: &str) -> Option<AuthorizationHeader<'_>> {
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
    let header = AuthorizationHeader {
        mchid: take("mchid")?,
        nonce_str: take("nonce_str")?,
        timestamp: take("timestamp")?,
        serial_no: take("serial_no")?,
        signature: take("signature")?,
    };
    fields.is_empty().then_some(header)
}

fn signed_message(http_request: &ApiRequest, timestamp: &str, nonce_str: &str) -> Vec<u8> {
    let ApiRequest { method, target, .. } = http_request;
    let mut message = format!("{method}\n{target}\n{timestamp}\n{nonce_str}\n").into_bytes();
    message.extend_from_slice(&http_request.body);
    message.push(b'\n');
    message
}

fn header_error(message: &str, field: &str) -> V3Error {
    V3Error::signature(message, json!({"location": "authorization", "field": field}))
}

/// The error for a wrong signature. As WeChat does, it shows the message that was verified, so that a developer can find the
/// difference.
fn signature_mismatch(http_request: &ApiRequest, message: &[u8]) -> V3Error {
    let shown: String = String::from_utf8_lossy(message).chars().take(SHOWN).collect();
    let detail = json!({
        "location": "authorization",
        "field": "signature",
        "detail": {"issue": "sign not match"},
        "sign_information": {
            "method": http_request.method.as_str(),
            "url": http_request.target,
            "truncated_sign_message": shown,
            "sign_message_length": message.len(),
        },
    });
    V3Error::signature("错误的签名，验签失败", detail)
}

const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048";

/// Seconds.
const TOLERANCE: u64 = 300;

/// The number of characters of the message that the error shows.
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
        let signed = signed_message(&prepay, "1700000000", "DaDsA36JrHZlIXoM1bNAhVdhTEh2gdxK");
        assert_eq!(key.sign(&signed), vectors::PREPAY_SIGNATURE);
        assert!(key.verify(&signed, vectors::PREPAY_SIGNATURE));

        let query = ApiRequest {
            target: "/v3/pay/transactions/out-trade-no/DGVm3tym4KYqJ727Msfbk?mchid=1916817080".to_owned(),
            ..ApiRequest::default()
        };
        let signed = signed_message(&query, "1700000000", "2rMxwJkuD7d06lw3x7JjZRIvq8Afry6q");
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
        let header = parse_header(&header).unwrap();
        assert_eq!((header.mchid, header.timestamp), ("1916817080", "1700000000"));
        assert_eq!(header.signature, vectors::PREPAY_SIGNATURE);
    }

    #[test]
    fn a_header_of_another_form_is_refused() {
        let good = "WECHATPAY2-SHA256-RSA2048 mchid=\"1\",nonce_str=\"n\",timestamp=\"2\",serial_no=\"S\",signature=\"c2ln\"";
        assert!(parse_header(good).is_some());
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
            assert!(parse_header(&bad).is_none(), "{bad}");
        }
    }
}
