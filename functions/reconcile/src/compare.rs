//! Compares a day's bill with our tables: first each line of the bill, then the rows that the bill lacks.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use shared::{
    pay::{BillError, BillFile, BillLine, PayError, PaymentLine, RefundLine},
    store::{Bills, ConfirmOutcome, Difference, DifferenceCounts, StoreError, UnbilledCursor, UnbilledPage},
    types::{Day, OutRefundNo, OutTradeNo},
};

use crate::{
    MAX_DAYS_BACK, ReconcileTask, classify, describe,
    recover::{PaymentRecovery, RefundRecovery},
};

/// A day can't be compared to its end. Rows that were confirmed stay confirmed, and the next run compares the day again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompareError {
    #[error(transparent)]
    Pay(#[from] PayError),
    #[error(transparent)]
    Bill(#[from] BillError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The results of a run for one day so far.
#[derive(Default)]
pub(crate) struct DayProgress {
    pub(crate) differences: DifferenceCounts,
    pub(crate) new_cases: u64,
    /// Payments and refunds that our tables lacked and that are recorded now.
    pub(crate) recovered: u64,
    /// Payments and refunds that our tables lack and about which WeChat Pay could not be queried.
    pub(crate) unresolved: u64,
    listed: u64,
    unlisted: u64,
}

/// The result of comparing a line.
#[derive(Default)]
struct LineResult {
    differences: Vec<Difference>,
    /// A payment that our tables lack, by a number of this shop.
    missing_payment: Option<PaymentLine>,
    /// A refund that our tables lack.
    missing_refund: Option<RefundLine>,
}

impl DayProgress {
    /// Whether no more cases are opened, so that a broken bill can't flood the table of cases.
    fn is_full(&self) -> bool {
        self.listed >= MAX_CASES
    }

    /// Counts rows of the index for which the list of cases has no room. The rows are not read, because that would take longer than
    /// a run may last.
    fn count_unlisted(&mut self, missing_there: usize) {
        let count = u64::try_from(missing_there).unwrap_or(u64::MAX);
        self.differences.missing_there = self.differences.missing_there.saturating_add(count);
        self.unlisted = self.unlisted.saturating_add(count);
    }
}

impl ReconcileTask {
    /// Compares the bill's lines in their order, so that a repeated run finds the same differences first.
    pub(crate) async fn compare_lines(
        &self,
        day: Day,
        last_run: bool,
        bill: &mut BillFile,
        progress: &mut DayProgress,
    ) -> Result<(), CompareError> {
        let lines = stream::iter(bill.lines()?);
        let mut results = lines
            .map(|line| async move { self.check_line(day, line?).await })
            .buffered(CONCURRENT_WRITES)
            .boxed();
        let (mut missing_payments, mut missing_refunds) = (Vec::new(), Vec::new());
        while let Some(result) = results.try_next().await? {
            for difference in result.differences {
                self.record_difference(progress, &difference).await?;
            }
            match result.missing_payment {
                Some(line) if missing_payments.len() < MAX_QUERIES => missing_payments.push(line),
                // The next run queries them, if there is one today.
                Some(_) if !last_run => progress.unresolved = progress.unresolved.saturating_add(1),
                Some(line) => {
                    self.record_difference(
                        progress,
                        &describe::payment_missing_here(day, &line, PaymentRecovery::Failed),
                    )
                    .await?;
                }
                None => {}
            }
            match result.missing_refund {
                Some(line) if missing_refunds.len() < MAX_QUERIES => missing_refunds.push(line),
                Some(_) => progress.unresolved = progress.unresolved.saturating_add(1),
                None => {}
            }
        }
        drop(results);
        self.recover_payments(day, last_run, missing_payments, progress).await?;
        // After the payments, because a refund can be of a payment that was missing until now.
        self.recover_refunds(day, missing_refunds, progress).await
    }

    /// Queries WeChat Pay for the payments. A query may take seconds, so this is done after the comparison of the lines.
    async fn recover_payments(
        &self,
        day: Day,
        last_run: bool,
        missing: Vec<PaymentLine>,
        progress: &mut DayProgress,
    ) -> Result<(), CompareError> {
        let recover = |line: PaymentLine| async move {
            let recovery = self.recover_payment(day, &line).await?;
            Ok::<_, CompareError>((line, recovery))
        };
        let mut recoveries = stream::iter(missing).map(recover).buffered(CONCURRENT_QUERIES).boxed();
        while let Some((line, recovery)) = recoveries.try_next().await? {
            if recovery == PaymentRecovery::Failed && !last_run {
                progress.unresolved = progress.unresolved.saturating_add(1);
                continue;
            }
            progress.recovered = progress.recovered.saturating_add(recovery.is_recorded().into());
            self.record_difference(progress, &describe::payment_missing_here(day, &line, recovery)).await?;
        }
        Ok(())
    }

    /// Queries WeChat Pay for the refunds.
    async fn recover_refunds(
        &self,
        day: Day,
        missing: Vec<RefundLine>,
        progress: &mut DayProgress,
    ) -> Result<(), CompareError> {
        let recover = |line: RefundLine| async move {
            let recovery = self.recover_refund(day, &line).await?;
            Ok::<_, CompareError>((line, recovery))
        };
        let mut recoveries = stream::iter(missing).map(recover).buffered(CONCURRENT_QUERIES).boxed();
        while let Some((line, recovery)) = recoveries.try_next().await? {
            if recovery == RefundRecovery::Failed {
                progress.unresolved = progress.unresolved.saturating_add(1);
                continue;
            }
            progress.recovered =
                progress.recovered.saturating_add((recovery == RefundRecovery::Recorded).into());
            self.record_difference(progress, &describe::refund_missing_here(day, &line, recovery)).await?;
        }
        Ok(())
    }

    /// Whether our tables have a payment or refund of the day that no bill has confirmed.
    pub(crate) async fn is_something_unbilled(&self, day: Day) -> Result<bool, StoreError> {
        let mut place = Some(UnbilledCursor::default());
        while let Some(at) = place {
            // Both indexes have the same shards, and a page without a number is the last one of its shard.
            let payments = self.bills.unbilled_payments(day, &at).await?;
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
        progress: &mut DayProgress,
    ) -> Result<(), CompareError> {
        self.find_payments_missing_there(day, progress).await?;
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
        progress: &mut DayProgress,
    ) -> Result<(), CompareError> {
        let mut place = Some(UnbilledCursor::default());
        while let Some(at) = place {
            let UnbilledPage { numbers, next } = self.bills.unbilled_payments(day, &at).await?;
            place = next;
            if progress.is_full() {
                progress.count_unlisted(numbers.len());
                continue;
            }
            let mut rows = stream::iter(numbers)
                .map(|number| async move { self.bills.unbilled_payment(&number).await })
                .buffered(CONCURRENT_WRITES)
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
                .buffered(CONCURRENT_WRITES)
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

    async fn check_line(&self, day: Day, line: BillLine) -> Result<LineResult, CompareError> {
        match line {
            BillLine::Payment(line) => self.check_payment(day, line).await,
            BillLine::Refund(line) => self.check_refund(day, line).await,
            BillLine::UnknownState(line) => {
                self.bills.mark_payment_billed(day, &line.transaction_id).await?;
                let differences = vec![describe::payment_state_unknown(day, &line)];
                Ok(LineResult { differences, ..LineResult::default() })
            }
        }
    }

    async fn check_payment(&self, day: Day, line: PaymentLine) -> Result<LineResult, CompareError> {
        let mut result = LineResult::default();
        if let Some(expected) = classify::check_payment_fee(&line, self.rate) {
            result.differences.push(describe::payment_fee_differs(day, &line, &expected));
        }
        match self.bills.confirm_payment(day, &line).await? {
            ConfirmOutcome::Agrees => {}
            ConfirmOutcome::Differs(row) => {
                let kind = classify::payment_difference(&line, &row);
                result.differences.push(describe::payment_differs(day, kind, &line, &row));
                self.bills.mark_payment_billed(day, &line.transaction_id).await?;
            }
            ConfirmOutcome::Unknown if OutTradeNo::parse(&line.out_trade_no).is_ok() => {
                result.missing_payment = Some(line)
            }
            ConfirmOutcome::Unknown => {
                result.differences.push(describe::payment_missing_here(
                    day,
                    &line,
                    PaymentRecovery::ForeignNumber,
                ));
            }
        }
        Ok(result)
    }

    async fn check_refund(&self, day: Day, line: RefundLine) -> Result<LineResult, CompareError> {
        let mut result = LineResult::default();
        if let Some(expected) = classify::check_refund_fee(&line, self.rate) {
            result.differences.push(describe::refund_fee_differs(day, &line, &expected));
        }
        let confirmed = match OutRefundNo::parse(&line.out_refund_no) {
            Ok(number) => Some((self.bills.confirm_refund(day, &number, &line).await?, number)),
            // A malformed number is no key of our table.
            Err(_) => None,
        };
        match confirmed {
            Some((ConfirmOutcome::Agrees, _)) => {}
            Some((ConfirmOutcome::Differs(row), number)) => {
                if let Some(kind) = classify::refund_difference(day, &line, &row) {
                    result.differences.push(describe::refund_differs(day, kind, &line, &row));
                }
                self.bills.mark_refund_billed(day, &number).await?;
            }
            Some((ConfirmOutcome::Unknown, _)) | None => result.missing_refund = Some(line),
        }
        Ok(result)
    }

    async fn record_difference(
        &self,
        progress: &mut DayProgress,
        difference: &Difference,
    ) -> Result<(), StoreError> {
        progress.differences.count(difference.kind);
        if progress.is_full() {
            progress.unlisted = progress.unlisted.saturating_add(1);
            return Ok(());
        }
        progress.listed = progress.listed.saturating_add(1);
        let is_new = self.bills.open_case(difference).await?;
        progress.new_cases = progress.new_cases.saturating_add(is_new.into());
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

/// Reads and writes of DynamoDB at the same time.
const CONCURRENT_WRITES: usize = 16;
/// Queries to WeChat Pay that one run makes about a day's payments, and as many about its refunds.
const MAX_QUERIES: usize = 200;
const CONCURRENT_QUERIES: usize = 4;
/// Cases that one run opens for a day, or finds open.
const MAX_CASES: u64 = 1000;
