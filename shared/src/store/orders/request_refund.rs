//! Users ask for refunds, and operators reject them. Approving is beginning a refund
//! ([`Refunds::begin`](crate::store::Refunds::begin)).
//!
//! The index `by_refund_request` (`refund_request_state`, `refund_requested_at`) lists orders by the state of their last request.

use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update,
};

use super::{
    Order, Orders,
    refund_request::{MAX_REQUESTS, RefundRequest, RefundRequestId, RefundRequestState},
};
use crate::{
    order::Status,
    store::{
        StoreError,
        item::{self, TransactionCancelled},
        outbox::{self, Event, EventKind},
    },
    types::{Fen, OperatorArn, OrderId, UnixSeconds},
};

impl Order {
    /// The order's last request for a refund, with its id.
    #[must_use]
    pub fn last_refund_request(&self) -> Option<(RefundRequestId, &RefundRequest)> {
        let id = RefundRequestId { order_id: self.order_id, number: self.refund_requests.len() };
        self.refund_requests.last().map(|request| (id, request))
    }

    /// The request, if it is the order's last one.
    #[must_use]
    pub fn refund_request(&self, id: &RefundRequestId) -> Option<&RefundRequest> {
        self.last_refund_request().filter(|(last, _)| last == id).map(|(_, request)| request)
    }

    /// What a user can still ask back: what was paid, without what went back or is going back. Fen.
    #[must_use]
    pub fn refundable_fee(&self) -> u64 {
        match self.status {
            Status::Paid => {
                self.total_fee.get().saturating_sub(self.refunded_fee.saturating_add(self.refunding_fee))
            }
            _ => 0,
        }
    }

    /// The order with its last request decided.
    pub(in crate::store) fn with_decision(&self, decide: impl FnOnce(&mut RefundRequest)) -> Self {
        let mut next = self.clone();
        if let Some(last) = next.refund_requests.last_mut() {
            decide(last);
            next.refund_request_state = Some(last.state);
        }
        next
    }
}

/// What came of asking for a refund.
#[derive(Debug)]
pub enum RequestRefundOutcome {
    /// The request waits for an operator; the order with it. The same request was perhaps made before.
    Requested(Box<Order>),
    /// Another request of the order waits already.
    OtherRequestOpen,
    /// The order is not PAID, or all of it goes back already.
    NothingRefundable,
    /// More is wanted than can go back. Fen.
    TooMuch {
        /// What can go back.
        left: u64,
    },
    /// The order has had as many requests as it can have.
    TooMany,
}

/// What came of rejecting a request.
#[derive(Debug)]
pub enum RejectRefundOutcome {
    /// The request is rejected, by this call or an earlier one; the order with it.
    Rejected(Box<Order>),
    /// The request is approved, or it is not the order's last one.
    Conflict,
    /// There is no such request.
    Unknown,
}

/// Some of the orders whose last request has a state.
pub struct RefundRequestPage {
    /// The orders, the longest waiting first.
    pub orders: Vec<Order>,
    /// Where the next page begins, if there is one.
    pub cursor: Option<RefundRequestCursor>,
}

/// A place in the list of requests, after an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefundRequestCursor {
    /// The order.
    pub order_id: OrderId,
    /// When its request was made.
    pub requested_at: UnixSeconds,
}

impl Orders {
    /// Asks for a refund of the order: of `refund_fee`, or of all that is left. The same request again, while it waits, changes nothing.
    ///
    /// Condition: the order is PAID, its sums are as they were read, and no request of it waits; otherwise the order is read again.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the request may have been made; making it again is harmless.
    pub async fn request_refund(
        &self,
        order: &Order,
        reason: &str,
        refund_fee: Option<Fen>,
    ) -> Result<RequestRefundOutcome, StoreError> {
        let mut order = order.clone();
        for _ in 0..item::MAX_ATTEMPTS {
            // The user was erased while this request ran.
            if order.user_id.is_none() {
                return Ok(RequestRefundOutcome::NothingRefundable);
            }
            if let Some(open) = open_request(&order) {
                let is_same = open.reason == reason && refund_fee.is_none_or(|fee| fee == open.refund_fee);
                return Ok(if is_same {
                    RequestRefundOutcome::Requested(Box::new(order))
                } else {
                    RequestRefundOutcome::OtherRequestOpen
                });
            }
            let left = order.refundable_fee();
            let Ok(rest) = Fen::new(left) else { return Ok(RequestRefundOutcome::NothingRefundable) };
            let refund_fee = refund_fee.unwrap_or(rest);
            if refund_fee > rest {
                return Ok(RequestRefundOutcome::TooMuch { left });
            }
            if order.refund_requests.len() >= MAX_REQUESTS {
                return Ok(RequestRefundOutcome::TooMany);
            }
            let next = with_request(&order, reason, refund_fee, self.host.now());
            match self.write_requests(&order, &next, EventKind::RefundRequested).await? {
                None => return Ok(RequestRefundOutcome::Requested(Box::new(next))),
                Some(now) => order = now,
            }
        }
        Err(StoreError::contended(REQUESTING))
    }

