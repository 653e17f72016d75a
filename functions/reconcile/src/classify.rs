//! Classifies how a line of the bill differs from the row in our tables. Pure functions.

use shared::{
    pay::{BilledRefund, PaymentLine, RefundLine, RefundStatus},
    store::{DifferenceKind, PaymentRow, RefundRow},
    types::{Day, Rate, Yuan},
};

/// The kind of difference between the bill's payment and the row, which are known to differ.
pub(crate) fn payment_difference(line: &PaymentLine, row: &PaymentRow) -> DifferenceKind {
    if line.total_fee != row.total_fee || line.currency != row.currency {
        DifferenceKind::Amount
    } else {
        DifferenceKind::State
    }
}

/// The kind of difference between the bill's refund and the row; `None` if they agree.
///
/// The bill shows the state at the end of `day`, so a refund that succeeded later agrees with `PROCESSING`.
pub(crate) fn refund_difference(day: Day, line: &RefundLine, row: &RefundRow) -> Option<DifferenceKind> {
    if line.refund_fee != row.refund_fee.get() {
        return Some(DifferenceKind::Amount);
    }
    if line.transaction_id != row.transaction_id {
        return Some(DifferenceKind::State);
    }
    let succeeded = row.status == RefundStatus::Success;
    let agrees = match line.state {
        BilledRefund::Success => succeeded,
        BilledRefund::Failed => !succeeded,
        BilledRefund::Processing => !succeeded || row.success_at.is_some_and(|at| Day::of(at) > day),
    };
    (!agrees).then_some(DifferenceKind::State)
}

/// The fee that a line should have, and at which rate.
pub(crate) struct ExpectedFee {
    /// The fee, rounded to the fen.
    pub(crate) fee: Yuan,
    /// The agreed rate (`PAY_FEE_RATE`), or the line's own rate if none is agreed.
    pub(crate) rate: Rate,
}

/// The fee that the payment should have; `None` if its fee is right.
pub(crate) fn check_payment_fee(line: &PaymentLine, agreed: Option<Rate>) -> Option<ExpectedFee> {
    check_fee(line.fee, line.rate, line.settlement_fee, agreed)
}

/// The fee that should come back with the refund; `None` if its fee is right. A refund that has not succeeded may have no fee.
pub(crate) fn check_refund_fee(line: &RefundLine, agreed: Option<Rate>) -> Option<ExpectedFee> {
    if line.state != BilledRefund::Success && line.fee == Yuan::default() {
        return None;
    }
    let expected = check_fee(line.fee.negated(), line.rate, line.settlement_fee, agreed)?;
    Some(ExpectedFee { fee: expected.fee.negated(), ..expected })
}

/// A fee is right when it is the rate's share of `fen`, rounded half up to the fen or to the last decimal, and the line's rate is
/// the agreed one.
fn check_fee(fee: Yuan, rate: Option<Rate>, fen: u64, agreed: Option<Rate>) -> Option<ExpectedFee> {
    let expected_rate = agreed.or(rate)?;
    // A bill's amounts are far below the limit at which this fails.
    let expected = expected_rate.of(fen).ok()?;
    let is_right = fee == expected || expected_rate.is_exactly(fee, fen);
    let is_agreed = rate.is_none_or(|rate| rate == expected_rate);
    (!is_right || !is_agreed).then_some(ExpectedFee { fee: expected, rate: expected_rate })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{day, paid_row, payment_line, refund_line, refund_row};

    #[test]
    fn another_amount_or_currency_is_amount_and_another_attempt_is_state() {
        let (row, same) = (paid_row(), payment_line());
        assert_eq!(
            payment_difference(&PaymentLine { total_fee: 199, ..same.clone() }, &row),
            DifferenceKind::Amount
        );
        let dollars = PaymentLine { currency: "USD".to_owned(), ..same.clone() };
        assert_eq!(payment_difference(&dollars, &row), DifferenceKind::Amount);
        let other = PaymentLine { out_trade_no: "another".to_owned(), ..same };
        assert_eq!(payment_difference(&other, &row), DifferenceKind::State);
    }

    #[test]
    fn a_refund_must_have_succeeded_on_both_sides_or_on_none() {
        use BilledRefund as There;
        use RefundStatus as Here;
        let difference = |there, here| refund_difference(day(), &refund_line(there), &refund_row(here));
        for here in Here::ALL {
            let through = here == Here::Success;
            assert_eq!(difference(There::Success, here).is_none(), through, "{here:?}");
            assert_eq!(difference(There::Failed, here).is_none(), !through, "{here:?}");
            assert_eq!(difference(There::Processing, here).is_none(), !through, "{here:?}");
        }
        let less = RefundLine { refund_fee: 199, ..refund_line(There::Success) };
        assert_eq!(refund_difference(day(), &less, &refund_row(Here::Success)), Some(DifferenceKind::Amount));
    }

    #[test]
    fn a_refund_that_succeeded_after_the_bill_s_day_is_no_difference() {
        let line = refund_line(BilledRefund::Processing);
        let through = |at| RefundRow { success_at: Some(at), ..refund_row(RefundStatus::Success) };
        let midnight = day().after(1).begins();
        assert_eq!(refund_difference(day(), &line, &through(midnight)), None);
        let before = midnight.minus(std::time::Duration::from_secs(1));
        assert_eq!(refund_difference(day(), &line, &through(before)), Some(DifferenceKind::State));
    }

    #[test]
    fn a_fee_is_the_rate_s_share_rounded_half_up() {
        let line = |fee: &str| PaymentLine { fee: Yuan::parse(fee).unwrap(), ..payment_line() };
        for right in ["0.01", "0.01200"] {
            assert!(check_payment_fee(&line(right), None).is_none(), "{right}");
        }
        for wrong in ["0.02", "0.00", "-0.01", "0.011"] {
            assert_eq!(check_payment_fee(&line(wrong), None).unwrap().fee.in_fen(), "1", "{wrong}");
        }
        let back =
            |fee: &str| RefundLine { fee: Yuan::parse(fee).unwrap(), ..refund_line(BilledRefund::Success) };
        assert!(check_refund_fee(&back("-0.01"), None).is_none());
        assert_eq!(check_refund_fee(&back("0.01"), None).unwrap().fee.in_fen(), "-1");
        assert_eq!(check_refund_fee(&back("0.00"), None).unwrap().fee.in_fen(), "-1");
        let waiting = RefundLine { state: BilledRefund::Processing, ..back("0.00") };
        assert!(check_refund_fee(&waiting, None).is_none());
    }

    #[test]
    fn another_rate_than_agreed_is_a_difference_even_with_the_same_fee() {
        let agreed = |text: &str| Rate::parse(text).ok();
        assert!(check_payment_fee(&payment_line(), agreed("0.60%")).is_none());
        // 0.54% of 200 fen is a fen, too.
        assert_eq!(check_payment_fee(&payment_line(), agreed("0.54%")).unwrap().rate.to_string(), "0.54%");
        let without_rate = PaymentLine { rate: None, ..payment_line() };
        assert!(check_payment_fee(&without_rate, None).is_none(), "nothing to compare with");
        assert!(check_payment_fee(&without_rate, agreed("0.60%")).is_none());
        assert!(check_payment_fee(&without_rate, agreed("2.00%")).is_some());
    }
}
