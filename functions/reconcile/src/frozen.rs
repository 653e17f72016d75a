//! What WeChat keeps, by the day of the payments: summed from the orders, and written into the days' rows.

use std::collections::BTreeMap;

use shared::{
    store::{Bills, FrozenMoney, StoreError, shipping_shards},
    types::{Day, UnixSeconds},
};

use crate::ReconcileTask;

/// What WeChat keeps of each day's payments. A day of which it keeps nothing is absent.
pub(crate) type FrozenByDay = BTreeMap<Day, FrozenMoney>;

impl ReconcileTask {
    /// Sums what WeChat keeps, and writes it into the rows of the days whose sum has changed.
    pub(crate) async fn store_frozen(&self, now: UnixSeconds) -> Result<FrozenByDay, StoreError> {
        let frozen = self.sum_frozen().await?;
        let days = (1_u16..).map(|ago| Day::of(now).before(ago)).take(Bills::MOST_FROZEN_DAYS);
        for (day, known) in self.bills.frozen_money(&days.collect::<Vec<_>>()).await? {
            let sum = frozen.get(&day).copied().unwrap_or_default();
            if sum != known {
                self.bills.store_frozen_money(day, &sum).await?;
            }
        }
        Ok(frozen)
    }

    async fn sum_frozen(&self) -> Result<FrozenByDay, StoreError> {
        let mut frozen = FrozenByDay::new();
        for shard in shipping_shards() {
            for order in self.orders.list_unsettled(&shard).await? {
                let sum = frozen.entry(Day::of(order.paid_at)).or_default();
                sum.orders = sum.orders.saturating_add(1);
                let kept = order.total_fee.get().saturating_sub(order.refunded_fee);
                sum.fee = sum.fee.saturating_add(kept);
            }
        }
        Ok(frozen)
    }
}
