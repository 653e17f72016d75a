//! Settling a payment: the order's change, the receipt and the outbox row are one transaction. So is, for a payment that must go
//! back, the refund: nobody has to remember it.

use aws_sdk_dynamodb::types::{ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};

use super::{Order, Orders};
use crate::{
    pay::{
        Payment,
        order::{LatePayment, Verdict, judge},
    },
    store::{
        Case, CaseKind, StoreError, cases,
        item::{self, Cancelled},
        outbox::{self, Event, EventKind},
        payments, refunds,
    },
    types::UnixSeconds,
};

/// What came of a payment. It is durable when this is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It was recorded, now for the first time.
    Recorded(Verdict),
    /// It had been recorded before: nothing was changed.
    Again(Verdict),
    /// We have no such order; nothing was recorded.
    NoSuchOrder,
}

impl Orders {
    /// Settles a payment: pays the order, or records why it can't and what becomes of the money; `late` is the operator's choice
    /// for one of a closed order.
    ///
    /// The usual case and its repetition are one request each: the order's number follows from the attempt's, and a failed
    /// condition brings the order along.
    ///
    /// # Errors
    /// DynamoDB can't be asked; nothing was written, or the payment was settled and the answer lost. Settle it again.
    pub async fn settle(&self, payment: &Payment, late: LatePayment) -> Result<Settled, StoreError> {
        // No order of ours is in another currency, so there is nothing to compare with.
        let mut verdict = if payment.currency() == "CNY" { Verdict::Pays } else { Verdict::AmountDiffers };
        for _ in 0..item::ROUNDS {
            let case = case(payment, verdict, self.host.now());
            let parts = self.parts(payment, verdict, case.as_ref())?;
            let request = self.client.transact_write_items().set_transact_items(Some(parts));
            let Err(error) = request.send().await else {
                case.iter().for_each(cases::count_opened);
                return Ok(Settled::Recorded(verdict));
            };
            let reasons = match item::cancelled(SETTLING, error)? {
                Cancelled::Conflict => {
                    item::pause(&self.host).await;
                    continue;
                }
                Cancelled::Conditions(reasons) => reasons,
            };
            // The receipt is the first part: if it was there, the payment had been recorded, whatever it meant.
            let known = item::failed(&reasons, 0).is_some();
            match (item::failed(&reasons, 2), verdict) {
                (None, verdict) if known => return Ok(Settled::Again(verdict)),
                (Some(None), _) => return Ok(Settled::NoSuchOrder),
                (Some(Some(order)), _) => {
                    let order: Order = item::read(order)?;
                    verdict = judge(order.standing(), payment, late);
                    if known || verdict == Verdict::Known {
                        return Ok(Settled::Again(verdict));
                    }
                }
                // The condition to pay failed on an order that can be paid: it changed in between. Look again.
                (None, _) => item::pause(&self.host).await,
            }
        }
        Err(StoreError::contended(SETTLING))
    }

    /// The receipt and the event, and what the verdict asks for: as the third part the order, a refund, or a case.
    fn parts(
        &self,
        payment: &Payment,
        verdict: Verdict,
        case: Option<&Case>,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let now = self.host.now();
        let third = match (case, verdict) {
            (Some(case), _) => cases::open(&self.host, case)?,
            (None, Verdict::Revives) => self.pay(payment, "CLOSED")?,
            (None, Verdict::SecondPayment | Verdict::AfterClose) => {
                refunds::of_itself(&self.host, payment, verdict, now)?
            }
            (None, _) => self.pay(payment, "UNPAID")?,
        };
        Ok(vec![
            payments::record(&self.host, payment, verdict, now)?,
            outbox::write(&self.host, &event(payment, verdict, now))?,
            third,
        ])
    }

    /// The change of the order. Its condition is [`judge`]'s for [`Verdict::Pays`] and [`Verdict::Revives`].
    fn pay(&self, payment: &Payment, from: &str) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.table)
            .key("order_id", item::s(payment.out_trade_no().order_id()))
            .update_expression(
                "SET #status = :paid, paid_at = :at, transaction_id = :transaction, paid_by = :no \
                 REMOVE due_shard, next_query_at, closed_at",
            )
            .condition_expression("#status = :from AND total_fee = :fee AND openid = :openid")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":paid", item::s("PAID"))
            .expression_attribute_values(":from", item::s(from))
            .expression_attribute_values(":at", item::n(payment.paid_at().get()))
            .expression_attribute_values(":transaction", item::s(payment.transaction_id()))
            .expression_attribute_values(":no", item::s(payment.out_trade_no()))
            .expression_attribute_values(":fee", item::n(payment.total_fee().get()))
            .expression_attribute_values(":openid", item::s(payment.openid().as_str()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|error| StoreError::new(SETTLING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// The event that `payment` meant `verdict` for its order.
fn event(payment: &Payment, verdict: Verdict, now: UnixSeconds) -> Event {
    let kind = match verdict {
        Verdict::Pays | Verdict::Known | Verdict::Revives => EventKind::OrderPaid,
        Verdict::SecondPayment => EventKind::PaymentSecond,
        Verdict::AfterClose => EventKind::PaymentAfterClose,
        Verdict::AmountDiffers | Verdict::PayerDiffers => EventKind::PaymentMismatch,
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
fn case(payment: &Payment, verdict: Verdict, now: UnixSeconds) -> Option<Case> {
    let what = match verdict {
        Verdict::PayerDiffers => "paid by another user than the order's",
        Verdict::AmountDiffers => "paid with another amount or currency than the order's",
        _ => return None,
    };
    Some(Case {
        order_id: Some(payment.out_trade_no().order_id()),
        out_trade_no: Some(payment.out_trade_no()),
        transaction_id: Some(payment.transaction_id().clone()),
        ..Case::new(CaseKind::PaymentMismatch, payment.transaction_id(), what, now)
    })
}

const SETTLING: &str = "settling a payment";
