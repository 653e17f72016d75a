//! One refund that is due: requested from WeChat Pay again while WeChat Pay has not accepted it, otherwise queried.

use shared::types::{BoxError, OutRefundNo};

use crate::{OrderSweepTask, report::SweepOutcome};

impl OrderSweepTask {
    pub(crate) async fn sweep_refund(&self, out_refund_no: &OutRefundNo) -> Result<SweepOutcome, BoxError> {
        let now = self.host.now();
        let store = &self.refunds.store;
        let Some(row) = store.get(out_refund_no).await? else { return Ok(SweepOutcome::Skipped) };
        let is_due = !row.status.is_final() && row.next_query_at.is_some_and(|at| at <= now);
        if !is_due || !store.claim_query(&row, now).await? {
            return Ok(SweepOutcome::Skipped);
        }
        let row = self.refunds.advance(&row).await?;
        Ok(if row.status.is_final() { SweepOutcome::Refunded } else { SweepOutcome::Refunding })
    }
}
