//! One day, from asking for its bill to its row.

use std::time::Duration;

use shared::{
    error,
    pay::{Bill, BillTotals},
    store::{BillRecord, BillState},
    telemetry::{self, Counted},
    types::{Day, UnixSeconds},
};

use crate::{
    DayReport, ReconcileTask,
    compare::{CompareError, Tally},
};

impl ReconcileTask {
    /// Whatever happens to one day, the others are looked at.
    pub(crate) async fn day(&self, day: Day) -> DayReport {
        if self.host.now() < written_at(day) {
            return DayReport::not_due(day);
        }
        let (mut totals, mut tally) = (BillTotals::default(), Tally::default());
        let last_run = is_last_run(self.host.now());
        let gone_through = self.go_through(day, last_run, &mut totals, &mut tally).await;
        let state = match &gone_through {
            Ok(state) => *state,
            Err(error) => {
                telemetry::survived("bill", error);
                BillState::Failed
            }
        };
        let now = self.host.now();
        let record = BillRecord {
            healed: tally.healed,
            differences: tally.differences,
            failure: gone_through.err().map(|error| error::chain(&error)),
            ..BillRecord::new(day, state, now, &totals)
        };
        if let Err(error) = self.bills.keep(&record).await {
            // The day is gone through once more.
            telemetry::survived("bill-record", &error);
        }
        telemetry::count(Counted::BillDifferences(record.differences.total()));
        if record.differences.total() > 0 {
            telemetry::attention("bill-differs", &day);
        }
        if !state.is_settled() && last_run {
            telemetry::attention("bill-not-there", &day);
        }
        DayReport::of(&record, tally.new_cases)
    }

    /// `last_run` says that no other run follows today: what is not there by then does not come, and what can't be asked about is
    /// left to an operator, because a day that stays open keeps the refunds of its neighbours from being missed.
    async fn go_through(
        &self,
        day: Day,
        last_run: bool,
        totals: &mut BillTotals,
        tally: &mut Tally,
    ) -> Result<BillState, CompareError> {
        let state = match self.pay.bill(day).await? {
            Bill::NotReady => return Ok(BillState::NotReady),
            // WeChat Pay also says so of a bill that is late.
            Bill::None if !last_run && self.is_something_unbilled(day).await? => {
                return Ok(BillState::NotReady);
            }
            // If our books say that something happened, all of it is missing there.
            Bill::None => BillState::NoBill,
            Bill::Ready(mut bill) => {
                *totals = *bill.totals();
                self.compare(day, last_run, &mut bill, tally).await?;
                // Unknown here and not asked about: the next hour asks.
                if tally.unasked > 0 { BillState::Failed } else { BillState::Reconciled }
            }
        };
        self.find_missing_there(day, tally).await?;
        self.close_list(day, tally).await?;
        Ok(state)
    }
}

/// From when on WeChat Pay has the bill: ten in the morning of the next day.
fn written_at(day: Day) -> UnixSeconds {
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
    fn a_bill_is_there_from_ten_the_next_morning() {
        let day = Day::parse("20260823").unwrap();
        assert_eq!(written_at(day), on_the_24th(10, 0));
    }

    #[test]
    fn only_the_run_at_half_past_four_is_the_last_one() {
        assert!(!is_last_run(on_the_24th(10, 30)) && !is_last_run(on_the_24th(15, 30)));
        assert!(is_last_run(on_the_24th(16, 30)));
    }
}
