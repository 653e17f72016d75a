//! The notices of Pay v3: a signed message with an encrypted resource.
//!
//! Documentation: "Payment notice" (支付通知) and "Refund notice" (退款结果通知) of Pay v3. Each delivery gets a new signature with the
//! current time. The statuses 200 and 204 acknowledge it, whatever the body is.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::resource;
use super::signature;
use super::transaction::transaction_json;
use super::with_fields;
use crate::core::account::Account;
use crate::core::clock::{self, SECOND};
use crate::core::context::Context;
use crate::core::lock::lock;
use crate::core::notices::{
    ACKNOWLEDGED, Delivery, Headers, NOT_ACKNOWLEDGED, NoticeRequest, NoticeSigner, PAY_REDELIVERIES,
    SignatureMode, SignerKind,
};
use crate::core::random;
use crate::core::refund_status::RefundStatus;
use crate::pay::ledger::Ledger;
use crate::pay::ledger::orders::Order;
use crate::pay::ledger::refunds::Refund;
use crate::pay::service::PayService;

/// A notice of Pay v3 with the headers of its delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNotice {
    /// Names and values of the headers, including the content type.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte as signed.
    pub body: String,
}

/// The notice of a paid order.
pub(crate) fn payment_notice(pay: &PayService, order: &Order, now: u64) -> Delivery {
    let resource = transaction_json(order, pay.account(), now);
    build_delivery(pay, &order.request.notify_url, "TRANSACTION.SUCCESS", &resource)
}

/// The notice of a refund that has ended.
pub(crate) fn refund_notice(pay: &PayService, refund: &Refund, notify_url: &str) -> Delivery {
    let entry = &refund.entry;
    let event_type = match entry.status {
        RefundStatus::Abnormal => "REFUND.ABNORMAL",
        RefundStatus::Closed => "REFUND.CLOSED",
        RefundStatus::Success | RefundStatus::Processing => "REFUND.SUCCESS",
    };
    let mut resource = json!({
        "mchid": pay.account().mch_id,
        "out_trade_no": entry.out_trade_no,
        "transaction_id": entry.transaction_id,
        "out_refund_no": entry.out_refund_no,
        "refund_id": entry.refund_id,
        "refund_status": entry.status.as_str(),
        "amount": {
            "total": entry.total_fee,
            "refund": entry.refund_fee,
            "payer_total": entry.total_fee,
            "payer_refund": entry.refund_fee,
        },
        "user_received_account": "支付用户零钱",
        "future_field": "新字段",
    });
    if let Some(at) = refund.succeeded() {
        resource = with_fields(resource, [("success_time", clock::rfc3339(at).into())]);
    }
    build_delivery(pay, notify_url, event_type, &resource)
}

/// A signed notice with this resource at this time (unix seconds), whether or not it is true.
pub(crate) fn sign_notice(pay: &PayService, event_type: &str, resource: &Value, at: u64) -> SignedNotice {
    let body = notice_body(event_type, resource, pay.account(), at.saturating_mul(SECOND));
    let mut headers = signature_headers(&pay.shared_ledger(), SignatureMode::Genuine, &body, at);
    headers.push(("Content-Type", CONTENT_TYPE.to_owned()));
    SignedNotice {
        headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        body,
    }
}

/// The notice that a complaint changed. It says only which one and how.
pub(crate) fn complaint_notice(
    pay: &PayService,
    url: &str,
    complaint_id: &str,
    action_type: &str,
) -> Delivery {
    let event_type =
        if action_type == "CREATE_COMPLAINT" { "COMPLAINT.CREATE" } else { "COMPLAINT.STATE_CHANGE" };
    let resource = json!({"complaint_id": complaint_id, "action_type": action_type});
    build_delivery(pay, url, event_type, &resource)
}

fn build_delivery(pay: &PayService, url: &str, event_type: &str, resource: &Value) -> Delivery {
    let body = notice_body(event_type, resource, pay.account(), pay.now());
    let signer =
        PlatformNoticeSigner { context: Arc::clone(&pay.base().context), ledger: pay.shared_ledger() };
    Delivery {
        url: url.to_owned(),
        content_type: CONTENT_TYPE,
        forged: body.clone(),
        body,
        signer: Some(Arc::new(signer)),
        summary: json!({"event_type": event_type, "resource": resource}),
        check_answer: check_acknowledgement,
        redeliveries: &PAY_REDELIVERIES,
    }
}

/// Signs each delivery with WeChat Pay's current key.
struct PlatformNoticeSigner {
    context: Arc<Context>,
    ledger: Arc<Mutex<Ledger>>,
}

impl NoticeSigner for PlatformNoticeSigner {
    fn kind(&self) -> SignerKind {
        SignerKind::PayV3
    }

    fn sign(&self, mode: SignatureMode, body: &str, skew: i64) -> NoticeRequest {
        let at = (self.context.now() / SECOND).saturating_add_signed(skew);
        let headers = signature_headers(&self.ledger, mode, body, at);
        NoticeRequest { query: String::new(), headers, body: body.to_owned() }
    }

    fn rotate_key(&self) {
        lock(&self.ledger).platform_keys.rotate();
    }
}

fn notice_body(event_type: &str, resource: &Value, account: &Account, now: u64) -> String {
    let (original_type, summary) = match event_type {
        "TRANSACTION.SUCCESS" => ("transaction", "支付成功"),
        "REFUND.SUCCESS" => ("refund", "退款成功"),
        "REFUND.ABNORMAL" => ("refund", "退款异常"),
        "REFUND.CLOSED" => ("refund", "退款关闭"),
        "COMPLAINT.CREATE" => ("complaint", "产生新投诉"),
        "COMPLAINT.STATE_CHANGE" => ("complaint", "投诉状态变化"),
        _ => ("unknown", "通知"),
    };
    let encrypted = resource::encrypted(&resource.to_string(), original_type, &account.api_v3_key);
    let encrypted = with_fields(encrypted, [("original_type", original_type.into())]);
    json!({
        "id": random::notice_id(),
        "create_time": clock::rfc3339(now),
        "resource_type": "encrypt-resource",
        "event_type": event_type,
        "summary": summary,
        "resource": encrypted,
    })
    .to_string()
}

fn signature_headers(ledger: &Mutex<Ledger>, mode: SignatureMode, body: &str, at: u64) -> Headers {
    let signer = lock(ledger).platform_keys.signer(None);
    signature::signature_headers(signer, mode, body.as_bytes(), at)
}

/// Checks the back end's answer: only HTTP 200 and 204 end the redelivery.
fn check_acknowledgement(status: u16, _: &str) -> Result<&'static str, String> {
    match status {
        200 | 204 => Ok(ACKNOWLEDGED),
        _ => Err(format!("{NOT_ACKNOWLEDGED}: HTTP {status}")),
    }
}

const CONTENT_TYPE: &str = "application/json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_status_acknowledges_a_v3_notice() {
        assert!(check_acknowledgement(200, "{\"code\":\"FAIL\"}").is_ok());
        assert!(check_acknowledgement(204, "").is_ok());
        for status in [201, 202, 302, 400, 401, 500] {
            assert!(check_acknowledgement(status, "{\"code\":\"SUCCESS\"}").is_err(), "{status}");
        }
    }
}
