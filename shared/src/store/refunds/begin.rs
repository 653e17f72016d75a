//! Beginning a refund. WeChat Pay is asked for it only after this is durable.

use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update};

use super::{RefundCause, RefundRow, Refunds};
use crate::{
    host::Host,
    order::{PaymentVerdict, Status, query_schedule::FIRST_REFUND_QUERY_DELAY},
    pay::Payment,
    store::{
        Order, PaymentRow, RefundRequest, RefundRequestId, StoreError,
        item::{self, TransactionCancelled},
        orders::request_event,
        outbox::{self, EventKind},
    },
    types::{Fen, OperatorArn, OutRefundNo, UnixSeconds},
};

/// A refund that an operator wants.
pub struct NewRefund {
    /// The number of the refund, which is computed from the request's idempotency key.
    pub out_refund_no: OutRefundNo,
    /// The amount; `None` for all that is left of the payment.
    pub refund_fee: Option<Fen>,
    /// The reason that the user reads.
    pub reason: Option<String>,
    /// The operator who requests the refund.
    pub requested_by: OperatorArn,
    /// The address to which WeChat Pay sends its notice.
    pub notify_url: Option<String>,
    /// The user's request that this refund approves, if it approves one.
    pub approval: Option<RefundApproval>,
}

/// An operator's approval of a user's request for a refund.
#[derive(Debug, Clone)]
pub struct RefundApproval {
    /// The request.
    pub request: RefundRequestId,
    /// The operator's note to the user.
    pub note: Option<String>,
}

/// What came of beginning a refund.
#[derive(Debug)]
pub enum BeginRefundOutcome {
    /// The refund is begun now.
    Begun(Box<RefundRow>),
    /// The refund was begun before, under this number.
    AlreadyBegun(Box<RefundRow>),
    /// The refund can't be begun; nothing was written.
    Refused(RefundRefusal),
}

/// Why a refund can't be begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundRefusal {
    /// The refund is larger than the rest that the payment can give back. Fen.
    TooMuch {
        /// The rest that the payment can give back.
        left: u64,
    },
    /// The payment has had as many refunds as WeChat Pay allows.
    TooMany,
    /// The order is not in a state that gives anything back.
    Forbidden,
    /// The request that the refund would approve does not wait any more.
    RequestDecided,
}

impl Refunds {
    /// Begins a refund of `payment`.
    ///
    /// Condition: there is no refund of that number, and the payment has given back as much, in as many refunds, as it had when
    /// it was read; otherwise it is read again. So the sum of all refunds is never more than was paid.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the refund may have been begun.
    /// Begin it again.
    pub async fn begin(
        &self,
        order: &Order,
        payment: &PaymentRow,
        new: &NewRefund,
    ) -> Result<BeginRefundOutcome, StoreError> {
        let mut payment = payment.clone();
        let mut order = order.clone();
        for _ in 0..item::MAX_ATTEMPTS {
            let row = match self.row(&order, &payment, new) {
                Ok(row) => row,
                Err(refusal) => return self.refuse_unless_begun(&order, new, refusal).await,
            };
            let mut parts = vec![self.put_row_part(&row)?, self.claim_fee_part(&payment, row.refund_fee)?];
            if let Some(change) = self.show_refund_part(&order, &payment, &row, new.approval.as_ref())? {
                parts.push(change);
            }
            if let Some(approval) = &new.approval {
                let kind = EventKind::RefundApproved;
                let event = request_event(&order, &approval.request, row.refund_fee, kind, self.host.now());
                parts.push(outbox::put_event(&self.host, &event)?);
            }
            let request = self.client.transact_write_items().set_transact_items(Some(parts));
            let Err(error) = request.send().await else {
                return Ok(BeginRefundOutcome::Begun(Box::new(row)));
            };
            match item::cancellation(BEGINNING, error)? {
                TransactionCancelled::Conflict => item::sleep_jittered(&self.host).await,
                TransactionCancelled::ConditionsFailed(reasons) => {
                    if let Some(known) = item::failed_condition(&reasons, 0) {
                        let known = known.ok_or_else(|| StoreError::new(BEGINNING, "the refund is gone"))?;
                        return Ok(BeginRefundOutcome::AlreadyBegun(Box::new(item::read(known)?)));
                    }
                    let gone = || StoreError::new(BEGINNING, "the payment is gone");
                    if let Some(now) = item::failed_condition(&reasons, 1) {
                        payment = item::read(now.ok_or_else(gone)?)?;
                    }
                    if let Some(now) = item::failed_condition(&reasons, 2) {
                        order = item::read(now.ok_or_else(gone)?)?;
                    }
                }
            }
        }
        Err(StoreError::contended(BEGINNING))
    }

