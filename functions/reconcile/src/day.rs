//! Reconciles one day: fetches the bill, compares it, and stores the day's row.

use std::time::Duration;

use shared::{
    pay::{Bill, BillTotals},
    store::{BillRecord, BillState},
    telemetry::{self, Metric},
    types::{Day, UnixSeconds, error_chain},
};

use crate::{
    DayReport, ReconcileTask,
    billed::BilledPayments,
    compare::{CompareError, DayProgress},
};

impl ReconcileTask {
    /// Reconciles the day. A failure is stored in the day's row and reported, so that the run goes on with the other days.
    pub(crate) async fn reconcile_day(&self, day: Day) -> DayReport {
        if self.host.now() < available_at(day) {
            return DayReport::not_due(day);
        }
        let (mut totals, mut progress) = (BillTotals::default(), DayProgress::default());
        let last_run = is_last_run(self.host.now());
        let compared = self.compare_bill(day, last_run, &mut totals, &mut progress).await;
        let state = match &compared {
            Ok(state) => *state,
            Err(error) => {
                telemetry::handled_error("compare-bill", error);
                BillState::Failed
            }
        };
        let now = self.host.now();
        let record = BillRecord {
            healed: progress.recovered,
            differences: progress.differences,
            failure: compared.err().map(|error| error_chain(&error)),
            ..BillRecord::new(day, state, now, &totals)
        };
        if let Err(error) = self.bills.store_day(&record).await {
            // Without its row the day counts as open, and the next run reconciles it again.
            telemetry::handled_error("store-bill-record", &error);
        }
        telemetry::record_metric(Metric::BillDifferences(record.differences.total()));
        if record.differences.total() > 0 {
            telemetry::operator_alert("bill-difference", &day);
        }
        if !state.is_settled() && last_run {
            telemetry::operator_alert("bill-not-available", &day);
        }
        DayReport::new(&record, progress.new_cases)
    }

    /// Fetches the day's bill and compares it with our tables.
    ///
    /// `last_run` says that no other run follows today. A bill that is not there by then does not come any more. Payments that could
    /// not be queried are left to an operator then, because refunds of the neighbouring days are reported as missing only when this
    /// day is settled.
    async fn compare_bill(
        &self,
        day: Day,
        last_run: bool,
        totals: &mut BillTotals,
        progress: &mut DayProgress,
    ) -> Result<BillState, CompareError> {
        let (state, billed) = match self.pay.bill(day).await? {
            Bill::NotReady => return Ok(BillState::NotReady),
            // WeChat Pay gives the same answer while a bill is late.
            Bill::None if !last_run && self.is_bill_expected(day).await? => {
                return Ok(BillState::NotReady);
            }
            // WeChat Pay has no transactions for that day. Everything that our tables hold for it is reported below as `MISSING_THERE`.
            Bill::None => (BillState::NoBill, BilledPayments::default()),
            Bill::Ready(mut bill) => {
                *totals = *bill.totals();
                let billed = self.compare_lines(day, last_run, &mut bill, progress).await?;
                // The next run, an hour later, queries those that are unresolved.
                let is_resolved = progress.unresolved == 0;
                (if is_resolved { BillState::Reconciled } else { BillState::Failed }, billed)
            }
        };
        self.find_missing_there(day, &billed, progress).await?;
        self.report_unlisted(day, progress).await?;
        Ok(state)
    }
}

/// When WeChat Pay has the bill: at ten in the morning of the next day.
fn available_at(day: Day) -> UnixSeconds {
    day.after(1).begins().plus(Duration::from_secs(10 * 60 * 60))
}

/// Whether no other run follows today.
fn is_last_run(now: UnixSeconds) -> bool {
    now.since(Day::of(now).begins()) >= Duration::from_secs(16 * 60 * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-08-24, in Beijing.
    fn on_the_24th(hour: u64, minute: u64) -> UnixSeconds {
        Day::parse("20260824").unwrap().begins().plus(Duration::from_secs((hour * 60 + minute) * 60))
    }

    #[test]
    fn a_bill_is_available_from_ten_the_next_morning() {
        let day = Day::parse("20260823").unwrap();
        assert_eq!(available_at(day), on_the_24th(10, 0));
    }

    #[test]
    fn only_the_run_at_half_past_four_is_the_last_one() {
        assert!(!is_last_run(on_the_24th(10, 30)) && !is_last_run(on_the_24th(15, 30)));
        assert!(is_last_run(on_the_24th(16, 30)));
    }
}
