//! One refund whose time has come: asked for, if it never was, or asked about.

use shared::{error::BoxError, types::OutRefundNo};

use crate::{OrderSweepTask, report::Swept};

impl OrderSweepTask {
    pub(crate) async fn sweep_refund(&self, number: &OutRefundNo) -> Result<Swept, BoxError> {
        let now = self.host.now();
        let refunds = &self.refunder.refunds;
        let Some(row) = refunds.get(number).await? else { return Ok(Swept::Passed) };
        let is_due = !row.status.is_final() && row.next_query_at.is_some_and(|at| at <= now);
        if !is_due || !refunds.take_turn(&row, now).await? {
            return Ok(Swept::Passed);
        }
        let row = self.refunder.bring_on(&row).await?;
        Ok(if row.status.is_final() { Swept::Refunded } else { Swept::Refunding })
    }
}
