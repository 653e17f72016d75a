//! The attempt to pay an order: storing its prepayment, beginning the next attempt, and closing the order.

use aws_sdk_dynamodb::types::{ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update};

use super::{Order, Orders, Prepay, PrepayTerms};
use crate::{
    host::dynamodb::UpdateItemFluentBuilder,
    order::{Status, query_schedule},
    pay::FailedAttempt,
    store::{
        StoreError,
        item::{self, UpdateOutcome},
        outbox::{self, Event, EventKind},
        work_index,
    },
    types::{OutTradeNo, UnixSeconds},
};

/// What came of writing an attempt.
#[derive(Debug)]
pub enum WriteOutcome {
    /// The write was made.
    Written,
    /// Nothing was written, because the order is paid, closed, or at another attempt; the order as it is now.
    Conflict(Box<Order>),
}

/// What came of writing that an order is closed.
#[derive(Debug)]
pub enum CloseWriteOutcome {
    /// The order is closed, by this call or an earlier one.
    Closed(Box<Order>),
    /// Nothing was written, because the order is paid or at another attempt; the order as it is now.
    Conflict(Box<Order>),
}

impl Orders {
    /// Stores WeChat Pay's answer to the attempt, and the terms of the request.
    ///
    /// Condition: the order is unpaid and at this attempt, and its user was not erased.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn store_prepay(
        &self,
        order: &Order,
        terms: &PrepayTerms,
        prepay: &Prepay,
    ) -> Result<WriteOutcome, StoreError> {
        let update = self
            .update_attempt(order)
            .condition_expression(WITH_USER)
            .update_expression(
                "SET terms = :terms, prepay = :prepay, next_query_at = :next, queries = :none, due_shard = :shard",
            )
            .expression_attribute_values(":shard", item::s(work_index::shard_of(&order.order_id.to_string())))
            .expression_attribute_values(":next", item::n(query_schedule::first_order_query(prepay.at).get()))
            .expression_attribute_values(":none", item::n(0_u32))
            .expression_attribute_values(":terms", item::map(terms)?)
            .expression_attribute_values(":prepay", item::map(prepay)?);
        self.write_outcome(update, "storing a prepayment").await
    }

    /// Stores the terms of a request whose answer was lost, because the next request must send the same ones.
    ///
    /// Condition: the order is unpaid and at this attempt, and its user was not erased.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn store_terms(&self, order: &Order, terms: &PrepayTerms) -> Result<WriteOutcome, StoreError> {
        let update = self
            .update_attempt(order)
            .condition_expression(WITH_USER)
            .update_expression(
                "SET terms = if_not_exists(terms, :terms), next_query_at = :next, queries = :none, \
                 due_shard = :shard",
            )
            .expression_attribute_values(":shard", item::s(work_index::shard_of(&order.order_id.to_string())))
            .expression_attribute_values(
                ":next",
                item::n(query_schedule::first_order_query(self.host.now()).get()),
            )
            .expression_attribute_values(":none", item::n(0_u32))
            .expression_attribute_values(":terms", item::map(terms)?);
        self.write_outcome(update, "storing an attempt").await
    }

    /// Moves the order to the attempt `next`. The attempt before must be closed at WeChat Pay, or be unknown there.
    ///
    /// Condition: the order is unpaid, at the attempt that `order` says, and that has not been prepaid meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn begin_attempt(&self, order: &Order, next: OutTradeNo) -> Result<WriteOutcome, StoreError> {
        let update = self
            .end_attempt(order)
            .update_expression("SET out_trade_no = :next REMOVE terms, prepay")
            .expression_attribute_values(":next", item::s(next));
        self.write_outcome(update, "beginning an attempt").await
    }

    /// Closes the order, and gives back the goods that it has taken from stock. Its attempt must be closed at WeChat Pay, or be unknown
    /// there. Reads `PRODUCTS_TABLE` if it has taken any.
    ///
    /// Condition: the order is unpaid, at the attempt that `order` says, and that has not been prepaid meanwhile. As no order becomes unpaid
    /// again, and what an unpaid order has taken does not change, goods are given back once.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn close(&self, order: &Order, now: UnixSeconds) -> Result<CloseWriteOutcome, StoreError> {
        let event = Event {
            order_id: Some(order.order_id),
            out_trade_no: Some(order.out_trade_no),
            fee: Some(order.total_fee),
            ..Event::new(EventKind::OrderClosed, &order.order_id, now)
        };
        let mut reserved = order.reserved.clone().unwrap_or_default();
        loop {
            let mut parts = vec![self.closing(order, now)?, outbox::put_event(&self.host, &event)?];
            for taken in &reserved {
                parts.push(self.stock_table()?.give_back_part(taken)?);
            }
            let Some(reasons) = item::transact(&self.client, &self.host, CLOSING, parts).await? else {
                let order = Order { status: Status::Closed, reserved: None, ..order.clone() };
                return Ok(CloseWriteOutcome::Closed(Box::new(order)));
            };
            if let Some(now) = item::failed_condition(&reasons, 0) {
                let now = now.ok_or_else(|| StoreError::new(CLOSING, "the order is gone"))?;
                let order: Box<Order> = Box::new(item::read(now)?);
                return Ok(match order.status {
                    Status::Closed => CloseWriteOutcome::Closed(order),
                    _ => CloseWriteOutcome::Conflict(order),
                });
            }
            // The products whose own rows take nothing back are not counted any more.
            let mut index = GIVING_BACK;
            let before = reserved.len();
            reserved.retain(|_| {
                let is_taken = item::failed_condition(&reasons, index).is_none();
                index = index.saturating_add(1);
                is_taken
            });
            if reserved.len() == before {
                return Err(StoreError::new(CLOSING, "a condition failed that is none"));
            }
        }
    }

    fn closing(&self, order: &Order, now: UnixSeconds) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.table)
            .key("order_id", item::s(order.order_id))
            .update_expression(
                "SET #status = :closed, closed_at = :now REMOVE prepay, due_shard, next_query_at, reserved",
            )
            .condition_expression(attempt_condition(order))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":closed", item::s("CLOSED"))
            .expression_attribute_values(":unpaid", item::s("UNPAID"))
            .expression_attribute_values(":no", item::s(order.out_trade_no))
            .expression_attribute_values(":now", item::n(now.get()))
            .return_values_on_condition_check_failure(AllOld);
        let update = match &order.prepay {
            None => update,
            Some(prepay) => update.expression_attribute_values(":seen", item::s(&prepay.prepay_id)),
        };
        let update = update.build().map_err(|error| StoreError::new(CLOSING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Keeps with the order that an attempt to pay it failed, and why, for those who help the user.
    ///
    /// Condition: the order is unpaid; otherwise, and if the number is not one of ours, nothing is kept.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied; repeating it is harmless.
    pub async fn record_failed_attempt(&self, attempt: &FailedAttempt) -> Result<(), StoreError> {
        let Ok(number) = attempt.out_trade_no() else { return Ok(()) };
        let err_code: String = attempt.err_code().chars().take(64).collect();
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("order_id", item::s(number.order_id()))
            .update_expression("SET last_failure = :code, last_failure_at = :now")
            .condition_expression("#status = :unpaid")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":unpaid", item::s("UNPAID"))
            .expression_attribute_values(":code", item::s(err_code))
            .expression_attribute_values(":now", item::n(self.host.now().get()));
        item::update(&self.host, "keeping a failed attempt", update).await.map(|_| ())
    }

    fn update_attempt(&self, order: &Order) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("order_id", item::s(order.order_id))
            .condition_expression(AT_ATTEMPT)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":unpaid", item::s("UNPAID"))
            .expression_attribute_values(":no", item::s(order.out_trade_no))
            .return_values_on_condition_check_failure(AllOld)
    }

    fn end_attempt(&self, order: &Order) -> UpdateItemFluentBuilder {
        let update = self.update_attempt(order).condition_expression(attempt_condition(order));
        match &order.prepay {
            None => update,
            Some(prepay) => update.expression_attribute_values(":seen", item::s(&prepay.prepay_id)),
        }
    }

    async fn write_outcome(
        &self,
        update: UpdateItemFluentBuilder,
        operation: &'static str,
    ) -> Result<WriteOutcome, StoreError> {
        match item::update(&self.host, operation, update).await? {
            UpdateOutcome::Done(_) => Ok(WriteOutcome::Written),
            UpdateOutcome::ConditionFailed(Some(item)) => {
                Ok(WriteOutcome::Conflict(Box::new(item::read(item)?)))
            }
            UpdateOutcome::ConditionFailed(None) => Err(StoreError::new(operation, "the order is gone")),
        }
    }
}

/// Condition expression: the order is UNPAID and has the `out_trade_no` and the `prepay_id` with which it was read. Without the last part
/// a concurrent request could store a new, payable prepay that we then discard.
fn attempt_condition(order: &Order) -> String {
    let prepay =
        if order.prepay.is_some() { "prepay.prepay_id = :seen" } else { "attribute_not_exists(prepay)" };
    format!("{AT_ATTEMPT} AND {prepay}")
}

const CLOSING: &str = "closing an order";
/// The place of the first part of the closing transaction that gives goods back.
const GIVING_BACK: usize = 2;
const AT_ATTEMPT: &str = "#status = :unpaid AND out_trade_no = :no";
/// [`AT_ATTEMPT`], for writes that name the user.
const WITH_USER: &str = "#status = :unpaid AND out_trade_no = :no AND attribute_exists(user_id)";
