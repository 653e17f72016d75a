//! Every day: WeChat Pay's bill against our books. Every difference becomes a case for an operator.
//!
//! ```text
//! each line of the bill ─▶ the payment's or refund's row: the same? ─▶ confirmed
//!                                                         unknown here, and our number ─▶ ask WeChat Pay, record it
//!                                                         a refund of ours unknown here ─▶ ask WeChat Pay, take it over
//!                                                         otherwise ─▶ a difference
//! then, of that day, what no bill has confirmed ─▶ a difference
//! ```
//! A run can be killed and repeated at any time: each write is conditional, and a difference is one case for ever.

mod compare;
mod console;
mod day;
mod judge;
mod report;
#[cfg(test)]
mod tests;
mod words;

use std::time::Duration;

use serde::Deserialize;
use shared::{
    error::BoxError,
    host::{Host, HostError},
    pay::{PayClient, Refunder, order::LatePayment},
    runtime::Task,
    store::{Bills, Orders, StoreError},
    types::{Day, Rate, UnixSeconds},
};

pub use report::{DayReport, ReconcileReport};

/// Compares bills with our books.
pub struct ReconcileTask {
    host: Host,
    pay: PayClient,
    refunder: Refunder,
    orders: Orders,
    late: LatePayment,
    bills: Bills,
    /// What WeChat Pay was agreed to take, if the operator has said so.
    rate: Option<Rate>,
}

/// What starts a run: the schedule, or an operator who names a day.
#[derive(Debug, Default, Deserialize)]
pub struct Started {
    /// `yyyyMMdd`: this day and no other, also if it is settled.
    #[serde(rename = "billDate")]
    pub bill_date: Option<Day>,
}

impl Task for ReconcileTask {
    const NAME: &'static str = "reconcile";
    type Event = Started;
    type Report = ReconcileReport;

    async fn init(host: &Host) -> Result<Self, HostError> {
        let rate = host.optional_var(RATE).map(|text| {
            Rate::parse(text).map_err(|_| HostError::Invalid { name: RATE, expected: "a rate like 0.60%" })
        });
        Ok(Self {
            host: host.clone(),
            pay: PayClient::new(host)?,
            refunder: Refunder::new(host)?,
            orders: Orders::new(host)?,
            late: LatePayment::of(host)?,
            bills: Bills::new(host)?,
            rate: rate.transpose()?,
        })
    }

    async fn run(&self, started: Started) -> Result<ReconcileReport, BoxError> {
        let began = self.host.now();
        let days = match started.bill_date {
            Some(day) => vec![day],
            None => self.open_days(began).await?,
        };
        let mut report = ReconcileReport::default();
        for day in days {
            // The next hour goes on.
            if self.host.now().since(began) > LAST_START {
                break;
            }
            report.days.push(self.day(day).await);
        }
        Ok(report)
    }
}

impl ReconcileTask {
    /// Yesterday, and the six days before it, as far as they are not settled; the newest first.
    async fn open_days(&self, now: UnixSeconds) -> Result<Vec<Day>, StoreError> {
        let mut days = Vec::new();
        for ago in 1..=DAYS {
            let day = Day::of(now).before(ago);
            let known = self.bills.of_day(day).await?;
            if !known.is_some_and(|record| record.state.is_settled()) {
                days.push(day);
            }
        }
        Ok(days)
    }
}

const RATE: &str = "PAY_FEE_RATE";
/// How many days back a bill is asked for until it comes.
const DAYS: u16 = 7;
/// No other day is begun after this: the function's time limit is 15 minutes.
const LAST_START: Duration = Duration::from_secs(5 * 60);
