//! `PAYMENTS_TABLE`: every payment that WeChat Pay told us of, whatever it meant for its order. Nothing is ever deleted.
//!
//! Key `transaction_id`. The row is the receipt: the same notice a second time finds it and changes nothing.

use aws_sdk_dynamodb::types::Put;
use serde::Serialize;

use super::{StoreError, item};
use crate::{
    pay::{Payment, order::Verdict},
    types::UnixSeconds,
};

#[derive(Serialize)]
struct Row<'a> {
    transaction_id: &'a str,
    out_trade_no: String,
    order_id: String,
    total_fee: u64,
    currency: &'a str,
    openid: &'a str,
    paid_at: UnixSeconds,
    source: &'static str,
    recorded_at: UnixSeconds,
    /// What it meant for the order when it was recorded.
    verdict: &'static str,
    /// Set while somebody must do something about it: refund it, or look.
    #[serde(skip_serializing_if = "Option::is_none")]
    attention: Option<&'static str>,
}

/// Records the payment, unless it is recorded. One that waits for review may yet pay its order, once an operator has put that
/// right.
pub(super) fn record(
    table: &str,
    payment: &Payment,
    verdict: Verdict,
    now: UnixSeconds,
) -> Result<Put, StoreError> {
    let (verdict, attention) = match verdict {
        Verdict::Pays | Verdict::Known => ("PAID_THE_ORDER", None),
        Verdict::SecondPayment => ("SECOND_PAYMENT", Some("REFUND")),
        Verdict::AfterClose => ("AFTER_CLOSE", Some("REFUND")),
        Verdict::AmountDiffers => ("AMOUNT_DIFFERS", Some("REVIEW")),
        Verdict::PayerDiffers => ("PAYER_DIFFERS", Some("REVIEW")),
    };
    let row = Row {
        transaction_id: payment.transaction_id().as_str(),
        out_trade_no: payment.out_trade_no().to_string(),
        order_id: payment.out_trade_no().order_id().to_string(),
        total_fee: payment.total_fee().get(),
        currency: payment.currency(),
        openid: payment.openid().as_str(),
        paid_at: payment.paid_at(),
        source: payment.source().as_str(),
        recorded_at: now,
        verdict,
        attention,
    };
    let put = Put::builder().table_name(table).set_item(Some(item::write(&row)?));
    let put = if row.attention.is_some() {
        put.condition_expression("attribute_not_exists(transaction_id)")
    } else {
        put.condition_expression("attribute_not_exists(transaction_id) OR attention = :review")
            .expression_attribute_values(":review", item::s("REVIEW"))
    };
    put.build().map_err(|error| StoreError::new("recording a payment", error))
}
