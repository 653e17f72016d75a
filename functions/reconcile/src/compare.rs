//! Compares the lines of a day's bill with our tables.

use futures_util::{StreamExt, TryStreamExt, stream};
use shared::{
    pay::{BillError, BillFile, BillLine, PayError, PaymentLine, RefundLine},
    store::{CompareOutcome, Difference, DifferenceCounts, PaymentRow, StoreError},
    types::{Day, OutRefundNo, OutTradeNo},
};

use crate::{
    ReconcileTask,
    billed::{BilledNumbers, BilledPayments},
    classify, describe,
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
    pub(crate) unlisted: u64,
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
    pub(crate) fn is_full(&self) -> bool {
        self.listed >= MAX_CASES
    }

    /// Counts rows of the index for which the list of cases has no room. The rows are not read, because that would take longer than
    /// a run may last.
    pub(crate) fn count_unlisted(&mut self, missing_there: usize) {
        let count = u64::try_from(missing_there).unwrap_or(u64::MAX);
        self.differences.missing_there = self.differences.missing_there.saturating_add(count);
        self.unlisted = self.unlisted.saturating_add(count);
    }
}

impl ReconcileTask {
    /// Compares the bill's lines in one order, so that a repeated run finds the same differences first. Returns the payments that it has.
    pub(crate) async fn compare_lines(
        &self,
        day: Day,
        last_run: bool,
        bill: &mut BillFile,
        progress: &mut DayProgress,
    ) -> Result<BilledPayments, CompareError> {
        let mut numbers = BilledNumbers::with_room(bill.totals().payments);
        let lines = bill.lines()?.inspect(|line| numbers.add(line));
        let mut results = stream::iter(lines)
            .chunks(LINES_AT_ONCE)
            .map(|lines| self.check_lines(day, lines))
            .buffered(CONCURRENT_READS)
            .map_ok(|results| stream::iter(results).map(Ok::<_, CompareError>))
            .try_flatten()
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
        self.recover_refunds(day, missing_refunds, progress).await?;
        Ok(numbers.sort())
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
            let recovery = self.recover_payment(&line).await;
            (line, recovery)
        };
        let mut recoveries = stream::iter(missing).map(recover).buffered(CONCURRENT_QUERIES).boxed();
        while let Some((line, recovery)) = recoveries.next().await {
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

    /// Compares lines that follow one another in the bill: the payments first, with few requests for all of them.
    async fn check_lines(
        &self,
        day: Day,
        lines: Vec<Result<BillLine, BillError>>,
    ) -> Result<Vec<LineResult>, CompareError> {
        let (mut payments, mut refunds, mut results) = (Vec::new(), Vec::new(), Vec::new());
        for line in lines {
            match line? {
                BillLine::Payment(line) => payments.push(line),
                BillLine::Refund(line) => refunds.push(line),
                BillLine::UnknownState(line) => {
                    let differences = vec![describe::payment_state_unknown(day, &line)];
                    results.push(LineResult { differences, ..LineResult::default() });
                }
            }
        }
        for (line, outcome) in self.bills.compare_payments(payments).await? {
            results.push(self.check_payment(day, line, outcome));
        }
        let checks = stream::iter(refunds).map(|line| self.check_refund(day, line));
        results.extend(checks.buffered(CONCURRENT_REFUNDS).try_collect::<Vec<_>>().await?);
        Ok(results)
    }

    fn check_payment(&self, day: Day, line: PaymentLine, outcome: CompareOutcome<PaymentRow>) -> LineResult {
        let mut result = LineResult::default();
        if let Some(expected) = classify::check_payment_fee(&line, self.rate) {
            result.differences.push(describe::payment_fee_differs(day, &line, &expected));
        }
        match outcome {
            CompareOutcome::Agrees => {}
            CompareOutcome::Differs(row) => {
                let kind = classify::payment_difference(&line, &row);
                result.differences.push(describe::payment_differs(day, kind, &line, &row));
            }
            CompareOutcome::Unknown if OutTradeNo::parse(&line.out_trade_no).is_ok() => {
                result.missing_payment = Some(line)
            }
            CompareOutcome::Unknown => {
                result.differences.push(describe::payment_missing_here(
                    day,
                    &line,
                    PaymentRecovery::ForeignNumber,
                ));
            }
        }
        result
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
            Some((CompareOutcome::Agrees, _)) => {}
            Some((CompareOutcome::Differs(row), number)) => {
                if let Some(kind) = classify::refund_difference(day, &line, &row) {
                    result.differences.push(describe::refund_differs(day, kind, &line, &row));
                }
                self.bills.mark_refund_billed(day, &number).await?;
            }
            Some((CompareOutcome::Unknown, _)) | None => result.missing_refund = Some(line),
        }
        Ok(result)
    }

    pub(crate) async fn record_difference(
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

/// Lines that are compared together: as many as one request to DynamoDB reads rows.
const LINES_AT_ONCE: usize = 100;
/// Such requests at the same time. With answers after 5 ms they are more than the processor of a function with 512 MB keeps up with.
const CONCURRENT_READS: usize = 8;
/// Refunds that are confirmed at the same time, for each of those requests.
const CONCURRENT_REFUNDS: usize = 8;
/// Queries to WeChat Pay that one run makes about a day's payments, and as many about its refunds.
const MAX_QUERIES: usize = 200;
const CONCURRENT_QUERIES: usize = 4;
/// Cases that one run opens for a day, or finds open.
const MAX_CASES: u64 = 1000;
