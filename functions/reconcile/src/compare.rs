//! Going through a day: the bill's lines first, then what the bill lacks.

use futures_util::{StreamExt, TryStreamExt, stream};
use shared::{
    pay::{BillError, BillFile, BillLine, PayError, PaymentLine, RefundLine, Trade},
    store::{
        BillState, Confirmed, Difference, DifferenceCounts, Settled, StoreError, Unbilled, UnbilledPlace,
    },
    telemetry,
    types::{Day, OutRefundNo, OutTradeNo},
};

use crate::{
    ReconcileTask,
    console::Adoption,
    judge,
    words::{self, Healing},
};

/// A day can't be gone through to its end. What was confirmed stays so; the day is gone through again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompareError {
    #[error(transparent)]
    Pay(#[from] PayError),
    #[error(transparent)]
    Bill(#[from] BillError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a day came to so far.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) differences: DifferenceCounts,
    pub(crate) new_cases: u64,
    pub(crate) healed: u64,
    /// Payments that are unknown here, and WeChat Pay could not be asked about.
    pub(crate) unasked: u64,
    listed: u64,
    unlisted: u64,
}

/// What came of a line.
#[derive(Default)]
struct Checked {
    differences: Vec<Difference>,
    /// Unknown here, and of an attempt of ours.
    lost: Option<PaymentLine>,
    /// Likewise a refund.
    lost_refund: Option<RefundLine>,
}

impl Tally {
    /// A broken bill must not flood the table.
    fn is_full(&self) -> bool {
        self.listed >= LISTED
    }

    /// Counts what a full list has no room for, as the index has it: reading each row would take longer than a run may.
    fn pass_over(&mut self, missing_there: usize) {
        let count = u64::try_from(missing_there).unwrap_or(u64::MAX);
        self.differences.missing_there = self.differences.missing_there.saturating_add(count);
        self.unlisted = self.unlisted.saturating_add(count);
    }
}

impl ReconcileTask {
    /// Goes through the bill's lines, in their order, so that a repetition comes upon the same differences first.
    pub(crate) async fn compare(
        &self,
        day: Day,
        last_run: bool,
        bill: &mut BillFile,
        tally: &mut Tally,
    ) -> Result<(), CompareError> {
        let lines = stream::iter(bill.lines()?);
        let mut checked =
            lines.map(|line| async move { self.check(day, line?).await }).buffered(AT_ONCE).boxed();
        let (mut lost, mut lost_refunds) = (Vec::new(), Vec::new());
        while let Some(checked) = checked.try_next().await? {
            for difference in checked.differences {
                self.note(tally, &difference).await?;
            }
            match checked.lost {
                Some(line) if lost.len() < ASKED => lost.push(line),
                // The next run asks about them, if there is one.
                Some(_) if !last_run => tally.unasked = tally.unasked.saturating_add(1),
                Some(line) => {
                    self.note(tally, &words::payment_missing_here(day, &line, Healing::Failed)).await?;
                }
                None => {}
            }
            match checked.lost_refund {
                Some(line) if lost_refunds.len() < ASKED => lost_refunds.push(line),
                Some(_) => tally.unasked = tally.unasked.saturating_add(1),
                None => {}
            }
        }
        drop(checked);
        // Each may take seconds: not while lines wait for their answers.
        let healing = |line: PaymentLine| async move {
            let healing = self.heal(day, &line).await?;
            Ok::<_, CompareError>((line, healing))
        };
        let mut healed = stream::iter(lost).map(healing).buffered(ASKED_AT_ONCE).boxed();
        while let Some((line, healing)) = healed.try_next().await? {
            if healing == Healing::Failed && !last_run {
                tally.unasked = tally.unasked.saturating_add(1);
                continue;
            }
            tally.healed = tally.healed.saturating_add(healing.is_recorded().into());
            self.note(tally, &words::payment_missing_here(day, &line, healing)).await?;
        }
        drop(healed);
        // After the payments, because a refund can be of one that was unknown until now.
        let adopting = |line: RefundLine| async move {
            let adoption = self.adopt(day, &line).await?;
            Ok::<_, CompareError>((line, adoption))
        };
        let mut adopted = stream::iter(lost_refunds).map(adopting).buffered(ASKED_AT_ONCE).boxed();
        while let Some((line, adoption)) = adopted.try_next().await? {
            if adoption == Adoption::Failed {
                tally.unasked = tally.unasked.saturating_add(1);
                continue;
            }
            tally.healed = tally.healed.saturating_add((adoption == Adoption::Adopted).into());
            self.note(tally, &words::refund_missing_here(day, &line, adoption)).await?;
        }
        Ok(())
    }

    /// Whether our books have something of the day that no bill has confirmed.
    pub(crate) async fn is_something_unbilled(&self, day: Day) -> Result<bool, StoreError> {
        let mut place = Some(UnbilledPlace::default());
        while let Some(at) = place {
            // Both tables have the same parts, and a page without a number is the last one of its part.
            let payments = self.bills.unbilled_payments(day, &at).await?;
            let refunds = self.bills.unbilled_refunds(day, &at).await?;
            if !payments.numbers.is_empty() || !refunds.numbers.is_empty() {
                return Ok(true);
            }
            place = payments.next;
        }
        Ok(false)
    }

    /// Opens cases for what the day's bill lacks; for refunds, once the bill of the next day was gone through as well: a refund
    /// may stand in the bill of the day on which it was asked for, or on which it came through.
    pub(crate) async fn find_missing_there(&self, day: Day, tally: &mut Tally) -> Result<(), CompareError> {
        let mut place = Some(UnbilledPlace::default());
        while let Some(at) = place {
            let Unbilled { numbers, next } = self.bills.unbilled_payments(day, &at).await?;
            place = next;
            if tally.is_full() {
                tally.pass_over(numbers.len());
                continue;
            }
            let mut rows = stream::iter(numbers)
                .map(|number| async move { self.bills.unbilled_payment(&number).await })
                .buffered(AT_ONCE)
                .boxed();
            while let Some(row) = rows.try_next().await? {
                if let Some(row) = row {
                    self.note(tally, &words::payment_missing_there(day, &row)).await?;
                }
            }
        }
        if self.is_settled(day.before(1)).await? {
            self.find_refunds_missing_there(day.before(1), tally).await?;
        }
        if self.is_settled(day.after(1)).await? {
            self.find_refunds_missing_there(day, tally).await?;
        }
        Ok(())
    }

    /// Says once for all that there are more differences than were listed.
    pub(crate) async fn close_list(&self, day: Day, tally: &mut Tally) -> Result<(), CompareError> {
        if tally.unlisted > 0 {
            let is_new = self.bills.open(&words::unlisted(day, tally.unlisted)).await?;
            tally.new_cases = tally.new_cases.saturating_add(is_new.into());
        }
        Ok(())
    }

    async fn find_refunds_missing_there(&self, day: Day, tally: &mut Tally) -> Result<(), CompareError> {
        let mut place = Some(UnbilledPlace::default());
        while let Some(at) = place {
            let Unbilled { numbers, next } = self.bills.unbilled_refunds(day, &at).await?;
            place = next;
            if tally.is_full() {
                tally.pass_over(numbers.len());
                continue;
            }
            let mut rows = stream::iter(numbers)
                .map(|number| async move { self.bills.unbilled_refund(&number).await })
                .buffered(AT_ONCE)
                .boxed();
            while let Some(row) = rows.try_next().await? {
                if let Some(row) = row {
                    self.note(tally, &words::refund_missing_there(day, &row)).await?;
                }
            }
        }
        Ok(())
    }

    async fn is_settled(&self, day: Day) -> Result<bool, StoreError> {
        Ok(self.bills.of_day(day).await?.is_some_and(|record| BillState::is_settled(record.state)))
    }

    async fn check(&self, day: Day, line: BillLine) -> Result<Checked, CompareError> {
        match line {
            BillLine::Payment(line) => self.check_payment(day, line).await,
            BillLine::Refund(line) => self.check_refund(day, line).await,
            BillLine::Strange(line) => {
                self.bills.found_payment(day, &line.transaction_id).await?;
                let differences = vec![words::payment_is_strange(day, &line)];
                Ok(Checked { differences, ..Checked::default() })
            }
        }
    }

    async fn check_payment(&self, day: Day, line: PaymentLine) -> Result<Checked, CompareError> {
        let mut checked = Checked::default();
        if let Some(right) = judge::fee_of_payment(&line, self.rate) {
            checked.differences.push(words::fee_of_payment(day, &line, &right));
        }
        match self.bills.confirm_payment(day, &line).await? {
            Confirmed::Agrees => {}
            Confirmed::Differs(row) => {
                let kind = judge::payment(&line, &row);
                checked.differences.push(words::payment_differs(day, kind, &line, &row));
                self.bills.found_payment(day, &line.transaction_id).await?;
            }
            Confirmed::Unknown if OutTradeNo::parse(&line.out_trade_no).is_ok() => checked.lost = Some(line),
            Confirmed::Unknown => {
                checked.differences.push(words::payment_missing_here(day, &line, Healing::NotOurs));
            }
        }
        Ok(checked)
    }

    async fn check_refund(&self, day: Day, line: RefundLine) -> Result<Checked, CompareError> {
        let mut checked = Checked::default();
        if let Some(right) = judge::fee_of_refund(&line, self.rate) {
            checked.differences.push(words::fee_of_refund(day, &line, &right));
        }
        let confirmed = match OutRefundNo::parse(&line.out_refund_no) {
            Ok(number) => Some((self.bills.confirm_refund(day, &number, &line).await?, number)),
            // No key of ours can look like that.
            Err(_) => None,
        };
        match confirmed {
            Some((Confirmed::Agrees, _)) => {}
            Some((Confirmed::Differs(row), number)) => {
                if let Some(kind) = judge::refund(day, &line, &row) {
                    checked.differences.push(words::refund_differs(day, kind, &line, &row));
                }
                self.bills.found_refund(day, &number).await?;
            }
            Some((Confirmed::Unknown, _)) | None => checked.lost_refund = Some(line),
        }
        Ok(checked)
    }

    /// Asks WeChat Pay about a payment that our books lack, and records it.
    ///
    /// A run that is killed after this and before the difference is noted leaves only the log's line of it: the books are
    /// right by then.
    async fn heal(&self, day: Day, line: &PaymentLine) -> Result<Healing, CompareError> {
        telemetry::attention("bill-missing-here", &line.transaction_id);
        let Ok(out_trade_no) = OutTradeNo::parse(&line.out_trade_no) else { return Ok(Healing::NotOurs) };
        let payment = match self.pay.query(out_trade_no).await {
            Ok(Trade::Paid(payment)) if *payment.transaction_id() == line.transaction_id => payment,
            Ok(Trade::Paid(_)) => {
                return Ok(Healing::Denied("WeChat Pay was asked and names another payment of that number"));
            }
            Ok(Trade::Refunded) => {
                return Ok(Healing::Denied("WeChat Pay was asked and says that it was given back since"));
            }
            Ok(Trade::Unpaid | Trade::Closed | Trade::Unknown) => {
                return Ok(Healing::Denied("WeChat Pay was asked and says that it is not paid"));
            }
            Err(error) => {
                telemetry::survived("bill-heal", &error);
                return Ok(Healing::Failed);
            }
        };
        let healing = match self.orders.settle(&payment, self.late).await {
            Ok(Settled::Recorded(verdict)) => Healing::Recorded(verdict),
            Ok(Settled::Again(_) | Settled::Returned(_)) => Healing::Known,
            Ok(Settled::NoSuchOrder) => return Ok(Healing::NoSuchOrder),
            Err(error) => {
                telemetry::survived("bill-heal", &error);
                return Ok(Healing::Failed);
            }
        };
        // It is in the bill, so it is not missing there.
        self.bills.found_payment(day, &line.transaction_id).await?;
        Ok(healing)
    }

    async fn note(&self, tally: &mut Tally, difference: &Difference) -> Result<(), StoreError> {
        tally.differences.count(difference.kind);
        if tally.is_full() {
            tally.unlisted = tally.unlisted.saturating_add(1);
            return Ok(());
        }
        tally.listed = tally.listed.saturating_add(1);
        let is_new = self.bills.open(difference).await?;
        tally.new_cases = tally.new_cases.saturating_add(is_new.into());
        Ok(())
    }
}

/// Writes under way at once.
const AT_ONCE: usize = 16;
/// Questions to WeChat Pay about one day, and at once.
const ASKED: usize = 200;
const ASKED_AT_ONCE: usize = 4;
/// Cases that one run opens of a day, or finds open.
const LISTED: u64 = 1000;