    /// Rejects the request, with a note to the user. A request that was rejected before keeps its first note and operator.
    ///
    /// Condition: the request waits.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the request may have been rejected; rejecting it again is
    /// harmless.
    pub async fn reject_refund(
        &self,
        id: &RefundRequestId,
        note: &str,
        operator: &OperatorArn,
    ) -> Result<RejectRefundOutcome, StoreError> {
        let Some(mut order) = self.get(id.order_id).await? else { return Ok(RejectRefundOutcome::Unknown) };
        for _ in 0..item::MAX_ATTEMPTS {
            let Some(request) = order.refund_request(id) else {
                let exists = id.number <= order.refund_requests.len();
                return Ok(if exists { RejectRefundOutcome::Conflict } else { RejectRefundOutcome::Unknown });
            };
            match request.state {
                RefundRequestState::Rejected => return Ok(RejectRefundOutcome::Rejected(Box::new(order))),
                RefundRequestState::Approved => return Ok(RejectRefundOutcome::Conflict),
                RefundRequestState::Requested => {}
            }
            let next = order.with_decision(|request| {
                request.state = RefundRequestState::Rejected;
                request.note = Some(note.to_owned());
                request.decided_by = Some(operator.clone());
                request.decided_at = Some(self.host.now());
            });
            match self.write_requests(&order, &next, EventKind::RefundRejected).await? {
                None => return Ok(RejectRefundOutcome::Rejected(Box::new(next))),
                Some(now) => order = now,
            }
        }
        Err(StoreError::contended(REQUESTING))
    }