    /// The outcome of a refusal. Its reason may be this very refund, which the same request, sent twice, has begun meanwhile.
    async fn refuse_unless_begun(
        &self,
        order: &Order,
        new: &NewRefund,
        refusal: RefundRefusal,
    ) -> Result<BeginRefundOutcome, StoreError> {
        let (_, known) = self.get_with_order(order.order_id, &new.out_refund_no).await?;
        Ok(known.map_or(BeginRefundOutcome::Refused(refusal), |row| {
            BeginRefundOutcome::AlreadyBegun(Box::new(row))
        }))
    }

    fn row(&self, order: &Order, payment: &PaymentRow, new: &NewRefund) -> Result<RefundRow, RefundRefusal> {
        let now = self.host.now();
        let left = payment.refundable_fee;
        let pays_order = order.transaction_id.as_ref() == Some(&payment.transaction_id);
        if pays_order && !matches!(order.status, Status::Paid | Status::Refunding) {
            return Err(RefundRefusal::Forbidden);
        }
        if let Some(approval) = &new.approval
            && !(pays_order && order.refund_request(&approval.request).is_some_and(RefundRequest::is_open))
        {
            return Err(RefundRefusal::RequestDecided);
        }
        if payment.refunds >= MOST {
            return Err(RefundRefusal::TooMany);
        }
        let wanted = new.refund_fee.map_or(left, Fen::get);
        let refund_fee =
            Fen::new(wanted).ok().filter(|fee| fee.get() <= left).ok_or(RefundRefusal::TooMuch { left })?;
        let total_fee = Fen::new(payment.total_fee).map_err(|_| RefundRefusal::Forbidden)?;
        Ok(RefundRow {
            asked_fee: new.refund_fee,
            reason: new.reason.clone(),
            requested_by: Some(new.requested_by.clone()),
            notify_url: new.notify_url.clone(),
            ..RefundRow::begin(
                new.out_refund_no.clone(),
                (payment.out_trade_no, &payment.transaction_id),
                (refund_fee, total_fee),
                RefundCause::Operator,
                now,
                // The caller requests the refund from WeChat Pay. If the caller is killed, the sweep does, at this time.
                now.plus(FIRST_REFUND_QUERY_DELAY),
            )
        })
    }

    pub(super) fn put_row_part(&self, row: &RefundRow) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item::write(row)?))
            .condition_expression("attribute_not_exists(out_refund_no)")
            .return_values_on_condition_check_failure(AllOld)
            .build()
            .map_err(|error| StoreError::new(BEGINNING, error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Takes the sum from the refundable sum of the payment, and ends its review by an operator.
    pub(super) fn claim_fee_part(
        &self,
        payment: &PaymentRow,
        fee: Fen,
    ) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.payments)
            .key("transaction_id", item::s(&payment.transaction_id))
            .update_expression("SET refundable_fee = :left, refunds = :count REMOVE attention")
            .condition_expression("refundable_fee = :seen AND refunds = :before")
            .expression_attribute_values(":left", item::n(payment.refundable_fee.saturating_sub(fee.get())))
            .expression_attribute_values(":count", item::n(payment.refunds.saturating_add(1)))
            .expression_attribute_values(":seen", item::n(payment.refundable_fee))
            .expression_attribute_values(":before", item::n(payment.refunds))
            .return_values_on_condition_check_failure(AllOld)
            .build()
            .map_err(|error| StoreError::new(BEGINNING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// The part of a transaction that begins the refund of a second or late payment. It happens once, because the same transaction writes
/// the receipt of the payment on the condition that there is none. Reads `REFUNDS_TABLE` and, if it is set, `PUBLIC_BASE_URL`.
pub(in crate::store) fn automatic_refund_part(
    host: &Host,
    payment: &Payment,
    verdict: PaymentVerdict,
    now: UnixSeconds,
) -> Result<TransactWriteItem, StoreError> {
    let (cause, reason) = match verdict {
        PaymentVerdict::SecondPayment => (RefundCause::SecondPayment, "重复支付退款"),
        _ => (RefundCause::AfterClose, "订单已关闭，退款"),
    };
    let notify_url = host.optional_var("PUBLIC_BASE_URL").map(|base| format!("{base}/api/pay/refund-notify"));
    let row = RefundRow {
        reason: Some(reason.to_owned()),
        notify_url,
        ..RefundRow::begin(
            OutRefundNo::of(payment.out_trade_no(), payment.transaction_id().as_str()),
            (payment.out_trade_no(), payment.transaction_id()),
            (payment.total_fee(), payment.total_fee()),
            cause,
            now,
            now,
        )
    };
    let table = host.var("REFUNDS_TABLE").map_err(|error| StoreError::new(BEGINNING, error))?;
    let put = Put::builder().table_name(table).set_item(Some(item::write(&row)?)).build();
    let put = put.map_err(|error| StoreError::new(BEGINNING, error))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

const BEGINNING: &str = "beginning a refund";
/// Refunds that WeChat Pay allows of one payment.
const MOST: u32 = 50;
