//! Refunds that do not progress by themselves: the case `REFUND_STUCK` for each trouble, with which an operator must help.

use super::{RefundCause, RefundRow};
use crate::{
    pay::RefundStatus,
    store::{Case, CaseKind},
    types::UnixSeconds,
};

impl RefundRow {
    /// The case of a PROCESSING refund that takes too long: an hour without being accepted by WeChat Pay, or a week after it was begun
    /// or redirected. `None` if the refund still has time, or has ended.
    #[must_use]
    pub fn stuck_case(&self, now: UnixSeconds) -> Option<Case> {
        if self.status != RefundStatus::Processing || now < self.progress().stuck_at() {
            return None;
        }
        let why = self.failure.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let (trouble, what) = match &self.refund_id {
            Some(_) => ("NOT_THROUGH", format!("WeChat Pay has been at it for a week{why}")),
            None => ("NOT_ACCEPTED", format!("WeChat Pay has not accepted it for an hour{why}")),
        };
        Some(self.case(trouble, what, now))
    }

    /// The case that follows from the refund's status: the money can't reach the user (ABNORMAL), or money that should go back did not
    /// (CLOSED). `None` for every other status, and for a refund that was closed in the merchant console or given up by an operator.
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

    /// Each trouble of a refund has a case of its own, because an operator may have closed the case of an earlier trouble.
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