    /// Orders whose last request for a refund has this state, the longest waiting first, after `cursor`.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn list_refund_requests(
        &self,
        state: RefundRequestState,
        cursor: Option<&RefundRequestCursor>,
    ) -> Result<RefundRequestPage, StoreError> {
        let start = cursor.map(|cursor| {
            item::Item::from([
                ("refund_request_state".to_owned(), item::s(state.as_str())),
                ("refund_requested_at".to_owned(), item::n(cursor.requested_at.get())),
                ("order_id".to_owned(), item::s(cursor.order_id)),
            ])
        });
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_refund_request")
            .key_condition_expression("refund_request_state = :state")
            .expression_attribute_values(":state", item::s(state.as_str()))
            .limit(PAGE)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("listing requests for refunds", error))?;
        let has_more = page.last_evaluated_key.is_some();
        let orders: Vec<Order> =
            page.items.unwrap_or_default().into_iter().map(item::read).collect::<Result<_, _>>()?;
        let cursor = orders.last().filter(|_| has_more).and_then(|order| {
            let requested_at = order.refund_requested_at?;
            Some(RefundRequestCursor { order_id: order.order_id, requested_at })
        });
        Ok(RefundRequestPage { orders, cursor })
    }

    /// Writes the requests of `next` and the event; the order as it is now if the condition failed.
    async fn write_requests(
        &self,
        order: &Order,
        next: &Order,
        kind: EventKind,
    ) -> Result<Option<Order>, StoreError> {
        let Some((id, request)) = next.last_refund_request() else {
            return Err(StoreError::new(REQUESTING, "the order has no request"));
        };
        let event = request_event(next, &id, request.refund_fee, kind, self.host.now());
        let parts = vec![self.requests_part(order, next)?, outbox::put_event(&self.host, &event)?];
        let sent = self.client.transact_write_items().set_transact_items(Some(parts)).send().await;
        let Err(error) = sent else { return Ok(None) };
        match item::cancellation(REQUESTING, error)? {
            TransactionCancelled::Conflict => {
                item::sleep_jittered(&self.host).await;
                Ok(Some(order.clone()))
            }
            TransactionCancelled::ConditionsFailed(reasons) => {
                let now = item::failed_condition(&reasons, 0).flatten();
                now.map(item::read).transpose()?.map_or_else(
                    || Err(StoreError::new(REQUESTING, "the order is gone")),
                    |now| Ok(Some(now)),
                )
            }
        }
    }

    fn requests_part(&self, order: &Order, next: &Order) -> Result<TransactWriteItem, StoreError> {
        let RequestsChange { assignments, condition, values } = requests_change(order, next)?;
        let mut update = Update::builder()
            .table_name(&self.table)
            .key("order_id", item::s(order.order_id))
            .update_expression(format!("SET {assignments}, refund_requested_at = :requested_at"))
            .condition_expression(format!(
                "#status = :status AND refunding_fee = :refunding AND refunded_fee = :refunded AND {condition}"
            ))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", item::s(order.status.as_str()))
            .expression_attribute_values(":refunding", item::n(order.refunding_fee))
            .expression_attribute_values(":refunded", item::n(order.refunded_fee))
            .return_values_on_condition_check_failure(AllOld);
        let requested_at = next.refund_requested_at.unwrap_or(next.created_at);
        update = update.expression_attribute_values(":requested_at", item::n(requested_at.get()));
        for (name, value) in values {
            update = update.expression_attribute_values(name, value);
        }
        let update = update.build().map_err(|error| StoreError::new(REQUESTING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// The parts of an update that writes an order's requests.
pub(in crate::store) struct RequestsChange {
    /// For the update expression, after `SET`.
    pub(in crate::store) assignments: &'static str,
    /// For the condition expression.
    pub(in crate::store) condition: &'static str,
    /// The values that both use.
    pub(in crate::store) values: Vec<(&'static str, AttributeValue)>,
}

/// Writes the requests of `next`, on the condition that those of `order` are unchanged.
pub(in crate::store) fn requests_change(order: &Order, next: &Order) -> Result<RequestsChange, StoreError> {
    let requests: Vec<_> = next.refund_requests.iter().map(item::map).collect::<Result<_, _>>()?;
    let state = next.refund_request_state.map_or("", RefundRequestState::as_str);
    let mut values = vec![(":requests", AttributeValue::L(requests)), (":request_state", item::s(state))];
    // The words of a user who is erased meanwhile must not come back.
    let condition = match (order.refund_request_state, &order.user_id) {
        (None, Some(_)) => "attribute_not_exists(refund_request_state) AND attribute_exists(user_id)",
        (None, None) => "attribute_not_exists(refund_request_state)",
        (Some(was), user_id) => {
            values.push((":was_request_state", item::s(was.as_str())));
            values.push((
                ":was_requests",
                item::n(u64::try_from(order.refund_requests.len()).unwrap_or(u64::MAX)),
            ));
            match user_id {
                Some(_) => {
                    "refund_request_state = :was_request_state AND size(refund_requests) = :was_requests \
                     AND attribute_exists(user_id)"
                }
                None => {
                    "refund_request_state = :was_request_state AND size(refund_requests) = :was_requests \
                     AND attribute_not_exists(user_id)"
                }
            }
        }
    };
    let assignments = "refund_requests = :requests, refund_request_state = :request_state";
    Ok(RequestsChange { assignments, condition, values })
}

/// The event that tells of a request.
pub(in crate::store) fn request_event(
    order: &Order,
    id: &RefundRequestId,
    fee: Fen,
    kind: EventKind,
    now: UnixSeconds,
) -> Event {
    Event {
        order_id: Some(order.order_id),
        out_trade_no: order.paid_by,
        transaction_id: order.transaction_id.clone(),
        fee: Some(fee),
        ..Event::new(kind, id, now)
    }
}

fn open_request(order: &Order) -> Option<&RefundRequest> {
    order.refund_requests.last().filter(|request| request.is_open())
}

fn with_request(order: &Order, reason: &str, refund_fee: Fen, now: UnixSeconds) -> Order {
    let mut next = order.clone();
    next.refund_requests.push(RefundRequest {
        state: RefundRequestState::Requested,
        reason: reason.to_owned(),
        refund_fee,
        requested_at: now,
        note: None,
        decided_by: None,
        decided_at: None,
        out_refund_no: None,
    });
    next.refund_request_state = Some(RefundRequestState::Requested);
    next.refund_requested_at = Some(now);
    next
}

const REQUESTING: &str = "asking for a refund";
const PAGE: i32 = 50;
