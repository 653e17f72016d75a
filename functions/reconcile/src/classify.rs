//! Whether a line of a bill and a row of our books say the same. Pure.

use shared::{
    pay::{BilledRefund, PaymentLine, RefundLine, RefundStatus},
    store::{DifferenceKind, PaidRow, RefundRow},
    types::{Day, Rate, Yuan},
};

/// How the bill's payment differs from ours; ours is known not to be the same.
pub(crate) fn payment(line: &PaymentLine, row: &PaidRow) -> DifferenceKind {
    if line.total_fee != row.total_fee || line.currency != row.currency {
        DifferenceKind::Amount
    } else {
        DifferenceKind::State
    }
}

/// How the bill's refund differs from ours, if it does.
///
/// The bill is written on the morning after `day`: a refund that came through since then is no contradiction.
pub(crate) fn refund(day: Day, line: &RefundLine, row: &RefundRow) -> Option<DifferenceKind> {
    if line.refund_fee != row.refund_fee.get() {
        return Some(DifferenceKind::Amount);
    }
    if line.transaction_id != row.transaction_id {
        return Some(DifferenceKind::State);
    }
    let is_through = row.status == RefundStatus::Success;
    let agrees = match line.state {
        BilledRefund::Success => is_through,
        BilledRefund::Failed => !is_through,
        BilledRefund::Processing => !is_through || row.success_at.is_some_and(|at| Day::of(at) > day),
    };
    (!agrees).then_some(DifferenceKind::State)
}

/// The fee that a line should have, and at which rate.
pub(crate) struct RightFee {
    /// Rounded to the fen.
    pub(crate) fee: Yuan,
    /// What was agreed, or what the line itself says.
    pub(crate) rate: Rate,
}

/// What is wrong with a payment's fee, if anything is.
pub(crate) fn fee_of_payment(line: &PaymentLine, agreed: Option<Rate>) -> Option<RightFee> {
    wrong_fee(line.fee, line.rate, line.settlement_fee, agreed)
}

/// What is wrong with the fee that comes back with a refund, if anything is. With one that is not through none need come.
pub(crate) fn fee_of_refund(line: &RefundLine, agreed: Option<Rate>) -> Option<RightFee> {
    if line.state != BilledRefund::Success && line.fee == Yuan::default() {
        return None;
    }
    let wrong = wrong_fee(line.fee.negated(), line.rate, line.settlement_fee, agreed)?;
    Some(RightFee { fee: wrong.fee.negated(), ..wrong })
}

/// A fee is right when it is the rate's share of the sum, rounded half up to the fen or to the last decimal, and the rate is
/// the agreed one.
fn wrong_fee(fee: Yuan, rate: Option<Rate>, fen: u64, agreed: Option<Rate>) -> Option<RightFee> {
    let right = agreed.or(rate)?;
    // Sums of bills are far below what can't be held.
    let expected = right.of(fen).ok()?;
    let is_right = fee == expected || right.is_exactly(fee, fen);
    let is_agreed = rate.is_none_or(|rate| rate == right);
    (!is_right || !is_agreed).then_some(RightFee { fee: expected, rate: right })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{day, paid_row, payment_line, refund_line, refund_row};

    #[test]
    fn another_sum_or_currency_is_an_amount_and_another_attempt_a_state() {
        let (row, same) = (paid_row(), payment_line());
        assert_eq!(payment(&PaymentLine { total_fee: 199, ..same.clone() }, &row), DifferenceKind::Amount);
        let dollars = PaymentLine { currency: "USD".to_owned(), ..same.clone() };
        assert_eq!(payment(&dollars, &row), DifferenceKind::Amount);
        let other = PaymentLine { out_trade_no: "another".to_owned(), ..same };
        assert_eq!(payment(&other, &row), DifferenceKind::State);
    }

    #[test]
    fn a_refund_is_through_on_both_sides_or_on_none() {
        use BilledRefund as There;
        use RefundStatus as Here;
        let judged = |there, here| refund(day(), &refund_line(there), &refund_row(here));
        for here in Here::ALL {
            let through = here == Here::Success;
            assert_eq!(judged(There::Success, here).is_none(), through, "{here:?}");
            assert_eq!(judged(There::Failed, here).is_none(), !through, "{here:?}");
            assert_eq!(judged(There::Processing, here).is_none(), !through, "{here:?}");
        }
        let less = RefundLine { refund_fee: 199, ..refund_line(There::Success) };
        assert_eq!(refund(day(), &less, &refund_row(Here::Success)), Some(DifferenceKind::Amount));
    }

    #[test]
    fn a_refund_that_came_through_after_the_bill_s_day_is_no_contradiction() {
        let line = refund_line(BilledRefund::Processing);
        let through = |at| RefundRow { success_at: Some(at), ..refund_row(RefundStatus::Success) };
        let midnight = day().after(1).begins();
        assert_eq!(refund(day(), &line, &through(midnight)), None);
        let before = midnight.minus(std::time::Duration::from_secs(1));
        assert_eq!(refund(day(), &line, &through(before)), Some(DifferenceKind::State));
    }

    #[test]
    fn a_fee_is_the_rate_s_share_rounded_half_up_with_the_sign() {
        let line = |fee: &str| PaymentLine { fee: Yuan::parse(fee).unwrap(), ..payment_line() };
        for right in ["0.01", "0.01200"] {
            assert!(fee_of_payment(&line(right), None).is_none(), "{right}");
        }
        for wrong in ["0.02", "0.00", "-0.01", "0.011"] {
            assert_eq!(fee_of_payment(&line(wrong), None).unwrap().fee.in_fen(), "1", "{wrong}");
        }
        let back =
            |fee: &str| RefundLine { fee: Yuan::parse(fee).unwrap(), ..refund_line(BilledRefund::Success) };
        assert!(fee_of_refund(&back("-0.01"), None).is_none());
        assert_eq!(fee_of_refund(&back("0.01"), None).unwrap().fee.in_fen(), "-1");
        assert_eq!(fee_of_refund(&back("0.00"), None).unwrap().fee.in_fen(), "-1");
        let waiting = RefundLine { state: BilledRefund::Processing, ..back("0.00") };
        assert!(fee_of_refund(&waiting, None).is_none());
    }

    #[test]
    fn another_rate_than_the_agreed_one_is_a_difference_even_if_the_fee_is_the_same() {
        let agreed = |text: &str| Rate::parse(text).ok();
        assert!(fee_of_payment(&payment_line(), agreed("0.60%")).is_none());
        // 0.54% of 200 fen is a fen, too.
        assert_eq!(fee_of_payment(&payment_line(), agreed("0.54%")).unwrap().rate.to_string(), "0.54%");
        let untold = PaymentLine { rate: None, ..payment_line() };
        assert!(fee_of_payment(&untold, None).is_none(), "nothing to compare with");
        assert!(fee_of_payment(&untold, agreed("0.60%")).is_none());
        assert!(fee_of_payment(&untold, agreed("2.00%")).is_some());
    }
}
