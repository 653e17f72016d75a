//! Refunds that only an operator can help on, and the case that tells of each of their troubles.

use std::time::Duration;

use super::{RefundCause, RefundRow};
use crate::{
    pay::RefundStatus,
    store::{Case, CaseKind},
    types::UnixSeconds,
};

impl RefundRow {
    /// The case of a refund that has been on its way for too long: an hour without WeChat Pay having accepted it, or a week since
    /// it was begun, or sent elsewhere. `None` if it still has time, or is at its end.
    #[must_use]
    pub fn stuck_case(&self, now: UnixSeconds) -> Option<Case> {
        if self.status != RefundStatus::Processing || now < self.stuck_at() {
            return None;
        }
        let why = self.failure.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let (trouble, what) = match &self.refund_id {
            Some(_) => ("NOT_THROUGH", format!("WeChat Pay has been at it for a week{why}")),
            None => ("NOT_ACCEPTED", format!("WeChat Pay has not accepted it for an hour{why}")),
        };
        Some(self.case(trouble, what, now))
    }

    /// The case of where the refund stands now: its money does not reach the user, or should go back and does not. `None` if it
    /// is under way or through, or came to nothing in the merchant console.
    pub(super) fn status_case(&self, now: UnixSeconds) -> Option<Case> {
        let what = match self.status {
            RefundStatus::Abnormal => {
                "the money can't reach the user: send it to a bank card of the user's or back".to_owned()
            }
            RefundStatus::Closed if self.cause != RefundCause::Console && self.given_up_by.is_none() => {
                let code = self.failure.as_deref().unwrap_or("closed");
                format!("money that should go back did not: {code}")
            }
            _ => return None,
        };
        Some(self.case(self.status.as_str(), what, now))
    }

    /// When the refund, which is under way, has been so for too long.
    pub(super) fn stuck_at(&self) -> UnixSeconds {
        self.under_way_since().plus(if self.refund_id.is_some() { NOT_THROUGH } else { UNACCEPTED })
    }

    /// Each trouble of a refund is a case of its own, because an operator may have closed the one before.
    fn case(&self, trouble: &str, what: String, now: UnixSeconds) -> Case {
        let again = if self.redirects == 0 { String::new() } else { format!("-{}", self.redirects) };
        let about = format!("{}-{trouble}{again}", self.out_refund_no);
        Case {
            order_id: Some(self.order_id),
            out_trade_no: Some(self.out_trade_no),
            transaction_id: Some(self.transaction_id.clone()),
            out_refund_no: Some(self.out_refund_no.clone()),
            ..Case::new(CaseKind::RefundStuck, &about, what, now)
        }
    }
}

/// How long WeChat Pay may take to accept a refund.
pub(super) const UNACCEPTED: Duration = Duration::from_secs(60 * 60);
/// How long a refund may be under way: WeChat Pay names one to three working days for bank cards.
const NOT_THROUGH: Duration = Duration::from_secs(7 * 24 * 60 * 60);
