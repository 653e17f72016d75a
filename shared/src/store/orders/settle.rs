//! Recording a payment. The order, the receipt and the outbox row change in one transaction; for a second or late payment the same
//! transaction begins the refund.
//!
//! A payment can have been given back in the merchant console, in part or whole, before we recorded it. It pays its order all the
//! same, and the order is REFUNDING until it is known how much went back; the event that it was paid is withheld until then
//! (`paid_withheld`), so that nobody ships goods whose money is gone. What went back is known
//!
//! - at once by APIv2, which lists a payment's refunds: the sweep takes them over;
//! - by APIv3 from the notice of the refund or from the next day's bill, because APIv3 answers only for a refund whose number is
//!   known. The sweep opens a case meanwhile (`ORDER_DISPUTED`).
//!
//! With the refunds the order becomes REFUNDED, or PAID, and then the event is written.

use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};

use super::{Order, Orders};
use crate::{
    order::{LatePaymentPolicy, PaymentVerdict, payment_verdict},
    pay::Payment,
    store::{
        Case, CaseKind, PaymentRow, StoreError, cases,
        item::{self, Item, TransactionCancelled},
        outbox::{self, Event, EventKind},
        payments, refunds, work_index,
    },
    types::UnixSeconds,
};

/// What came of recording a payment. It is durable when this is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettleOutcome {
    /// The payment is recorded now, for the first time.
    Recorded(PaymentVerdict),
    /// The payment was recorded before: nothing was changed.
    AlreadyRecorded(PaymentVerdict),
    /// The payment was recorded before, does not fit the order, and is refunded or being refunded in full: nothing was changed.
    FullyRefunded(PaymentVerdict),
    /// There is no such order; nothing was recorded.
    NoSuchOrder,
}

impl Orders {
    /// Records a payment: the order becomes PAID, or the receipt says why not and a refund or a case is begun. `late` is the operator's
    /// choice for a payment of a closed order.
    ///
    /// The usual case and its repetition are one request each: the order's number follows from the attempt's, and a failed
    /// condition brings the order along.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. Nothing was written, or the payment was settled and the answer lost.
    /// Settle it again.
    pub async fn settle(
        &self,
        payment: &Payment,
        late: LatePaymentPolicy,
    ) -> Result<SettleOutcome, StoreError> {
        // No order of ours is in another currency, so there is nothing to compare with.
        let mut verdict = if payment.currency() == "CNY" {
            PaymentVerdict::PaysOrder
        } else {
            PaymentVerdict::AmountDiffers
        };
        let mut has_user = true;
        for _ in 0..item::MAX_ATTEMPTS {
            let case = case(payment, verdict, self.host.now());
            let parts = self.parts(payment, verdict, has_user, case.as_ref())?;
            let request = self.client.transact_write_items().set_transact_items(Some(parts));
            let Err(error) = request.send().await else {
                case.iter().for_each(cases::count_opened);
                return Ok(SettleOutcome::Recorded(verdict));
            };
            let reasons = match item::cancellation(SETTLING, error)? {
                TransactionCancelled::Conflict => {
                    item::sleep_jittered(&self.host).await;
                    continue;
                }
                TransactionCancelled::ConditionsFailed(reasons) => reasons,
            };
            // If the receipt was there, the payment had been recorded, whatever it meant.
            let receipt = item::failed_condition(&reasons, RECEIPT);
            match (item::failed_condition(&reasons, MEANING), receipt) {
                (None, Some(receipt)) => return again(verdict, receipt),
                (Some(None), _) => return Ok(SettleOutcome::NoSuchOrder),
                (Some(Some(order)), receipt) => {
                    let order: Order = item::read(order)?;
                    has_user = order.openid.is_some();
                    verdict = payment_verdict(order.snapshot(), payment, late);
                    match receipt {
                        Some(receipt) => return again(verdict, receipt),
                        None if verdict == PaymentVerdict::AlreadyApplied => {
                            return Ok(SettleOutcome::AlreadyRecorded(verdict));
                        }
                        None => {}
                    }
                }
                // There is no order whose `prepay_id` could be forgotten.
                (None, None) if item::failed_condition(&reasons, PREPAY).is_some() => {
                    return Ok(SettleOutcome::NoSuchOrder);
                }
                // The condition to pay failed on an order that can be paid: it changed in between. Look again.
                (None, None) => item::sleep_jittered(&self.host).await,
            }
        }
        Err(StoreError::contended(SETTLING))
    }

    /// The receipt ([`RECEIPT`]), what the verdict asks for ([`MEANING`]: the order, a refund, or a case), and the event.
    ///
    /// The receipt names the payer only of the payment that pays the order, and only if the order has its user, because the erasure of a
    /// user finds this receipt by the order and no other. WeChat Pay tells who made any other payment.
    fn parts(
        &self,
        payment: &Payment,
        verdict: PaymentVerdict,
        has_user: bool,
        case: Option<&Case>,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let now = self.host.now();
        let meaning = match (case, verdict) {
            (Some(case), _) => cases::put_case(&self.host, case)?,
            (None, PaymentVerdict::RevivesOrder) => self.pay(payment, has_user, "CLOSED", now)?,
            (None, PaymentVerdict::SecondPayment | PaymentVerdict::PaymentAfterClose) => {
                refunds::automatic_refund_part(&self.host, payment, verdict, now)?
            }
            (None, _) => self.pay(payment, has_user, "UNPAID", now)?,
        };
        let pays = matches!(verdict, PaymentVerdict::PaysOrder | PaymentVerdict::RevivesOrder);
        let payer = (pays && has_user).then(|| payment.openid());
        let mut parts = vec![payments::put_payment(&self.host, payment, (verdict, payer), now)?, meaning];
        if !(verdict == PaymentVerdict::PaysOrder && payment.has_refunds()) {
            parts.push(outbox::put_event(&self.host, &event(payment, verdict, now))?);
        }
        if matches!(verdict, PaymentVerdict::AmountDiffers | PaymentVerdict::PayerDiffers) {
            parts.push(self.forget_prepay(payment)?);
        }
        Ok(parts)
    }

