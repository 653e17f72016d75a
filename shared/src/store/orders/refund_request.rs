//! A user's request to get money back, which an operator approves or rejects. It is kept in the order's row, so that an order is read with
//! it at once, and one write decides it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::types::{Fen, OperatorArn, OrderId, OutRefundNo, OutTradeNo, UnixSeconds};

/// Where a user's request for a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RefundRequestState {
    /// No operator has decided it.
    Requested,
    /// The refund is begun.
    Approved,
    /// The user gets nothing back.
    Rejected,
}

impl RefundRequestState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Requested, Self::Approved, Self::Rejected];

    /// As stored and answered.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "REQUESTED",
            Self::Approved => "APPROVED",
            Self::Rejected => "REJECTED",
        }
    }
}

/// A user's request to get money back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundRequest {
    /// Where it stands.
    pub state: RefundRequestState,
    /// Why the user wants the money back, in the user's words.
    pub reason: String,
    /// The sum that the user wants back; after the approval, the sum that goes back.
    pub refund_fee: Fen,
    /// When the user asked.
    pub requested_at: UnixSeconds,
    /// The operator's note to the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The operator who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<OperatorArn>,
    /// When the operator decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<UnixSeconds>,
    /// The refund that the approval has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_refund_no: Option<OutRefundNo>,
}

impl RefundRequest {
    /// Whether no operator has decided it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == RefundRequestState::Requested
    }
}

/// The id of a request: the order's number, a hyphen, and which of the order's requests it is, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefundRequestId {
    /// The order.
    pub order_id: OrderId,
    pub(super) number: usize,
}

impl RefundRequestId {
    /// Reads the id as a client sends it back; `None` if it is no id of a request.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (order_id, number) = text.split_once('-')?;
        let id = Self { order_id: OrderId::parse(order_id).ok()?, number: number.parse().ok()? };
        ((1..=MAX_REQUESTS).contains(&id.number) && id.to_string() == text).then_some(id)
    }

    /// The number of the refund that an approval of this request begins. It follows from the id, so that two approvals begin one refund.
    #[must_use]
    pub fn out_refund_no(&self, paid_by: OutTradeNo) -> OutRefundNo {
        OutRefundNo::of(paid_by, &format!("refund-request {self}"))
    }
}

impl fmt::Display for RefundRequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.order_id, self.number)
    }
}

/// Requests that an order can have, one after the other.
pub(super) const MAX_REQUESTS: usize = 5;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_reads_back_and_no_other_text_is_one(number in 1..=MAX_REQUESTS, text in ".{0,30}") {
            let order_id = OrderId::new(UnixSeconds::new(1_700_000_000), [7; 10]);
            let id = RefundRequestId { order_id, number };
            prop_assert_eq!(RefundRequestId::parse(&id.to_string()), Some(id));
            prop_assert!(RefundRequestId::parse(&text).is_none());
            for wrong in [format!("{order_id}-0"), format!("{order_id}-06"), format!("{order_id}"), format!("{order_id}-+1")] {
                prop_assert!(RefundRequestId::parse(&wrong).is_none(), "{}", wrong);
            }
        }
    }
}
