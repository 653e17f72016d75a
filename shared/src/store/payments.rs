//! `PAYMENTS_TABLE`: every payment that WeChat Pay has reported, also one that does not pay its order. No row is ever deleted.
//!
//! Key `transaction_id`. The row is the receipt: a second notice of the same payment finds the row and changes nothing. The row
//! also limits refunds: `refundable_fee` is the sum that no refund has claimed. The index `by_attempt` (`out_trade_no`) finds the
//! payment of an attempt. The index `by_unbilled` (`unbilled`, `transaction_id`) lists the payments of a day, which the day's bill must
//! have.

use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem};
use serde::{Deserialize, Serialize};

use super::{StoreError, item, work_index};
use crate::{
    host::Host,
    order::PaymentVerdict,
    pay::Payment,
    types::{Day, OpenId, OrderId, OutTradeNo, TransactionId, UnixSeconds},
};

/// A payment, as it was recorded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PaymentRow {
    /// WeChat Pay's number of the payment, which is the key.
    pub transaction_id: TransactionId,
    /// The attempt that was paid.
    pub out_trade_no: OutTradeNo,
    /// The order of that attempt.
    pub order_id: OrderId,
    /// The amount. Fen.
    pub total_fee: u64,
    /// The currency: `CNY`, or another one, in which no order is.
    pub currency: String,
    /// The openid of the payer, if the payment paid its order; removed when the order's user is erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub openid: Option<OpenId>,
    /// When the user paid.
    pub paid_at: UnixSeconds,
    /// How the payment became known: by a notice or by a query.
    pub source: String,
    /// When the payment was recorded.
    pub recorded_at: UnixSeconds,
    /// The verdict on the payment when it was recorded.
    pub verdict: String,
    /// `REVIEW` while an operator must decide, and the payment may still pay its order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention: Option<String>,
    /// The sum that no refund has claimed. Fen.
    pub refundable_fee: u64,
    /// The number of refunds that were begun.
    pub refunds: u32,
    /// The key in the index `by_unbilled`: the day of the bill that must have the payment, and a shard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unbilled: Option<String>,
}

/// The part of a transaction that records the payment, and its payer if one is given. Its condition is that the payment is not recorded; if it fails, the error
/// has the row. A row with `REVIEW` can be replaced when the payment pays its order after all, because an operator has corrected
/// the order. Reads `PAYMENTS_TABLE`.
pub(super) fn put_payment(
    host: &Host,
    payment: &Payment,
    (verdict, payer): (PaymentVerdict, Option<&OpenId>),
    now: UnixSeconds,
) -> Result<TransactWriteItem, StoreError> {
    let (name, review) = match verdict {
        PaymentVerdict::PaysOrder | PaymentVerdict::AlreadyApplied => ("PAID_THE_ORDER", false),
        PaymentVerdict::RevivesOrder => ("REVIVED_THE_ORDER", false),
        PaymentVerdict::SecondPayment => ("SECOND_PAYMENT", false),
        PaymentVerdict::PaymentAfterClose => ("AFTER_CLOSE", false),
        PaymentVerdict::AmountDiffers => ("AMOUNT_DIFFERS", true),
        PaymentVerdict::PayerDiffers => ("PAYER_DIFFERS", true),
    };
    // If the payment has refunds already, their sum is not known yet, so nothing is claimed here.
    let claimed = verdict.is_refunded_automatically() && !payment.has_refunds();
    let row = PaymentRow {
        transaction_id: payment.transaction_id().clone(),
        out_trade_no: payment.out_trade_no(),
        order_id: payment.out_trade_no().order_id(),
        total_fee: payment.total_fee().get(),
        currency: payment.currency().to_owned(),
        openid: payer.cloned(),
        paid_at: payment.paid_at(),
        source: payment.source().as_str().to_owned(),
        recorded_at: now,
        verdict: name.to_owned(),
        attention: review.then(|| REVIEW.to_owned()),
        refundable_fee: if claimed { 0 } else { payment.total_fee().get() },
        refunds: claimed.into(),
        unbilled: Some(unbilled(payment.paid_at(), payment.transaction_id().as_str())),
    };
    let table = host.var("PAYMENTS_TABLE").map_err(|error| StoreError::new(RECORDING, error))?;
    let put = Put::builder().table_name(table).set_item(Some(item::write(&row)?));
    let put = if matches!(verdict, PaymentVerdict::PaysOrder | PaymentVerdict::RevivesOrder) {
        put.condition_expression("attribute_not_exists(transaction_id) OR attention = :review")
            .expression_attribute_values(":review", item::s(REVIEW))
    } else {
        put.condition_expression("attribute_not_exists(transaction_id)")
    };
    let put = put.return_values_on_condition_check_failure(AllOld).build();
    let put = put.map_err(|error| StoreError::new(RECORDING, error))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// The key in `by_unbilled` of a payment or refund of the time `at`.
pub(super) fn unbilled(at: UnixSeconds, number: &str) -> String {
    format!("{}#{}", Day::of(at), work_index::list_shard_of(number))
}

const RECORDING: &str = "recording a payment";
const REVIEW: &str = "REVIEW";
