//! Recording what WeChat Pay says of a refund. The refund's row, the order, the refundable sum of the payment and the outbox row change
//! in one transaction.

use aws_sdk_dynamodb::types::{ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update};

use super::{
    RefundCause, RefundRow, Refunds,
    refunded_order::{with_ended_refund, with_new_refund, with_refund_news, with_status_of_sums},
};
use crate::{
    order::Status,
    pay::{Refund, RefundStatus},
    store::{
        Order, PaymentRow, StoreError, cases,
        item::{self, TransactionCancelled},
        outbox::{self, Event, EventKind},
        payments, work_index,
    },
    types::{Fen, OperatorArn, UnixSeconds},
};

/// What came of recording what WeChat Pay says of a refund. It is durable when this is returned.
#[derive(Debug)]
pub enum RefundSettleOutcome {
    /// The refund's status has changed; the refund as it is now.
    Changed(Box<RefundRow>),
    /// The status was recorded before: nothing was changed.
    AlreadyRecorded(Box<RefundRow>),
    /// The refund in our table is of another payment or another sum: nothing was changed.
    Differs,
    /// The refund is of a payment that is not recorded: nothing was written.
    NoSuchPayment,
}

/// The new status of a refund, and what WeChat Pay says with it.
struct RefundChange<'a> {
    status: RefundStatus,
    refund_id: Option<&'a str>,
    success_at: Option<UnixSeconds>,
    failure: Option<&'a str>,
    /// The operator who gives the refund up.
    given_up_by: Option<&'a OperatorArn>,
}

impl Refunds {
    /// Records what WeChat Pay says of a refund, of this system or of the merchant console.
    ///
    /// Condition: the refund has the status, and the order the status and sums, with which they were read; otherwise they are read again.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied; repeating it is
    /// harmless.
    pub async fn settle(&self, refund: &Refund) -> Result<RefundSettleOutcome, StoreError> {
        for _ in 0..item::MAX_ATTEMPTS {
            let order_id = refund.out_trade_no().order_id();
            let (order, row) = self.get_with_order(order_id, refund.out_refund_no()).await?;
            let Some(order) = order else { return Ok(RefundSettleOutcome::NoSuchPayment) };
            let Some(row) = row else {
                match self.adopt_console_refund(&order, refund).await? {
                    Some(settled) => return Ok(settled),
                    None => continue,
                }
            };
            if row.transaction_id != *refund.transaction_id() || row.refund_fee != refund.refund_fee() {
                return Ok(RefundSettleOutcome::Differs);
            }
            if refund.status() == RefundStatus::Processing && row.status == RefundStatus::Processing {
                if row.refund_id.is_none() || row.failure.is_some() {
                    self.record_accepted(&row, refund).await?;
                }
                let refund_id = Some(refund.refund_id().to_owned());
                return Ok(RefundSettleOutcome::AlreadyRecorded(Box::new(RefundRow {
                    refund_id,
                    failure: None,
                    ..row
                })));
            }
            // WeChat Pay refused an earlier request, so the refund was closed here; a request that was under way was accepted.
            let refused = row.status == RefundStatus::Closed && row.refund_id.is_none();
            if refused && refund.status() != RefundStatus::Closed {
                match self.reopen(&order, &row, refund).await? {
                    Some(settled) => return Ok(settled),
                    None => continue,
                }
            }
            if !row.status.may_become(refund.status()) {
                return Ok(RefundSettleOutcome::AlreadyRecorded(Box::new(row)));
            }
            let next = RefundChange {
                status: refund.status(),
                refund_id: Some(refund.refund_id()),
                success_at: refund.success_at(),
                failure: None,
                given_up_by: None,
            };
            if let Some(row) = self.apply_change(&order, &row, &next).await? {
                return Ok(RefundSettleOutcome::Changed(Box::new(row)));
            }
        }
        Err(StoreError::contended(SETTLING))
    }

    /// Closes a refund that WeChat Pay has never accepted, for the reason `code`; the refund as it is now. WeChat Pay refuses it for good,
    /// or the operator `by` gives it up.
    ///
    /// Condition: the refund is PROCESSING; otherwise nothing is changed.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied; repeating
    /// it is harmless.
    pub async fn refuse(
        &self,
        row: &RefundRow,
        code: &str,
        by: Option<&OperatorArn>,
    ) -> Result<RefundRow, StoreError> {
        for _ in 0..item::MAX_ATTEMPTS {
            let (order, row) = self.get_with_order(row.order_id, &row.out_refund_no).await?;
            let gone = || StoreError::new(SETTLING, "the refund or its order is gone");
            let (order, row) = order.zip(row).ok_or_else(gone)?;
            if row.status != RefundStatus::Processing {
                return Ok(row);
            }
            let next = RefundChange {
                status: RefundStatus::Closed,
                refund_id: None,
                success_at: None,
                failure: Some(code),
                given_up_by: by,
            };
            if let Some(row) = self.apply_change(&order, &row, &next).await? {
                return Ok(row);
            }
        }
        Err(StoreError::contended(SETTLING))
    }

