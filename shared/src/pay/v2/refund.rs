//! Refunds of APIv2: 申请退款, 查询退款.

use std::collections::BTreeMap;

use super::{api::fields, transport::call, verified::VerifiedFields};
use crate::{
    pay::{
        ApiVersion, MerchantContext, MerchantSecret, PayError, Refund, RefundRequest, RefundResponse,
        RefundStatus, Source,
    },
    types::{Fen, OutRefundNo, OutTradeNo, TransactionId, UnixSeconds},
};

/// `POST /secapi/pay/refund`, with the merchant's certificate.
pub(in crate::pay) async fn request(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    request: &RefundRequest<'_>,
) -> Result<RefundResponse, PayError> {
    let mut request_fields = fields([
        ("out_refund_no", request.out_refund_no.to_string()),
        ("refund_fee", request.refund_fee.to_string()),
        ("refund_fee_type", "CNY".to_owned()),
        ("total_fee", request.total_fee.to_string()),
        ("transaction_id", request.transaction_id.to_string()),
    ]);
    if let Some(reason) = request.reason {
        request_fields.set("refund_desc", reason.to_owned());
    }
    if let Some(notify_url) = request.notify_url {
        request_fields.set("notify_url", notify_url.to_owned());
    }
    let client = secret.mutual_tls(&merchant.host)?;
    match call(merchant, secret, &client, REFUND, request_fields).await {
        Ok(answer) => {
            let refund = read(&answer, "", RefundStatus::Processing);
            let not_verified = |what| PayError::NotVerified { path: REFUND, what };
            let refund = refund.map_err(not_verified)?;
            if refund.out_refund_no != *request.out_refund_no {
                return Err(not_verified("out_refund_no"));
            }
            Ok(RefundResponse::Accepted(refund))
        }
        Err(PayError::Business { code, transient: false, .. }) => {
            Ok(RefundResponse::from_error_code(ApiVersion::V2, code))
        }
        Err(error) => Err(error),
    }
}

/// `POST /pay/refundquery`; `None` if there is no such refund.
pub(in crate::pay) async fn ask(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    out_refund_no: &OutRefundNo,
) -> Result<Option<Refund>, PayError> {
    let request_fields = fields([("out_refund_no", out_refund_no.to_string())]);
    let answer = match call(merchant, secret, &merchant.upstream.http()?, QUERY, request_fields).await {
        Ok(answer) => answer,
        Err(PayError::Business { code, .. }) if code == "REFUNDNOTEXIST" => return Ok(None),
        Err(error) => return Err(error),
    };
    let not_verified = |what| PayError::NotVerified { path: QUERY, what };
    // The answer numbers the payment's refunds; the queried one is among them.
    let number =
        (0..MAX_REFUNDS).find(|n| answer.get(&format!("out_refund_no_{n}")) == Some(out_refund_no.as_str()));
    let number = number.ok_or_else(|| not_verified("out_refund_no"))?;
    numbered(&answer, number).map(Some).map_err(not_verified)
}

/// `POST /pay/refundquery` for all refunds of an attempt's payment, which come ten at a time.
pub(in crate::pay) async fn refunds_of(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    out_trade_no: OutTradeNo,
) -> Result<Vec<Refund>, PayError> {
    let mut refunds = BTreeMap::new();
    // The bound ends the loop whatever count an answer states.
    for _ in 0..MAX_REFUNDS {
        let mut request_fields = fields([("out_trade_no", out_trade_no.to_string())]);
        if !refunds.is_empty() {
            request_fields.set("offset", refunds.len().to_string());
        }
        let answer = match call(merchant, secret, &merchant.upstream.http()?, QUERY, request_fields).await {
            Ok(answer) => answer,
            Err(PayError::Business { code, .. }) if code == "REFUNDNOTEXIST" => break,
            Err(error) => return Err(error),
        };
        let not_verified = |what| PayError::NotVerified { path: QUERY, what };
        if answer.get("out_trade_no") != Some(out_trade_no.to_string().as_str()) {
            return Err(not_verified("out_trade_no"));
        }
        let known = refunds.len();
        for number in (0..MAX_REFUNDS).filter(|n| answer.get(&format!("out_refund_no_{n}")).is_some()) {
            let refund = numbered(&answer, number).map_err(not_verified)?;
            refunds.insert(refund.refund_id.clone(), refund);
        }
        let total = answer.get("total_refund_count").and_then(|count| count.parse().ok());
        // An answer without a total is the only page.
        if refunds.len() == known || total.is_none_or(|total: usize| refunds.len() >= total) {
            break;
        }
    }
    Ok(refunds.into_values().collect())
}

/// The refund with this number in an answer; else the name of the field that is missing or malformed.
fn numbered(answer: &VerifiedFields, number: u32) -> Result<Refund, &'static str> {
    let suffix = format!("_{number}");
    let status = match answer.get(&format!("refund_status{suffix}")).unwrap_or_default() {
        "PROCESSING" => RefundStatus::Processing,
        status => final_status(status).ok_or("refund_status")?,
    };
    read(answer, &suffix, status)
}

/// The status that answers and notices of APIv2 name for a finished refund.
pub(super) fn final_status(text: &str) -> Option<RefundStatus> {
    match text {
        "SUCCESS" => Some(RefundStatus::Success),
        "CHANGE" => Some(RefundStatus::Abnormal),
        "REFUNDCLOSE" => Some(RefundStatus::Closed),
        _ => None,
    }
}

/// The refund of these fields, of which its own end with `suffix`; else the name of the field that is missing or malformed.
pub(super) fn read(
    fields: &VerifiedFields,
    suffix: &str,
    status: RefundStatus,
) -> Result<Refund, &'static str> {
    let get = |name: &'static str| fields.get(name).ok_or(name);
    let own = |name: &'static str| fields.get(&format!("{name}{suffix}")).ok_or(name);
    let success_at = match suffix {
        "" => fields.get("success_time"),
        suffix => fields.get(&format!("refund_success_time{suffix}")),
    };
    let success_at = success_at.filter(|text| !text.is_empty()).map(UnixSeconds::from_beijing).transpose();
    Ok(Refund {
        out_refund_no: OutRefundNo::parse(own("out_refund_no")?).map_err(|_| "out_refund_no")?,
        refund_id: own("refund_id")?.to_owned(),
        out_trade_no: OutTradeNo::parse(get("out_trade_no")?).map_err(|_| "out_trade_no")?,
        transaction_id: TransactionId::parse(get("transaction_id")?).map_err(|_| "transaction_id")?,
        refund_fee: Fen::parse(own("refund_fee")?).map_err(|_| "refund_fee")?,
        status,
        success_at: success_at.map_err(|_| "success_time")?,
        source: Source::Query,
    })
}

const REFUND: &str = "/secapi/pay/refund";
const QUERY: &str = "/pay/refundquery";
/// The number of refunds that one payment can have.
const MAX_REFUNDS: u32 = 50;
