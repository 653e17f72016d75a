//! What an order shows of the refunds of its payment: its status and the sums `refunded_fee` and `refunding_fee`.
//!
//! A payment can have been refunded in the merchant console before it was recorded. Then the order is REFUNDING and its event
//! `order.paid` is withheld (`paid_withheld`), until the refunds are known (`refunds_known`): WeChat Pay has listed them, or a notice or
//! the bill has named one. After that the sums decide between PAID and REFUNDED.

use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update,
};

use super::{RefundApproval, RefundCause, RefundRow, Refunds};
use crate::{
    order::Status,
    pay::RefundStatus,
    store::{
        Order, PaymentRow, RefundRequestState, StoreError, item,
        orders::{RequestsChange, requests_change},
        outbox::{self, Event, EventKind},
    },
    types::{OrderId, UnixSeconds},
};

impl Refunds {
    /// Ends the lookup of refunds that were made before the order's payment was recorded: all of them are recorded now, so the order gets
    /// the status of its sums, and its event `order.paid` is written if it is PAID.
    ///
    /// Condition: the order has the status and the sums with which it was read; otherwise it is read again.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied; repeating
    /// it is harmless.
    pub async fn conclude_refund_lookup(&self, order_id: OrderId) -> Result<(), StoreError> {
        for _ in 0..item::MAX_ATTEMPTS {
            let order: Option<Order> = self.get_item(&self.orders, "order_id", &order_id.to_string()).await?;
            let Some(order) = order.filter(|order| order.paid_withheld) else { return Ok(()) };
            let parts = self.order_parts(
                &order,
                &with_known_refunds(&order, |order| with_status_of_sums(order.clone())),
                self.host.now(),
            )?;
            if self.transact(parts, None).await? {
                return Ok(());
            }
        }
        Err(StoreError::contended(CHANGING))
    }

    /// The change of the order for a refund that begins; `None` if `payment` did not pay the order. If the refund approves a user's
    /// request, the request is decided with it.
    pub(super) fn show_refund_part(
        &self,
        order: &Order,
        payment: &PaymentRow,
        refund: &RefundRow,
        approval: Option<&RefundApproval>,
    ) -> Result<Option<TransactWriteItem>, StoreError> {
        if order.transaction_id.as_ref() != Some(&payment.transaction_id) {
            return Ok(None);
        }
        let all = payment.refundable_fee == refund.refund_fee.get();
        let next = Order {
            status: if all { Status::Refunding } else { order.status },
            refunding_fee: order.refunding_fee.saturating_add(refund.refund_fee.get()),
            ..order.clone()
        };
        let next = match approval {
            None => next,
            Some(approval) => next.with_decision(|request| {
                request.state = RefundRequestState::Approved;
                request.refund_fee = refund.refund_fee;
                request.note.clone_from(&approval.note);
                request.decided_by.clone_from(&refund.requested_by);
                request.decided_at = Some(refund.created_at);
                request.out_refund_no = Some(refund.out_refund_no.clone());
            }),
        };
        self.change_order_part(order, &next).map(Some)
    }

