//! Settling what WeChat Pay tells of a refund: the refund's change, what the order shows, what the payment can still give back
//! and the outbox row are one transaction.

use aws_sdk_dynamodb::types::{ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update};

use super::{RefundCause, RefundRow, Refunds};
use crate::{
    order::Status,
    pay::{Refund, RefundStatus},
    store::{
        Case, Order, PaymentRow, StoreError, cases,
        item::{self, TransactionCancelled},
        outbox::{self, Event, EventKind},
        payments, work_index,
    },
    types::{Fen, OperatorArn, OrderId, UnixSeconds},
};

/// What came of news about a refund. It is durable when this is returned.
#[derive(Debug)]
pub enum RefundSettleOutcome {
    /// The refund has gone on; as it is now.
    Changed(Box<RefundRow>),
    /// It was known: nothing was changed.
    AlreadyRecorded(Box<RefundRow>),
    /// The number is ours, and the refund that WeChat Pay tells of is of another payment or another sum: nothing was changed.
    Differs,
    /// It is a refund of a payment that we have never heard of: nothing was written.
    NoSuchPayment,
}

/// Where the refund is to stand, and since when.
struct Next<'a> {
    status: RefundStatus,
    refund_id: Option<&'a str>,
    success_at: Option<UnixSeconds>,
    failure: Option<&'a str>,
    /// The operator who gives it up.
    given_up_by: Option<&'a OperatorArn>,
}

impl Refunds {
    /// Settles what WeChat Pay tells of a refund, ours or one of the merchant console.
    ///
    /// # Errors
    /// DynamoDB can't be asked; nothing was written, or it was settled and the answer lost. Settle it again.
    pub async fn settle(&self, refund: &Refund) -> Result<RefundSettleOutcome, StoreError> {
        for _ in 0..item::MAX_ATTEMPTS {
            let order_id = refund.out_trade_no().order_id();
            let (order, row) = self.get_with_order(order_id, refund.out_refund_no()).await?;
            let Some(order) = order else { return Ok(RefundSettleOutcome::NoSuchPayment) };
            let Some(row) = row else {
                match self.adopt(&order, refund).await? {
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
            // Refused, and so given up here; and accepted all the same.
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
            let next = Next {
                status: refund.status(),
                refund_id: Some(refund.refund_id()),
                success_at: refund.success_at(),
                failure: None,
                given_up_by: None,
            };
            if let Some(row) = self.go_on(&order, &row, &next).await? {
                return Ok(RefundSettleOutcome::Changed(Box::new(row)));
            }
        }
        Err(StoreError::contended(SETTLING))
    }

    /// Ends a refund that WeChat Pay has never begun, for the reason of this code; as it is now. WeChat Pay refuses it for good, or
    /// the operator `by` gives it up.
    ///
    /// # Errors
    /// DynamoDB can't be asked. Refuse it again.
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
            let next = Next {
                status: RefundStatus::Closed,
                refund_id: None,
                success_at: None,
                failure: Some(code),
                given_up_by: by,
            };
            if let Some(row) = self.go_on(&order, &row, &next).await? {
                return Ok(row);
            }
        }
        Err(StoreError::contended(SETTLING))
    }

    /// Writes the refund's next status and what follows from it; `None` if something changed meanwhile.
    async fn go_on(
        &self,
        order: &Order,
        row: &RefundRow,
        next: &Next<'_>,
    ) -> Result<Option<RefundRow>, StoreError> {
        let now = self.host.now();
        let after = advanced(row, next, now);
        let case = after.status_case(now);
        let mut parts = vec![self.change(row, &after)?, outbox::put_event(&self.host, &event(&after, now))?];
        let pays_order = order.transaction_id.as_ref() == Some(&row.transaction_id);
        if pays_order && after.status.is_final() {
            parts.extend(self.order_parts(order, &told(order, &after, order_after), now)?);
        }
        if !pays_order && order.status == Status::Unpaid && after.status == RefundStatus::Success {
            parts.push(self.ask_soon(order, now)?);
        }
        if after.status == RefundStatus::Closed {
            parts.push(self.release(row)?);
        }
        Ok(self.transact(parts, case).await?.then_some(after))
    }

