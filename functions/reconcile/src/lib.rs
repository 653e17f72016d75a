//! Every day: compares WeChat Pay's bill with our tables. Every difference becomes a case for an operator.
//!
//! ```text
//! each line of the bill ─▶ the payment's or refund's row ─▶ agrees: a refund's row is confirmed
//!                                                        ─▶ missing here: query WeChat Pay, record it, report a difference
//!                                                        ─▶ differs: report a difference
//! then each payment of that day that no line has, and each refund that no bill has ─▶ missing there: report a difference
//! ```
//! A bill of ten million payments takes one run: a hundred are read at once, nothing is written for one that agrees, and of each only a
//! hash of its number stays in memory.
//!
//! Then what WeChat keeps of each day's payments is written into the days' rows, because shipped goods are not received yet or goods are
//! not shipped.
//!
//! A run can be killed and repeated at any time, because each write is conditional and a difference has one case, whose key follows
//! from the difference.

mod billed;
mod classify;
mod compare;
mod day;
mod describe;
mod frozen;
mod missing;
mod recover;
mod report;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::Deserialize;
use shared::{
    host::{Host, HostError},
    order::LatePaymentPolicy,
    pay::PayClient,
    runtime::Task,
    service::{RefundService, pay_client},
    store::{Bills, FrozenMoney, Orders, StoreError},
    telemetry,
    types::{BoxError, Day, Rate, UnixSeconds},
};

pub use report::{DayReport, ReconcileReport};

/// Compares bills with our tables.
pub struct ReconcileTask {
    host: Host,
    pay: PayClient,
    refunds: RefundService,
    orders: Orders,
    late_payment_policy: LatePaymentPolicy,
    bills: Bills,
    /// The fee rate agreed with WeChat Pay, from `PAY_FEE_RATE`, if it is set.
    rate: Option<Rate>,
}

/// The event that starts a run: of the schedule, or of an operator who names a day.
#[derive(Debug, Default, Deserialize)]
pub struct ReconcileEvent {
    /// `yyyyMMdd`: reconcile this day only, even if it is settled.
    #[serde(rename = "billDate")]
    pub bill_date: Option<Day>,
}

impl Task for ReconcileTask {
    const NAME: &'static str = "reconcile";
    type Event = ReconcileEvent;
    type Report = ReconcileReport;

    async fn init(host: &Host) -> Result<Self, HostError> {
        let rate = host.optional_var(FEE_RATE).map(|text| {
            Rate::parse(text)
                .map_err(|_| HostError::Invalid { name: FEE_RATE, expected: "a rate like 0.60%" })
        });
        Ok(Self {
            host: host.clone(),
            pay: pay_client(host)?,
            refunds: RefundService::new(host)?,
            orders: Orders::new(host)?,
            late_payment_policy: LatePaymentPolicy::from_host(host)?,
            bills: Bills::new(host)?,
            rate: rate.transpose()?,
        })
    }

    async fn run(&self, event: ReconcileEvent) -> Result<ReconcileReport, BoxError> {
        let started_at = self.host.now();
        let days = match event.bill_date {
            Some(day) => vec![day],
            None => self.open_days(started_at).await?,
        };
        let mut report = ReconcileReport::default();
        for day in days {
            // The next run, an hour later, reconciles the other days.
            if self.host.now().since(started_at) > LAST_START {
                break;
            }
            report.days.push(self.reconcile_day(day).await);
        }
        let time_left = RUN_TIME.saturating_sub(self.host.now().since(started_at));
        match tokio::time::timeout(time_left, self.store_frozen(self.host.now())).await {
            Ok(Ok(frozen)) => report.frozen = frozen.values().fold(FrozenMoney::default(), plus),
            // The next run sums it again.
            Ok(Err(error)) => telemetry::handled_error("store-frozen-money", &error),
            Err(error) => telemetry::handled_error("store-frozen-money", &error),
        }
        Ok(report)
    }
}

impl ReconcileTask {
    /// The last seven days, without those that are settled; the newest first.
    async fn open_days(&self, now: UnixSeconds) -> Result<Vec<Day>, StoreError> {
        let mut days = Vec::new();
        for ago in 1..=MAX_DAYS_BACK {
            let day = Day::of(now).before(ago);
            let known = self.bills.get_day(day).await?;
            if !known.is_some_and(|record| record.state.is_settled()) {
                days.push(day);
            }
        }
        Ok(days)
    }
}

/// Both together.
fn plus(sum: FrozenMoney, day: &FrozenMoney) -> FrozenMoney {
    FrozenMoney { orders: sum.orders.saturating_add(day.orders), fee: sum.fee.saturating_add(day.fee) }
}

const FEE_RATE: &str = "PAY_FEE_RATE";
/// Days for which a bill is asked for until it is there.
const MAX_DAYS_BACK: u16 = 7;
/// No day is begun after this time: the function's timeout is 15 minutes.
const LAST_START: Duration = Duration::from_secs(5 * 60);
/// What WeChat keeps is summed within this time of a run.
const RUN_TIME: Duration = Duration::from_secs(14 * 60);
