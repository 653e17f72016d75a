//! An event of an order: its row in `OUTBOX_TABLE`, written in the transaction that made it happen.
//!
//! Key `event_id`, which is made of the event's kind and number, so that an event that is written twice is one row. The index
//! `by_pending` (`pending_shard`, `happened_at`) lists the events whose effects are not done. A row leaves the index when they are,
//! and is deleted from the table [`KEPT_AFTER_DONE`] later.

use std::time::Duration;

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use serde::{Deserialize, Serialize};

use crate::{
    host::Host,
    store::{StoreError, item, work_index},
    types::{Fen, OrderId, OutRefundNo, OutTradeNo, TransactionId, UnixSeconds},
};

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// An order was paid.
    #[serde(rename = "order.paid")]
    OrderPaid,
    /// An order was cancelled or has expired.
    #[serde(rename = "order.closed")]
    OrderClosed,
    /// Goods of an order were shipped, or what was shipped was corrected.
    #[serde(rename = "order.shipped")]
    OrderShipped,
    /// Money of an order went back: a part of it, or all.
    #[serde(rename = "order.refunded")]
    OrderRefunded,
    /// A paid order was paid once more.
    #[serde(rename = "payment.second")]
    PaymentSecond,
    /// A closed order was paid.
    #[serde(rename = "payment.after-close")]
    PaymentAfterClose,
    /// An order was paid with another amount or by another user than it should.
    #[serde(rename = "payment.mismatch")]
    PaymentMismatch,
    /// A user has asked for money back.
    #[serde(rename = "refund.requested")]
    RefundRequested,
    /// An operator has approved a user's request, and its refund is begun.
    #[serde(rename = "refund.approved")]
    RefundApproved,
    /// An operator has rejected a user's request.
    #[serde(rename = "refund.rejected")]
    RefundRejected,
    /// A refund was begun in the merchant console.
    #[serde(rename = "refund.begun")]
    RefundBegun,
    /// A refund can't reach the user.
    #[serde(rename = "refund.abnormal")]
    RefundAbnormal,
    /// A refund came to nothing.
    #[serde(rename = "refund.closed")]
    RefundClosed,
    /// A line of WeChat Pay's bill differs from our tables.
    #[serde(rename = "bill.difference")]
    BillDifference,
}

impl EventKind {
    /// The name that is stored and published.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OrderPaid => "order.paid",
            Self::OrderClosed => "order.closed",
            Self::OrderShipped => "order.shipped",
            Self::OrderRefunded => "order.refunded",
            Self::PaymentSecond => "payment.second",
            Self::PaymentAfterClose => "payment.after-close",
            Self::PaymentMismatch => "payment.mismatch",
            Self::RefundRequested => "refund.requested",
            Self::RefundApproved => "refund.approved",
            Self::RefundRejected => "refund.rejected",
            Self::RefundBegun => "refund.begun",
            Self::RefundAbnormal => "refund.abnormal",
            Self::RefundClosed => "refund.closed",
            Self::BillDifference => "bill.difference",
        }
    }
}

/// An event: something that happened to an order, a payment or a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The key of the row: the kind, `#`, and the number of what it happened to.
    pub event_id: String,
    /// The kind of event.
    pub event: EventKind,
    /// The order, if it is one of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// The attempt to pay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_trade_no: Option<OutTradeNo>,
    /// The payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<TransactionId>,
    /// The refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_refund_no: Option<OutRefundNo>,
    /// The amount that was paid or refunded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<Fen>,
    /// When the event was recorded here.
    pub happened_at: UnixSeconds,
}

impl Event {
    /// An event of this kind that happened to the order, payment, refund or bill line with the number `about`.
    #[must_use]
    pub fn new(kind: EventKind, about: &dyn std::fmt::Display, now: UnixSeconds) -> Self {
        Self {
            event_id: format!("{}#{about}", kind.as_str()),
            event: kind,
            order_id: None,
            out_trade_no: None,
            transaction_id: None,
            out_refund_no: None,
            fee: None,
            happened_at: now,
        }
    }
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    event: &'a Event,
    pending_shard: String,
}

/// The part of a transaction that writes the event. Reads `OUTBOX_TABLE`.
pub(in crate::store) fn put_event(host: &Host, event: &Event) -> Result<TransactWriteItem, StoreError> {
    let table = host.var("OUTBOX_TABLE").map_err(|error| StoreError::new(WRITING, error))?;
    let row = Row { event, pending_shard: work_index::shard_of(&event.event_id) };
    let put = Put::builder().table_name(table).set_item(Some(item::write(&row)?)).build();
    let put = put.map_err(|error| StoreError::new(WRITING, error))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

const WRITING: &str = "writing to the outbox";
/// How long an event stays in the table after its effects are done, so that an operator can look at it.
pub(super) const KEPT_AFTER_DONE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