    /// Writes the refund's next status and what follows from it; `None` if the refund or the order changed meanwhile.
    async fn apply_change(
        &self,
        order: &Order,
        row: &RefundRow,
        next: &RefundChange<'_>,
    ) -> Result<Option<RefundRow>, StoreError> {
        let now = self.host.now();
        let after = with_change(row, next, now);
        let case = after.status_case(now);
        let mut parts =
            vec![self.update_row_part(row, &after)?, outbox::put_event(&self.host, &event(&after, now))?];
        let pays_order = order.transaction_id.as_ref() == Some(&row.transaction_id);
        if pays_order && after.status.is_final() {
            parts.extend(self.order_parts(
                order,
                &with_refund_news(order, &after, with_ended_refund),
                now,
            )?);
        }
        if !pays_order && order.status == Status::Unpaid && after.status == RefundStatus::Success {
            parts.push(self.query_soon_part(order, now)?);
        }
        if after.status == RefundStatus::Closed {
            parts.push(self.release_fee_part(row)?);
        }
        Ok(self.transact(parts, case).await?.then_some(after))
    }

    /// Records a refund that was made in the merchant console; `None` if the payment or the order changed meanwhile.
    async fn adopt_console_refund(
        &self,
        order: &Order,
        refund: &Refund,
    ) -> Result<Option<RefundSettleOutcome>, StoreError> {
        let Some(payment) = self.payment(refund.transaction_id()).await? else {
            return Ok(Some(RefundSettleOutcome::NoSuchPayment));
        };
        let total_fee = Fen::new(payment.total_fee).map_err(|error| StoreError::new(SETTLING, error))?;
        // A closed refund takes nothing from the refundable sum.
        let takes = refund.status() != RefundStatus::Closed;
        let too_much = takes && refund.refund_fee().get() > payment.refundable_fee;
        if payment.out_trade_no != refund.out_trade_no() || too_much {
            return Ok(Some(RefundSettleOutcome::Differs));
        }
        let now = self.host.now();
        let row = console_refund_row(&payment, refund, total_fee, now);
        let mut parts = vec![self.put_row_part(&row)?, outbox::put_event(&self.host, &event(&row, now))?];
        let case = row.status_case(now);
        let pays_order = order.transaction_id.as_ref() == Some(&payment.transaction_id);
        if !takes {
            if pays_order && order.paid_withheld {
                let next = with_refund_news(order, &row, |order, _| with_status_of_sums(order.clone()));
                parts.extend(self.order_parts(order, &next, now)?);
            }
            return Ok(self
                .transact(parts, case)
                .await?
                .then(|| RefundSettleOutcome::Changed(Box::new(row))));
        }
        parts.push(self.claim_fee_part(&payment, row.refund_fee)?);
        if pays_order {
            parts.extend(self.order_parts(order, &with_refund_news(order, &row, with_new_refund), now)?);
        } else if order.status == Status::Unpaid {
            parts.push(self.query_soon_part(order, now)?);
        }
        Ok(self.transact(parts, case).await?.then(|| RefundSettleOutcome::Changed(Box::new(row))))
    }

    /// Claims the sum again for a refund that was closed here and that WeChat Pay has accepted all the same. If another refund has the sum
    /// by now, nothing is changed. `None` if the refund or the order changed meanwhile.
    async fn reopen(
        &self,
        order: &Order,
        row: &RefundRow,
        refund: &Refund,
    ) -> Result<Option<RefundSettleOutcome>, StoreError> {
        let now = self.host.now();
        let shard = work_index::shard_of(row.out_refund_no.as_str());
        let again = RefundRow { status: RefundStatus::Processing, due_shard: Some(shard), ..row.clone() };
        let next = RefundChange {
            status: refund.status(),
            refund_id: Some(refund.refund_id()),
            success_at: refund.success_at(),
            failure: None,
            given_up_by: None,
        };
        let after = with_change(&again, &next, now);
        let mut parts = vec![
            self.reclaim_fee_part(row)?,
            self.update_row_part(row, &after)?,
            outbox::put_event(&self.host, &event(&after, now))?,
        ];
        if order.transaction_id.as_ref() == Some(&row.transaction_id) {
            parts.extend(self.order_parts(order, &with_new_refund(order, &after), now)?);
        }
        let case = after.status_case(now);
        if let Some(case) = &case {
            parts.push(cases::put_case(&self.host, case)?);
        }
        let request = self.client.transact_write_items().set_transact_items(Some(parts));
        let Err(error) = request.send().await else {
            case.iter().for_each(cases::count_opened);
            return Ok(Some(RefundSettleOutcome::Changed(Box::new(after))));
        };
        match item::cancellation(SETTLING, error)? {
            // Another refund has claimed the sum.
            TransactionCancelled::ConditionsFailed(reasons)
                if item::failed_condition(&reasons, 0).is_some() =>
            {
                Ok(Some(RefundSettleOutcome::AlreadyRecorded(Box::new(row.clone()))))
            }
            TransactionCancelled::ConditionsFailed(_) => Ok(None),
            TransactionCancelled::Conflict => {
                item::sleep_jittered(&self.host).await;
                Ok(None)
            }
        }
    }

