//! Every hour: asks WeChat about paid orders whose money it keeps, because the push that it was released can be lost for good; opens cases
//! of what is not shipped in time, and of money that is kept for too long; reminds users to confirm the receipt.
//!
//! WeChat: 小程序发货信息管理服务, 查询订单发货状态 (`get_order`) and 确认收货提醒 (`notify_confirm_receive`).
//! <https://developers.weixin.qq.com/miniprogram/dev/platform-capabilities/business-capabilities/order-shipping/order-shipping.html>
//!
//! Each order says when to ask next, and an index lists those that are due. The list of WeChat's (`get_order_list`) is not used: it can't
//! be asked for the orders that are due, and an order whose pushes come is asked about a few times only.

mod order;
mod report;

use std::time::Duration;

use futures_util::{StreamExt, stream};
use shared::{
    host::{Host, HostError},
    order::ShippingPolicy,
    runtime::Task,
    service::ShippingClient,
    store::{Cases, Orders, WorkCursor, shipping_shards},
    telemetry::{self, Metric},
    types::{BoxError, UnixSeconds},
};

use crate::report::SweepOutcome;
pub use report::ShippingSweepReport;

/// Sweeps orders about whose shipping WeChat is to be asked.
pub struct ShippingSweepTask {
    host: Host,
    orders: Orders,
    cases: Cases,
    wechat: ShippingClient,
    policy: ShippingPolicy,
    /// How long after the shipping a parcel counts as signed for, from `RECEIPT_REMINDER_DAYS`; `None`: nobody is reminded.
    remind_after: Option<Duration>,
}

impl Task for ShippingSweepTask {
    const NAME: &'static str = "shipping-sweep";
    type Event = serde_json::Value;
    type Report = ShippingSweepReport;

    async fn init(host: &Host) -> Result<Self, HostError> {
        let days: u32 =
            host.parsed_var("RECEIPT_REMINDER_DAYS", "a number of days, or 0 for never", str::parse)?;
        Ok(Self {
            host: host.clone(),
            orders: Orders::new(host)?,
            cases: Cases::new(host)?,
            wechat: ShippingClient::new(host)?,
            policy: ShippingPolicy::from_host(host)?,
            remind_after: (days > 0).then(|| Duration::from_secs(u64::from(days) * DAY)),
        })
    }

    async fn run(&self, _: serde_json::Value) -> Result<ShippingSweepReport, BoxError> {
        if !self.policy.is_managed() {
            return Ok(ShippingSweepReport::default());
        }
        let started_at = self.host.now();
        let reports = stream::iter(shipping_shards()).map(|shard| self.sweep_shard(shard, started_at));
        let reports = reports.buffer_unordered(CONCURRENT_SHARDS);
        let report = reports.fold(ShippingSweepReport::default(), async |sum, one| sum.plus(one)).await;
        telemetry::record_metric(Metric::SweepBacklog(u64::from(report.deferred) + u64::from(report.failed)));
        Ok(report)
    }
}

impl ShippingSweepTask {
    /// Sweeps the shard page after page until nothing is due or the run is out of time; the next run comes in an hour. An order that
    /// fails does not delay those behind it.
    async fn sweep_shard(&self, shard: String, started_at: UnixSeconds) -> ShippingSweepReport {
        let mut report = ShippingSweepReport::default();
        let mut cursor: Option<WorkCursor> = None;
        loop {
            let page = match self.orders.list_shipping_due(&shard, started_at, cursor, PAGE_SIZE).await {
                Ok(page) => page,
                Err(error) => {
                    // The other shards are swept all the same.
                    telemetry::handled_error("read-due-page", &error);
                    report.count(SweepOutcome::Failed);
                    return report;
                }
            };
            for row in page.rows {
                if self.host.now().since(started_at) > LAST_START {
                    report.count(SweepOutcome::Deferred);
                    continue;
                }
                report.count(self.sweep_order(row.key).await.unwrap_or_else(|error| {
                    telemetry::handled_error("sweep-item", &*error);
                    SweepOutcome::Failed
                }));
            }
            cursor = page.next;
            if cursor.is_none() || report.deferred > 0 {
                return report;
            }
        }
    }
}

/// Orders that are read from a shard in one request.
const PAGE_SIZE: u16 = 50;
/// Shards that are swept at the same time: all of them.
const CONCURRENT_SHARDS: usize = 16;
/// No order is begun after this time: the function's timeout is five minutes.
const LAST_START: Duration = Duration::from_secs(4 * 60);
/// Seconds.
const DAY: u64 = 24 * 60 * 60;
