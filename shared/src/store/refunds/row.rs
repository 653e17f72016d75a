//! The row of a refund.

use serde::{Deserialize, Serialize};

use crate::{
    order::query_schedule::RefundProgress,
    pay::{RefundRequest, RefundStatus},
    store::work_index,
    types::{Fen, OperatorArn, OrderId, OutRefundNo, OutTradeNo, TransactionId, UnixSeconds},
};

/// Why money goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundCause {
    /// An operator asked for it.
    Operator,
    /// The order was paid before.
    SecondPayment,
    /// The order was closed.
    AfterClose,
    /// It was made in the merchant console; we were told.
    Console,
}

/// A refund.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefundRow {
    /// Its key.
    pub out_refund_no: OutRefundNo,
    /// The order of the attempt.
    pub order_id: OrderId,
    /// The attempt that was paid.
    pub out_trade_no: OutTradeNo,
    /// The payment.
    pub transaction_id: TransactionId,
    /// How much goes back.
    pub refund_fee: Fen,
    /// How much was paid.
    pub total_fee: Fen,
    /// Why.
    pub cause: RefundCause,
    /// What was asked for, so that the same key asks for the same: fen, or nothing for all that is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_fee: Option<Fen>,
    /// What the user reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The operator who asked for it first; nobody, if it was begun by itself or in the merchant console.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<OperatorArn>,
    /// Where WeChat Pay sends its notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify_url: Option<String>,
    /// Where it stands.
    pub status: RefundStatus,
    /// When it was begun.
    pub created_at: UnixSeconds,
    /// WeChat Pay's number of it, once it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_id: Option<String>,
    /// When the user had the money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_at: Option<UnixSeconds>,
    /// Why it does not go on: WeChat Pay's code, or a word of ours if WeChat Pay could not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// When an operator last sent its money elsewhere, because it could not reach the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirected_at: Option<UnixSeconds>,
    /// The operator who did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirected_by: Option<OperatorArn>,
    /// The operator who gave it up, because WeChat Pay does not make it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up_by: Option<OperatorArn>,
    /// How often.
    #[serde(default)]
    pub redirects: u32,
    /// How often WeChat Pay was asked.
    #[serde(default)]
    pub queries: u32,
    /// When to ask WeChat Pay next; absent at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_query_at: Option<UnixSeconds>,
    /// The part of the index `by_due` it stands in; absent at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_shard: Option<String>,
    /// The day it must stand in a bill of, and a part of that day; absent until it is through, and once it was found there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unbilled: Option<String>,
}

impl RefundRow {
    /// A refund that is begun `now`, to be asked for at `next`.
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

    /// What WeChat Pay is asked for: always the same.
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
