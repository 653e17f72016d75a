//! The row of a refund.

use serde::{Deserialize, Serialize};

use crate::{
    order::query_schedule::RefundProgress,
    pay::{RefundRequest, RefundStatus},
    store::work_index,
    types::{Fen, OperatorArn, OrderId, OutRefundNo, OutTradeNo, TransactionId, UnixSeconds},
};

/// The cause of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundCause {
    /// An operator has requested the refund.
    Operator,
    /// The payment is the second one of its order.
    SecondPayment,
    /// The payment came after its order was closed.
    AfterClose,
    /// The refund was made in the merchant console.
    Console,
}

/// A refund.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefundRow {
    /// The number of the refund, which is the key.
    pub out_refund_no: OutRefundNo,
    /// The order of the attempt.
    pub order_id: OrderId,
    /// The attempt that was paid.
    pub out_trade_no: OutTradeNo,
    /// The payment.
    pub transaction_id: TransactionId,
    /// The amount of the refund.
    pub refund_fee: Fen,
    /// The amount of the payment.
    pub total_fee: Fen,
    /// The cause.
    pub cause: RefundCause,
    /// The sum that the operator requested, to compare a repeated request with; `None` for the whole rest of the payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_fee: Option<Fen>,
    /// The reason that the user reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The operator who requested the refund; `None` for an automatic refund and for one of the merchant console.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<OperatorArn>,
    /// The address to which WeChat Pay sends its notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify_url: Option<String>,
    /// The refund's status.
    pub status: RefundStatus,
    /// When the refund was begun.
    pub created_at: UnixSeconds,
    /// WeChat Pay's number of the refund, once it has accepted the refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_id: Option<String>,
    /// When the user received the money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_at: Option<UnixSeconds>,
    /// Why the refund does not progress: WeChat Pay's code, or a code of this system if WeChat Pay could not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// When an operator last redirected the refund to another account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirected_at: Option<UnixSeconds>,
    /// The operator who last redirected the refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirected_by: Option<OperatorArn>,
    /// The operator who gave the refund up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up_by: Option<OperatorArn>,
    /// How often the refund was redirected.
    #[serde(default)]
    pub redirects: u32,
    /// How often WeChat Pay was asked about the refund.
    #[serde(default)]
    pub queries: u32,
    /// When to ask WeChat Pay next; absent once the refund has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_query_at: Option<UnixSeconds>,
    /// The refund's shard in the index `by_due`; absent once it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_shard: Option<String>,
    /// The key in the index `by_unbilled`: the day of the bill that must have the refund, and a shard. Absent until the refund is
    /// SUCCESS, and after a bill has confirmed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unbilled: Option<String>,
}

impl RefundRow {
    /// A refund that is begun `now`. The first query is due at `next`.
    pub(super) fn begin(
        out_refund_no: OutRefundNo,
        (out_trade_no, transaction_id): (OutTradeNo, &TransactionId),
        (refund_fee, total_fee): (Fen, Fen),
        cause: RefundCause,
        now: UnixSeconds,
        next: UnixSeconds,
    ) -> Self {
        Self {
            due_shard: Some(work_index::shard_of(out_refund_no.as_str())),
            out_refund_no,
            order_id: out_trade_no.order_id(),
            out_trade_no,
            transaction_id: transaction_id.clone(),
            refund_fee,
            total_fee,
            cause,
            asked_fee: None,
            reason: None,
            requested_by: None,
            notify_url: None,
            status: RefundStatus::Processing,
            created_at: now,
            refund_id: None,
            success_at: None,
            failure: None,
            redirected_at: None,
            redirected_by: None,
            given_up_by: None,
            redirects: 0,
            queries: 0,
            next_query_at: Some(next),
            unbilled: None,
        }
    }

    /// What the schedule of queries must know of the refund.
    pub(super) fn progress(&self) -> RefundProgress {
        RefundProgress {
            status: self.status,
            is_accepted: self.refund_id.is_some(),
            under_way_since: self.redirected_at.unwrap_or(self.created_at),
        }
    }

    /// The request to WeChat Pay, which is the same each time it is repeated.
    #[must_use]
    pub fn request(&self) -> RefundRequest<'_> {
        RefundRequest {
            out_refund_no: &self.out_refund_no,
            transaction_id: &self.transaction_id,
            refund_fee: self.refund_fee,
            total_fee: self.total_fee,
            reason: self.reason.as_deref(),
            notify_url: self.notify_url.as_deref(),
        }
    }
}
