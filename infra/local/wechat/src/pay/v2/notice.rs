//! The notice of a payment, which WeChat Pay signs and sends to the order's `notify_url`.
//!
//! Documentation: "Payment result notification" (支付结果通知) of Pay v2. The notice has the order's sign type but does not name it. It
//! has an undocumented field (`future_field`), and an empty `attach` if the order has none, because back ends make mistakes with
//! both.
//!
//! <https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_7>

use serde_json::{Value, json};

use super::{Fields, fields_from, sign, xml};
use crate::core::account::Account;
use crate::core::clock;
use crate::core::notices::{ACKNOWLEDGED, Delivery, NOT_ACKNOWLEDGED, PAY_REDELIVERIES};
use crate::core::random;
use crate::pay::ledger::orders::Order;
use crate::pay::version::SignType;

/// The notice of a paid order.
pub(crate) fn payment_notice(order: &Order, sign_type: SignType, account: &Account) -> Delivery {
    let fields = notice_fields(order, account);
    Delivery {
        url: order.request.notify_url.clone(),
        content_type: "text/xml",
        summary: Value::from_iter(fields.iter().map(|(name, value)| (name.clone(), json!(value)))),
        body: signed_body(fields.clone(), sign_type, &account.api_v2_key),
        forged: signed_body(fields, sign_type, "a key that is not this merchant's"),
        signer: None,
        check_answer: check_acknowledgement,
        redeliveries: &PAY_REDELIVERIES,
    }
}

/// The XML of these fields and their signature.
pub(crate) fn signed_body(mut fields: Fields, sign_type: SignType, key: &str) -> String {
    let signature = sign::sign(&fields, sign_type, key);
    fields.insert("sign".to_owned(), signature);
    xml::write(&fields)
}

/// The fields about a payment, in a notice and in a query; none if the order is not paid.
pub(crate) fn payment_fields(order: &Order) -> Fields {
    let Some(payment) = &order.payment else { return Fields::new() };
    let fee = order.request.total_fee.to_string();
    fields_from(&[
        ("openid", order.request.openid.as_str()),
        ("is_subscribe", "N"),
        ("trade_type", "JSAPI"),
        ("bank_type", "OTHERS"),
        ("total_fee", &fee),
        ("fee_type", "CNY"),
        ("cash_fee", &fee),
        ("cash_fee_type", "CNY"),
        ("transaction_id", &payment.transaction_id),
        ("time_end", &clock::pay_time(payment.at)),
    ])
}

fn notice_fields(order: &Order, account: &Account) -> Fields {
    let mut fields = fields_from(&[
        ("return_code", "SUCCESS"),
        ("result_code", "SUCCESS"),
        ("appid", &account.app_id),
        ("mch_id", &account.mch_id),
        ("nonce_str", &random::nonce()),
        ("out_trade_no", &order.request.out_trade_no),
        ("attach", &order.request.attach),
        ("future_field", "新字段"),
    ]);
    if !order.request.device_info.is_empty() {
        fields.insert("device_info".to_owned(), order.request.device_info.clone());
    }
    fields.extend(payment_fields(order));
    fields
}

/// Checks the back end's answer: only HTTP 200 with `return_code` SUCCESS ends the redelivery.
pub(super) fn check_acknowledgement(status: u16, body: &str) -> Result<&'static str, String> {
    if status != 200 {
        return Err(format!("{NOT_ACKNOWLEDGED}: HTTP {status}"));
    }
    let fields = xml::parse(body).map_err(|error| format!("{NOT_ACKNOWLEDGED}: {error}"))?;
    match fields.get("return_code").map(String::as_str) {
        Some("SUCCESS") => Ok(ACKNOWLEDGED),
        code => Err(format!("{NOT_ACKNOWLEDGED}: return_code {}", code.unwrap_or("missing"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_status_200_and_success_acknowledge() {
        let success =
            "<xml><return_code><![CDATA[SUCCESS]]></return_code>\n<return_msg>OK</return_msg></xml>";
        assert!(check_acknowledgement(200, success).is_ok());
        for (status, body) in [
            (204, ""),
            (200, ""),
            (200, "SUCCESS"),
            (200, "<xml><return_code>success</return_code></xml>"),
            (200, "<xml><return_code>FAIL</return_code></xml>"),
            (200, "{\"return_code\":\"SUCCESS\"}"),
            (500, success),
        ] {
            assert!(check_acknowledgement(status, body).is_err(), "{status} {body}");
        }
    }

    #[test]
    fn the_known_notice_has_the_known_signature() {
        let fields = fields_from(&[
            ("appid", "wx95e6095a537e33b4"),
            ("attach", "a=1&b=2"),
            ("bank_type", "OTHERS"),
            ("cash_fee", "91"),
            ("coupon_count", "1"),
            ("coupon_fee", "10"),
            ("coupon_fee_0", "10"),
            ("coupon_id_0", "10000001"),
            ("coupon_type_0", "CASH"),
            ("fee_type", "CNY"),
            ("is_subscribe", "N"),
            ("mch_id", "1916817080"),
            ("nonce_str", "c4210e95fc37659eb02793a338996fbb"),
            ("openid", "o5wQws1FH2FD2uaNtxmrc1jiG4dc"),
            ("out_trade_no", "DGVm3tym4KYqJ727Msfbk"),
            ("result_code", "SUCCESS"),
            ("return_code", "SUCCESS"),
            ("time_end", "20231115061402"),
            ("total_fee", "101"),
            ("trade_type", "JSAPI"),
            ("transaction_id", "4200329252049536687864243889"),
            ("future_field", "新字段"),
        ]);
        let body = signed_body(fields, SignType::Md5, "rYLVL20kysqVBFxfTgcGyvKjycsY17WV");
        let read = xml::parse(&body).unwrap();
        assert_eq!(read["sign"], "66EE534932285435AA8EACF54F8366CA");
        assert_eq!(read["attach"], "a=1&b=2");
    }
}