    /// Takes the sum from the refundable sum of the payment, if that is enough.
    fn reclaim_fee_part(&self, row: &RefundRow) -> Result<TransactWriteItem, StoreError> {
        self.change_payment_part(row, "SET refundable_fee = refundable_fee - :fee", "refundable_fee >= :fee")
    }

    fn update_row_part(&self, row: &RefundRow, after: &RefundRow) -> Result<TransactWriteItem, StoreError> {
        let mut update = Update::builder()
            .table_name(&self.table)
            .key("out_refund_no", item::s(&row.out_refund_no))
            .condition_expression("#status = :seen")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":seen", item::s(row.status.as_str()))
            .expression_attribute_values(":status", item::s(after.status.as_str()))
            .return_values_on_condition_check_failure(AllOld);
        let mut set = vec!["#status = :status"];
        let mut remove = Vec::new();
        for (name, to, value) in [
            ("refund_id", "refund_id = :refund_id", after.refund_id.as_ref().map(item::s)),
            ("failure", "failure = :failure", after.failure.as_ref().map(item::s)),
            ("success_at", "success_at = :success_at", after.success_at.map(|at| item::n(at.get()))),
            ("unbilled", "unbilled = :unbilled", after.unbilled.as_ref().map(item::s)),
            (
                "given_up_by",
                "given_up_by = :given_up_by",
                after.given_up_by.as_ref().map(|by| item::s(by.as_str())),
            ),
            (
                "next_query_at",
                "next_query_at = :next_query_at",
                after.next_query_at.map(|at| item::n(at.get())),
            ),
            ("due_shard", "due_shard = :due_shard", after.due_shard.as_ref().map(item::s)),
        ] {
            match value {
                Some(value) => {
                    set.push(to);
                    update = update.expression_attribute_values(format!(":{name}"), value);
                }
                None => remove.push(name),
            }
        }
        let mut expression = format!("SET {}", set.join(", "));
        if !remove.is_empty() {
            expression.push_str(&format!(" REMOVE {}", remove.join(", ")));
        }
        let update = update.update_expression(expression).build();
        let update = update.map_err(|error| StoreError::new(SETTLING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Adds the sum to the refundable sum of the payment.
    fn release_fee_part(&self, row: &RefundRow) -> Result<TransactWriteItem, StoreError> {
        let condition = "attribute_exists(transaction_id)";
        self.change_payment_part(row, "SET refundable_fee = refundable_fee + :fee", condition)
    }

    /// Changes the receipt of the refund's payment; `:fee` is the refund's sum.
    fn change_payment_part(
        &self,
        row: &RefundRow,
        update: &str,
        condition: &str,
    ) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.payments)
            .key("transaction_id", item::s(&row.transaction_id))
            .update_expression(update)
            .condition_expression(condition)
            .expression_attribute_values(":fee", item::n(row.refund_fee.get()))
            .build()
            .map_err(|error| StoreError::new(SETTLING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

fn with_change(row: &RefundRow, next: &RefundChange<'_>, now: UnixSeconds) -> RefundRow {
    let mut after = row.clone();
    after.status = next.status;
    after.refund_id = next.refund_id.map(str::to_owned).or(after.refund_id);
    after.failure = next.failure.map(str::to_owned);
    after.given_up_by = next.given_up_by.cloned();
    if after.status.is_final() {
        after.next_query_at = None;
        after.due_shard = None;
    } else {
        after.next_query_at = Some(after.progress().next_query(now));
    }
    if after.status == RefundStatus::Success {
        // A notice names the time; the answer to a query may not.
        let at = next.success_at.unwrap_or(now);
        after.success_at = Some(at);
        after.unbilled = Some(payments::unbilled(at, row.out_refund_no.as_str()));
    }
    after
}

/// The row of a refund that was made in the merchant console.
fn console_refund_row(payment: &PaymentRow, refund: &Refund, total_fee: Fen, now: UnixSeconds) -> RefundRow {
    let row = RefundRow::begin(
        refund.out_refund_no().clone(),
        (payment.out_trade_no, &payment.transaction_id),
        (refund.refund_fee(), total_fee),
        RefundCause::Console,
        now,
        now,
    );
    let next = RefundChange {
        status: refund.status(),
        refund_id: Some(refund.refund_id()),
        success_at: refund.success_at(),
        failure: None,
        given_up_by: None,
    };
    with_change(&row, &next, now)
}

fn event(row: &RefundRow, now: UnixSeconds) -> Event {
    let kind = match row.status {
        RefundStatus::Success => EventKind::OrderRefunded,
        RefundStatus::Abnormal => EventKind::RefundAbnormal,
        RefundStatus::Closed => EventKind::RefundClosed,
        RefundStatus::Processing => EventKind::RefundBegun,
    };
    Event {
        order_id: Some(row.order_id),
        out_trade_no: Some(row.out_trade_no),
        transaction_id: Some(row.transaction_id.clone()),
        out_refund_no: Some(row.out_refund_no.clone()),
        fee: Some(row.refund_fee),
        ..Event::new(kind, &row.out_refund_no, now)
    }
}

const SETTLING: &str = "settling a refund";
