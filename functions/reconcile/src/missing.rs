//! Finds what the bill lacks: payments of the day that no line has, and refunds that no bill has.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use shared::{
    store::{Bills, StoreError, UnbilledCursor, UnbilledPage},
    types::Day,
};

use crate::{
    MAX_DAYS_BACK, ReconcileTask,
    billed::BilledPayments,
    compare::{CompareError, DayProgress},
    describe,
};

impl ReconcileTask {
    /// Whether our tables have a payment of the day, or a refund that no bill has confirmed.
    pub(crate) async fn is_bill_expected(&self, day: Day) -> Result<bool, StoreError> {
        let mut place = Some(UnbilledCursor::default());
        while let Some(at) = place {
            // Both indexes have the same shards, and a page without a number is the last one of its shard.
            let payments = self.bills.payments_of(day, &at).await?;
            let refunds = self.bills.unbilled_refunds(day, &at).await?;
            if !payments.numbers.is_empty() || !refunds.numbers.is_empty() {
                return Ok(true);
            }
            place = payments.next;
        }
        Ok(false)
    }

    /// Opens cases for payments that the day's bill lacks, and for refunds that no bill has.
    pub(crate) async fn find_missing_there(
        &self,
        day: Day,
        billed: &BilledPayments,
        progress: &mut DayProgress,
    ) -> Result<(), CompareError> {
        self.find_payments_missing_there(day, billed, progress).await?;
        let mut compared = ComparedDays::new(day, Day::of(self.host.now()));
        for through_on in compared.days_that_waited() {
            if compared.contains(&self.bills, through_on).await?
                && compared.contains(&self.bills, through_on.after(1)).await?
            {
                self.find_refunds_missing_there(through_on, &mut compared, progress).await?;
            }
        }
        Ok(())
    }

    async fn find_payments_missing_there(
        &self,
        day: Day,
        billed: &BilledPayments,
        progress: &mut DayProgress,
    ) -> Result<(), CompareError> {
        let mut place = Some(UnbilledCursor::default());
        while let Some(at) = place {
            let UnbilledPage { mut numbers, next } = self.bills.payments_of(day, &at).await?;
            numbers.retain(|number| !billed.contains(number));
            place = next;
            if progress.is_full() {
                progress.count_unlisted(numbers.len());
                continue;
            }
            let mut rows = stream::iter(numbers)
                .map(|number| async move { self.bills.payment(&number).await })
                .buffered(CONCURRENT_ROWS)
                .boxed();
            while let Some(row) = rows.try_next().await? {
                if let Some(row) = row {
                    self.record_difference(progress, &describe::payment_missing_there(day, &row)).await?;
                }
            }
        }
        Ok(())
    }

    /// Opens one case that says how many more differences there are than cases.
    pub(crate) async fn report_unlisted(
        &self,
        day: Day,
        progress: &mut DayProgress,
    ) -> Result<(), CompareError> {
        if progress.unlisted > 0 {
            let is_new = self.bills.open_case(&describe::unlisted(day, progress.unlisted)).await?;
            progress.new_cases = progress.new_cases.saturating_add(is_new.into());
        }
        Ok(())
    }

    /// Opens cases for refunds that were through on this day, that no bill has, and for which the day that is compared was the last one
    /// to wait for.
    async fn find_refunds_missing_there(
        &self,
        through_on: Day,
        compared: &mut ComparedDays,
        progress: &mut DayProgress,
    ) -> Result<(), CompareError> {
        let mut place = Some(UnbilledCursor::default());
        while let Some(at) = place {
            let UnbilledPage { numbers, next } = self.bills.unbilled_refunds(through_on, &at).await?;
            place = next;
            if progress.is_full() {
                progress.count_unlisted(numbers.len());
                continue;
            }
            let mut rows = stream::iter(numbers)
                .map(|number| async move { self.bills.unbilled_refund(&number).await })
                .buffered(CONCURRENT_ROWS)
                .boxed();
            while let Some(row) = rows.try_next().await? {
                let Some(row) = row else { continue };
                let requested_on = Day::of(row.created_at);
                let was_last = [requested_on, through_on, through_on.after(1)].contains(&compared.day);
                if was_last && compared.contains(&self.bills, requested_on).await? {
                    self.record_difference(progress, &describe::refund_missing_there(through_on, &row))
                        .await?;
                }
            }
        }
        Ok(())
    }
}

/// The days whose bills were compared, for a run that is comparing one of them.
struct ComparedDays {
    /// The day that is being compared, which counts as compared.
    day: Day,
    today: Day,
    known: BTreeMap<Day, bool>,
}

impl ComparedDays {
    fn new(day: Day, today: Day) -> Self {
        Self { day, today, known: BTreeMap::from([(day, true)]) }
    }

    /// The days whose refunds may have waited for the bill that is being compared: the day before, that day, and the days after it as far
    /// as runs go back. A refund may stand in the bill of the day on which it was requested, of the day on which it was through, or of the
    /// next one.
    fn days_that_waited(&self) -> impl Iterator<Item = Day> + use<> {
        let (first, today) = (self.day.before(1), self.today);
        let days = (0..=MAX_DAYS_BACK.saturating_add(1)).map(move |days| first.after(days));
        days.take_while(move |day| *day < today)
    }

    /// Whether the day's bill was compared, or is not waited for any more, because the day is over too long.
    async fn contains(&mut self, bills: &Bills, day: Day) -> Result<bool, StoreError> {
        if let Some(known) = self.known.get(&day) {
            return Ok(*known);
        }
        let known = day < self.today.before(MAX_DAYS_BACK)
            || bills.get_day(day).await?.is_some_and(|record| record.state.is_settled());
        self.known.insert(day, known);
        Ok(known)
    }
}

/// Rows that are read at the same time.
const CONCURRENT_ROWS: usize = 16;