    /// The change of the order; and, if the order is PAID after it, the event `order.paid` that was withheld.
    pub(super) fn order_parts(
        &self,
        order: &Order,
        next: &Order,
        now: UnixSeconds,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut parts = vec![self.change_order_part(order, next)?];
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

    /// Makes an unpaid order due now, because a payment that did not pay it was refunded: once all of it is refunded, the order can be
    /// closed.
    pub(super) fn query_soon_part(
        &self,
        order: &Order,
        now: UnixSeconds,
    ) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.orders)
            .key("order_id", item::s(order.order_id))
            .update_expression("SET next_query_at = :now")
            .condition_expression("#status = :unpaid")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":unpaid", item::s("UNPAID"))
            .expression_attribute_values(":now", item::n(now.get()))
            .build()
            .map_err(|error| StoreError::new(CHANGING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Writes the status, the sums and the requests for refunds of `next`. When the refunds of a withheld order become known, the order leaves the index `by_due`.
    ///
    /// Condition: the order has the status and the sums of `order`, and, if its event is withheld, is in the index `by_due` only if
    /// `order` is, because the effect of a refund depends on whether a lookup is still due. If a request is decided, it still waits.
    fn change_order_part(&self, order: &Order, next: &Order) -> Result<TransactWriteItem, StoreError> {
        let is_known = order.paid_withheld && !next.paid_withheld;
        let rest = match (is_known, next.refunds_known) {
            (true, _) => " REMOVE paid_withheld, refunds_known, due_shard, next_query_at",
            (false, true) => ", refunds_known = :true",
            (false, false) => "",
        };
        // Nothing of a refunded order is to be shipped, and WeChat keeps none of its money.
        let unlist = match (next.status, is_known) {
            (Status::Refunded, true) => ", to_ship_shard, shipping_shard",
            (Status::Refunded, false) => " REMOVE to_ship_shard, shipping_shard",
            _ => "",
        };
        let index_condition = match (order.paid_withheld, &order.due_shard) {
            (true, Some(_)) => " AND attribute_exists(due_shard)",
            (true, None) => " AND attribute_not_exists(due_shard)",
            (false, _) => "",
        };
        let (decision, decision_condition, decision_values) =
            if next.refund_request_state == order.refund_request_state {
                (String::new(), String::new(), Vec::new())
            } else {
                let RequestsChange { assignments, condition, values } = requests_change(order, next)?;
                (format!(", {assignments}"), format!(" AND {condition}"), values)
            };
        let mut update = Update::builder()
            .table_name(&self.orders)
            .key("order_id", item::s(order.order_id))
            .update_expression(format!(
                "SET #status = :next, refunding_fee = :refunding, refunded_fee = :refunded{decision}{rest}{unlist}"
            ))
            .condition_expression(format!(
                "#status = :status AND refunding_fee = :was_refunding AND refunded_fee = :was_refunded\
                 {index_condition}{decision_condition}"
            ))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", item::s(order.status.as_str()))
            .expression_attribute_values(":next", item::s(next.status.as_str()))
            .expression_attribute_values(":was_refunding", item::n(order.refunding_fee))
            .expression_attribute_values(":was_refunded", item::n(order.refunded_fee))
            .expression_attribute_values(":refunding", item::n(next.refunding_fee))
            .expression_attribute_values(":refunded", item::n(next.refunded_fee))
            .return_values_on_condition_check_failure(AllOld);
        if !is_known && next.refunds_known {
            update = update.expression_attribute_values(":true", AttributeValue::Bool(true));
        }
        for (name, value) in decision_values {
            update = update.expression_attribute_values(name, value);
        }
        let update = update.build().map_err(|error| StoreError::new(CHANGING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// The order with a refund that it does not show yet.
pub(super) fn with_new_refund(order: &Order, refund: &RefundRow) -> Order {
    let refunding_fee = order.refunding_fee.saturating_add(refund.refund_fee.get());
    let with = with_status_of_sums(Order { refunding_fee, ..order.clone() });
    if refund.status.is_final() { with_ended_refund(&with, refund) } else { with }
}

/// The order after a refund that it shows has ended.
pub(super) fn with_ended_refund(order: &Order, refund: &RefundRow) -> Order {
    let fee = refund.refund_fee.get();
    let mut after = order.clone();
    after.refunding_fee = order.refunding_fee.saturating_sub(fee);
    if refund.status == RefundStatus::Success {
        after.refunded_fee = order.refunded_fee.saturating_add(fee);
    }
    with_status_of_sums(after)
}

/// The order after the change `next`, which follows from `refund`. If the order's event is withheld, a refund of the merchant console makes
/// the refunds known; a refund of this system does not. While a lookup is still due (`due_shard`), that is only stored as
/// `refunds_known`, because the lookup may find more refunds.
pub(super) fn with_refund_news(
    order: &Order,
    refund: &RefundRow,
    next: impl Fn(&Order, &RefundRow) -> Order,
) -> Order {
    let tells = order.paid_withheld && refund.cause == RefundCause::Console;
    let order = Order { refunds_known: order.refunds_known || tells, ..order.clone() };
    if order.paid_withheld && order.refunds_known && order.due_shard.is_none() {
        with_known_refunds(&order, |order| next(order, refund))
    } else {
        next(&order, refund)
    }
}

/// A withheld order after the change `next`, now that all its refunds are recorded. The event stays withheld while the order is
/// REFUNDING, because it may become PAID or REFUNDED.
fn with_known_refunds(order: &Order, next: impl Fn(&Order) -> Order) -> Order {
    let next = next(&Order { paid_withheld: false, refunds_known: true, ..order.clone() });
    Order { paid_withheld: next.status == Status::Refunding, ..next }
}

/// The order with the status that follows from its sums. A withheld order that is not fully refunded is REFUNDING, because its sums are
/// incomplete.
pub(super) fn with_status_of_sums(order: Order) -> Order {
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

const CHANGING: &str = "changing a refunded order";
