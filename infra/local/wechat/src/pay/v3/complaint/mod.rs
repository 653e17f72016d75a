//! Complaints of buyers (消费者投诉 2.0): lists, details, what the merchant answers, and where notices go.
//!
//! Documentation: "Consumer complaints 2.0" (消费者投诉2.0) of Pay v3. The payer's phone number is encrypted for the merchant's
//! certificate, each time anew.

pub(crate) mod answers;
pub(crate) mod list;
pub(crate) mod notifications;

use serde_json::{Value, json};

use super::error::V3Error;
use super::with_fields;
use crate::core::clock;
use crate::core::refund_status::RefundStatus;
use crate::pay::ledger::Ledger;
use crate::pay::ledger::complaints::Complaint;
use crate::pay::ledger::refunds::RefundQuery;
use crate::pay::service::PayService;

/// A complaint as lists show it. It has an undocumented field (`future_field`), because WeChat may add fields.
fn complaint_json(pay: &PayService, ledger: &Ledger, complaint: &Complaint) -> Value {
    let user = pay.base().users.get(&complaint.openid).filter(|_| !complaint.new.without_phone);
    let phone = user.map(|user| user.number.pure().to_owned());
    let encrypted =
        pay.merchant_key().zip(phone).and_then(|(key, phone)| key.public().encrypt(phone.as_bytes()));
    let refunds = ledger.refunds.find(RefundQuery::TransactionId(&complaint.transaction_id));
    let refunded = refunds.iter().filter(|refund| refund.entry.status == RefundStatus::Success);
    let refunded: u64 = refunded.map(|refund| refund.entry.refund_fee).sum();
    let json = json!({
        "complaint_id": complaint.id,
        "complaint_time": clock::rfc3339(complaint.created),
        "complaint_detail": complaint.new.complaint_detail,
        "complainted_mchid": pay.account().mch_id,
        "complaint_state": complaint.state,
        "payer_phone": encrypted.unwrap_or_default(),
        "complaint_order_info": [{
            "transaction_id": complaint.transaction_id,
            "out_trade_no": complaint.new.out_trade_no,
            "amount": complaint.amount,
        }],
        "complaint_full_refunded": refunded >= complaint.amount,
        "incoming_user_response": complaint.user_responded,
        "problem_description": complaint.new.problem_description,
        "user_complaint_times": complaint.times,
        "problem_type": complaint.new.problem_type,
        "user_tag_list": ["TRUSTED"],
        "in_platform_service": complaint.in_platform_service,
        "need_immediate_service": false,
        "is_agent_mode": false,
        "future_field": "新字段",
    });
    match complaint.new.apply_refund_amount {
        Some(amount) => with_fields(json, [("apply_refund_amount", amount.into())]),
        None => json,
    }
}

fn unknown() -> V3Error {
    V3Error::new("RESOURCE_NOT_EXISTS", "投诉单不存在")
}
