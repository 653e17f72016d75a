//! Finding what is due: by one request for each index while there is little in it, shard by shard when there is more.

use futures_util::{StreamExt, future, stream, stream::BoxStream};
use shared::{
    store::{OpenWork, StoreError, WorkCursor, WorkPage},
    types::UnixSeconds,
};

use crate::{
    CONCURRENT_REQUESTS, OrderSweepTask,
    due::{DueItem, DueWork},
    pace::Pace,
    workers::{DueKind, Shard},
};

impl OrderSweepTask {
    /// What is due by `until`. A page of each shard is read if an index has too many rows for one request.
    pub(crate) async fn find_due(&self, until: UnixSeconds) -> DueWork {
        let orders = self.payments.orders.find_due(until);
        let (orders, refunds) = future::join(orders, self.refunds.store.find_due(until)).await;
        let orders = orders.map(|found| found.map(DueItem::Order));
        let refunds = refunds.map(|found| found.map(DueItem::Refund));
        let mut due = DueWork::default();
        for (kind, found) in [(DueKind::Orders, orders), (DueKind::Refunds, refunds)] {
            match found {
                Ok(OpenWork::All(rows)) => rows.into_iter().for_each(|row| due.add_row(kind, row)),
                Ok(OpenWork::Shards(names)) => {
                    let shards = names.into_iter().map(|name| Shard { kind, name });
                    let pages = stream::iter(shards).map(|shard| self.first_page(shard, until));
                    let mut pages = pages.buffer_unordered(CONCURRENT_REQUESTS);
                    while let Some((shard, page)) = pages.next().await {
                        due.add_page(shard, page);
                    }
                }
                Err(error) => due.add_failure(&error),
            }
        }
        due
    }

    async fn first_page(
        &self,
        shard: Shard,
        until: UnixSeconds,
    ) -> (Shard, Result<WorkPage<DueItem>, StoreError>) {
        let page = self.due_page(&shard, until, None).await;
        (shard, page)
    }

    /// What is due in the shard, page after page, until nothing is left or the run is over.
    pub(crate) fn list_due<'a>(
        &'a self,
        shard: Shard,
        pace: &'a Pace,
    ) -> BoxStream<'a, Result<DueItem, StoreError>> {
        let pages = stream::unfold(Some((shard, None)), move |place| async move {
            let (shard, after) = place?;
            if pace.is_over(self.host.now()) {
                return None;
            }
            let page = match self.due_page(&shard, pace.started_at, after).await {
                Ok(page) => page,
                Err(error) => return Some((vec![Err(error)], None)),
            };
            let next = page.next.map(|after| (shard, Some(after)));
            Some((page.rows.into_iter().map(|row| Ok(row.key)).collect(), next))
        });
        pages.flat_map(stream::iter).boxed()
    }

    async fn due_page(
        &self,
        shard: &Shard,
        until: UnixSeconds,
        after: Option<WorkCursor>,
    ) -> Result<WorkPage<DueItem>, StoreError> {
        let name = shard.name.as_str();
        Ok(match shard.kind {
            DueKind::Orders => {
                self.payments.orders.list_due(name, until, after, PAGE_SIZE).await?.map(DueItem::Order)
            }
            DueKind::Refunds => {
                self.refunds.store.list_due(name, until, after, PAGE_SIZE).await?.map(DueItem::Refund)
            }
        })
    }
}

/// Orders or refunds that are read from a shard in one request.
const PAGE_SIZE: u16 = 100;