    /// Takes over a refund that was made in the merchant console; `None` if something changed meanwhile.
    async fn adopt(&self, order: &Order, refund: &Refund) -> Result<Option<RefundSettleOutcome>, StoreError> {
        let Some(payment) = self.payment(refund.transaction_id()).await? else {
            return Ok(Some(RefundSettleOutcome::NoSuchPayment));
        };
        let total_fee = Fen::new(payment.total_fee).map_err(|error| StoreError::new(SETTLING, error))?;
        // What came to nothing takes nothing.
        let takes = refund.status() != RefundStatus::Closed;
        let too_much = takes && refund.refund_fee().get() > payment.refundable_fee;
        if payment.out_trade_no != refund.out_trade_no() || too_much {
            return Ok(Some(RefundSettleOutcome::Differs));
        }
        let now = self.host.now();
        let row = adopted(&payment, refund, total_fee, now);
        let mut parts = vec![self.put(&row)?, outbox::put_event(&self.host, &event(&row, now))?];
        let case = row.status_case(now);
        let pays_order = order.transaction_id.as_ref() == Some(&payment.transaction_id);
        if !takes {
            if pays_order && order.paid_withheld {
                let next = told(order, &row, |order, _| standing(order.clone()));
                parts.extend(self.order_parts(order, &next, now)?);
            }
            return Ok(self
                .transact(parts, case)
                .await?
                .then(|| RefundSettleOutcome::Changed(Box::new(row))));
        }
        parts.push(self.claim(&payment, row.refund_fee)?);
        if pays_order {
            parts.extend(self.order_parts(order, &told(order, &row, order_with), now)?);
        } else if order.status == Status::Unpaid {
            parts.push(self.ask_soon(order, now)?);
        }
        Ok(self.transact(parts, case).await?.then(|| RefundSettleOutcome::Changed(Box::new(row))))
    }