    /// The change of the order. Its condition is [`payment_verdict`]'s for [`PaymentVerdict::PaysOrder`] and [`PaymentVerdict::RevivesOrder`].
    /// `has_user` says that the order's user was not erased.
    fn pay(
        &self,
        payment: &Payment,
        has_user: bool,
        from: &str,
        now: UnixSeconds,
    ) -> Result<TransactWriteItem, StoreError> {
        let (status, rest) = if payment.has_refunds() {
            // The sweep looks at once for what was given back.
            let due =
                "paid_withheld = :true, due_shard = :shard, next_query_at = :now REMOVE prepay, closed_at";
            ("REFUNDING", format!(", {due}"))
        } else {
            ("PAID", " REMOVE due_shard, next_query_at, closed_at".to_owned())
        };
        let update = Update::builder()
            .table_name(&self.table)
            .key("order_id", item::s(payment.out_trade_no().order_id()))
            .update_expression(format!(
                "SET #status = :paid, paid_at = :at, transaction_id = :transaction, paid_by = :no{rest}"
            ))
            .condition_expression(if has_user {
                "#status = :from AND total_fee = :fee AND openid = :openid"
            } else {
                "#status = :from AND total_fee = :fee AND attribute_not_exists(openid)"
            })
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":paid", item::s(status))
            .expression_attribute_values(":from", item::s(from))
            .expression_attribute_values(":at", item::n(payment.paid_at().get()))
            .expression_attribute_values(":transaction", item::s(payment.transaction_id()))
            .expression_attribute_values(":no", item::s(payment.out_trade_no()))
            .expression_attribute_values(":fee", item::n(payment.total_fee().get()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let update = if has_user {
            update.expression_attribute_values(":openid", item::s(payment.openid().as_str()))
        } else {
            update
        };
        let update = if payment.has_refunds() {
            let shard = work_index::shard_of(&payment.out_trade_no().order_id().to_string());
            update
                .expression_attribute_values(":true", AttributeValue::Bool(true))
                .expression_attribute_values(":shard", item::s(shard))
                .expression_attribute_values(":now", item::n(now.get()))
        } else {
            update
        };
        let update = update.build().map_err(|error| StoreError::new(SETTLING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// The attempt was paid, so that its `prepay_id` must not be handed out any more, though the order is not paid by that.
    fn forget_prepay(&self, payment: &Payment) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.table)
            .key("order_id", item::s(payment.out_trade_no().order_id()))
            .update_expression("REMOVE prepay")
            .condition_expression("attribute_exists(order_id)")
            .build()
            .map_err(|error| StoreError::new(SETTLING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// What was known of a payment whose receipt was there.
fn again(verdict: PaymentVerdict, receipt: Option<Item>) -> Result<SettleOutcome, StoreError> {
    let is_mismatch = matches!(verdict, PaymentVerdict::AmountDiffers | PaymentVerdict::PayerDiffers);
    let receipt = receipt.filter(|_| is_mismatch).map(item::read::<PaymentRow>).transpose()?;
    let is_returned = receipt.is_some_and(|receipt| receipt.refundable_fee == 0);
    Ok(if is_returned {
        SettleOutcome::FullyRefunded(verdict)
    } else {
        SettleOutcome::AlreadyRecorded(verdict)
    })
}

/// The event that `payment` meant `verdict` for its order.
fn event(payment: &Payment, verdict: PaymentVerdict, now: UnixSeconds) -> Event {
    let kind = match verdict {
        PaymentVerdict::PaysOrder | PaymentVerdict::AlreadyApplied | PaymentVerdict::RevivesOrder => {
            EventKind::OrderPaid
        }
        PaymentVerdict::SecondPayment => EventKind::PaymentSecond,
        PaymentVerdict::PaymentAfterClose => EventKind::PaymentAfterClose,
        PaymentVerdict::AmountDiffers | PaymentVerdict::PayerDiffers => EventKind::PaymentMismatch,
    };
    Event {
        order_id: Some(payment.out_trade_no().order_id()),
        out_trade_no: Some(payment.out_trade_no()),
        transaction_id: Some(payment.transaction_id().clone()),
        fee: Some(payment.total_fee()),
        ..Event::new(kind, payment.transaction_id(), now)
    }
}

/// The case of a payment that an operator must look at.
fn case(payment: &Payment, verdict: PaymentVerdict, now: UnixSeconds) -> Option<Case> {
    let (kind, what) = match verdict {
        PaymentVerdict::PayerDiffers => (CaseKind::PaymentMismatch, "paid by another user than the order's"),
        PaymentVerdict::AmountDiffers => {
            (CaseKind::PaymentMismatch, "paid with another amount or currency than the order's")
        }
        PaymentVerdict::SecondPayment | PaymentVerdict::PaymentAfterClose if payment.has_refunds() => (
            CaseKind::OrderDisputed,
            "a payment that no order needs was given back in part or whole before it was recorded: see that all of it goes back",
        ),
        _ => return None,
    };
    Some(Case {
        order_id: Some(payment.out_trade_no().order_id()),
        out_trade_no: Some(payment.out_trade_no()),
        transaction_id: Some(payment.transaction_id().clone()),
        ..Case::new(kind, payment.transaction_id(), what, now)
    })
}

const SETTLING: &str = "settling a payment";
/// The places of parts of the transaction.
const RECEIPT: usize = 0;
const MEANING: usize = 1;
const PREPAY: usize = 3;