    /// Takes the sum again for a refund that was given up, if it is still there; `None` if something changed meanwhile.
    async fn reopen(
        &self,
        order: &Order,
        row: &RefundRow,
        refund: &Refund,
    ) -> Result<Option<RefundSettleOutcome>, StoreError> {
        let now = self.host.now();
        let shard = work_index::shard_of(row.out_refund_no.as_str());
        let again = RefundRow { status: RefundStatus::Processing, due_shard: Some(shard), ..row.clone() };
        let next = Next {
            status: refund.status(),
            refund_id: Some(refund.refund_id()),
            success_at: refund.success_at(),
            failure: None,
            given_up_by: None,
        };
        let after = advanced(&again, &next, now);
        let mut parts = vec![
            self.retake(row)?,
            self.change(row, &after)?,
            outbox::put_event(&self.host, &event(&after, now))?,
        ];
        if order.transaction_id.as_ref() == Some(&row.transaction_id) {
            parts.extend(self.order_parts(order, &order_with(order, &after), now)?);
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
            // Another refund has it now.
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

    /// All that was given back of the order's payment without us is in our books now: the order shows what they say, and is told as
    /// paid if it is.
    ///
    /// # Errors
    /// DynamoDB can't be asked. Conclude it again.
    pub async fn conclude(&self, order_id: OrderId) -> Result<(), StoreError> {
        for _ in 0..item::MAX_ATTEMPTS {
            let order: Option<Order> = self.get_item(&self.orders, "order_id", &order_id.to_string()).await?;
            let Some(order) = order.filter(|order| order.paid_withheld) else { return Ok(()) };
            let parts = self.order_parts(
                &order,
                &concluded(&order, |order| standing(order.clone())),
                self.host.now(),
            )?;
            if self.transact(parts, None).await? {
                return Ok(());
            }
        }
        Err(StoreError::contended(SETTLING))
    }

    /// The order's change; and, if that shows that its payment was not given back whole, the event that it was paid, which was
    /// withheld until now.
    fn order_parts(
        &self,
        order: &Order,
        next: &Order,
        now: UnixSeconds,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut parts = vec![self.change_order(order, next)?];
        if let Some(transaction_id) = order.transaction_id.as_ref().filter(|_| order.paid_withheld)
            && next.status == Status::Paid
        {
            let event = Event {
                order_id: Some(order.order_id),
                out_trade_no: order.paid_by,
                transaction_id: Some(transaction_id.clone()),
                fee: Some(order.total_fee),
                ..Event::new(EventKind::OrderPaid, transaction_id, now)
            };
            parts.push(outbox::put_event(&self.host, &event)?);
        }
        Ok(parts)
    }

    /// Lets the sweep look at an unpaid order soon: money of a payment that was not the order's has gone back, and with the last
    /// of it the order can be closed.
    fn ask_soon(&self, order: &Order, now: UnixSeconds) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.orders)
            .key("order_id", item::s(order.order_id))
            .update_expression("SET next_query_at = :now")
            .condition_expression("#status = :unpaid")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":unpaid", item::s("UNPAID"))
            .expression_attribute_values(":now", item::n(now.get()))
            .build()
            .map_err(|error| StoreError::new(SETTLING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Takes the sum from what the payment can give back, if that is enough.
    fn retake(&self, row: &RefundRow) -> Result<TransactWriteItem, StoreError> {
        self.change_payment(row, "SET refundable_fee = refundable_fee - :fee", "refundable_fee >= :fee")
    }

    fn change(&self, row: &RefundRow, after: &RefundRow) -> Result<TransactWriteItem, StoreError> {
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

    /// Gives the sum back to what the payment can give back.
    fn release(&self, row: &RefundRow) -> Result<TransactWriteItem, StoreError> {
        let condition = "attribute_exists(transaction_id)";
        self.change_payment(row, "SET refundable_fee = refundable_fee + :fee", condition)
    }

    /// Changes the receipt of the refund's payment; `:fee` is the refund's sum.
    fn change_payment(
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

    /// Makes the transaction, which opens the case as well; `false` if something had changed, or another one held an item.
    async fn transact(
        &self,
        mut parts: Vec<TransactWriteItem>,
        case: Option<Case>,
    ) -> Result<bool, StoreError> {
        if let Some(case) = &case {
            parts.push(cases::put_case(&self.host, case)?);
        }
        match self.client.transact_write_items().set_transact_items(Some(parts)).send().await {
            Ok(_) => {
                case.iter().for_each(cases::count_opened);
                Ok(true)
            }
            Err(error) => {
                if let TransactionCancelled::Conflict = item::cancellation(SETTLING, error)? {
                    item::sleep_jittered(&self.host).await;
                }
                Ok(false)
            }
        }
    }
}

fn advanced(row: &RefundRow, next: &Next<'_>, now: UnixSeconds) -> RefundRow {
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
        // Notices tell when; an answer may not.
        let at = next.success_at.unwrap_or(now);
        after.success_at = Some(at);
        after.unbilled = Some(payments::unbilled(at, row.out_refund_no.as_str()));
    }
    after
}

/// The row of a refund that we did not begin.
fn adopted(payment: &PaymentRow, refund: &Refund, total_fee: Fen, now: UnixSeconds) -> RefundRow {
    let row = RefundRow::begin(
        refund.out_refund_no().clone(),
        (payment.out_trade_no, &payment.transaction_id),
        (refund.refund_fee(), total_fee),
        RefundCause::Console,
        now,
        now,
    );
    let next = Next {
        status: refund.status(),
        refund_id: Some(refund.refund_id()),
        success_at: refund.success_at(),
        failure: None,
        given_up_by: None,
    };
    advanced(&row, &next, now)
}

/// The order with a refund that it does not show yet.
fn order_with(order: &Order, refund: &RefundRow) -> Order {
    let refunding_fee = order.refunding_fee.saturating_add(refund.refund_fee.get());
    let with = standing(Order { refunding_fee, ..order.clone() });
    if refund.status.is_final() { order_after(&with, refund) } else { with }
}

/// The order once the refund is at its end.
fn order_after(order: &Order, refund: &RefundRow) -> Order {
    let fee = refund.refund_fee.get();
    let mut after = order.clone();
    after.refunding_fee = order.refunding_fee.saturating_sub(fee);
    if refund.status == RefundStatus::Success {
        after.refunded_fee = order.refunded_fee.saturating_add(fee);
    }
    standing(after)
}

/// What the order shows after news of `refund`, as `next` says. Of a payment that was given back before it was recorded, a refund of
/// the merchant console tells how much; one of ours does not. While the sweep is still to look for others, that is only kept.
fn told(order: &Order, refund: &RefundRow, next: impl Fn(&Order, &RefundRow) -> Order) -> Order {
    let tells = order.paid_withheld && refund.cause == RefundCause::Console;
    let order = Order { refunds_known: order.refunds_known || tells, ..order.clone() };
    if order.paid_withheld && order.refunds_known && order.due_shard.is_none() {
        concluded(&order, |order| next(order, refund))
    } else {
        next(&order, refund)
    }
}

/// What an order whose event is withheld shows, as `next` says, now that the sums are all there is. Whether it stays paid may still
/// depend on a refund that is under way.
fn concluded(order: &Order, next: impl Fn(&Order) -> Order) -> Order {
    let next = next(&Order { paid_withheld: false, refunds_known: true, ..order.clone() });
    Order { paid_withheld: next.status == Status::Refunding, ..next }
}

/// With the status that the sums say. While it is not known what went back without us, they are not all there is.
fn standing(order: Order) -> Order {
    let total = order.total_fee.get();
    let status = if order.refunded_fee >= total {
        Status::Refunded
    } else if order.paid_withheld || order.refunded_fee.saturating_add(order.refunding_fee) >= total {
        Status::Refunding
    } else {
        Status::Paid
    };
    Order { status, paid_withheld: order.paid_withheld && status != Status::Refunded, ..order }
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
