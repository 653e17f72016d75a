//! Describes each difference in plain English, with the values of both sides and without personal data. Pure functions.

use shared::{
    pay::{PaymentLine, RefundLine, UnknownStateLine},
    store::{Difference, DifferenceKind, PaymentRow, RefundRow},
    types::{Day, Fen, OutRefundNo, OutTradeNo, Rate, TransactionId, Yuan},
};

use crate::{
    classify::ExpectedFee,
    recover::{PaymentRecovery, RefundRecovery},
};

pub(crate) fn payment_missing_here(day: Day, line: &PaymentLine, recovery: PaymentRecovery) -> Difference {
    let PaymentLine { transaction_id, out_trade_no, total_fee, .. } = line;
    let what = format!(
        "WeChat Pay took {total_fee} fen by payment {transaction_id} of {out_trade_no}; our tables had no such \
         payment; {}",
        recovery.describe()
    );
    payment_line_difference(day, DifferenceKind::MissingHere, line, what)
}

pub(crate) fn payment_differs(
    day: Day,
    kind: DifferenceKind,
    line: &PaymentLine,
    row: &PaymentRow,
) -> Difference {
    let PaymentLine { transaction_id, out_trade_no, total_fee, currency, .. } = line;
    let what = if kind == DifferenceKind::Amount {
        format!(
            "payment {transaction_id}: the bill says {total_fee} fen {currency}, our tables say {} fen {}",
            row.total_fee, row.currency
        )
    } else if *out_trade_no == row.out_trade_no.to_string() {
        format!("payment {transaction_id} of {total_fee} fen: the bill and our tables name different payers")
    } else {
        format!(
            "payment {transaction_id} of {total_fee} fen: the bill says that it is of {out_trade_no}, our tables \
             say of {}",
            row.out_trade_no
        )
    };
    payment_line_difference(day, kind, line, what)
}

pub(crate) fn payment_missing_there(day: Day, row: &PaymentRow) -> Difference {
    let PaymentRow { transaction_id, out_trade_no, total_fee, .. } = row;
    Difference {
        day,
        kind: DifferenceKind::MissingThere,
        number: transaction_id.to_string(),
        what: format!(
            "our tables have payment {transaction_id} of {out_trade_no} over {total_fee} fen; the bill has it not"
        ),
        out_trade_no: Some(*out_trade_no),
        transaction_id: Some(transaction_id.clone()),
        out_refund_no: None,
        fee: Fen::new(*total_fee).ok(),
    }
}

pub(crate) fn payment_state_unknown(day: Day, line: &UnknownStateLine) -> Difference {
    let UnknownStateLine { transaction_id, out_trade_no, state, total_fee } = line;
    Difference {
        day,
        kind: DifferenceKind::State,
        number: transaction_id.to_string(),
        what: format!(
            "the bill calls payment {transaction_id} of {out_trade_no} over {total_fee} fen {state}, a state \
             that our tables don't have"
        ),
        out_trade_no: OutTradeNo::parse(out_trade_no).ok(),
        transaction_id: Some(transaction_id.clone()),
        out_refund_no: None,
        fee: Fen::new(*total_fee).ok(),
    }
}

pub(crate) fn refund_missing_here(day: Day, line: &RefundLine, recovery: RefundRecovery) -> Difference {
    let RefundLine { transaction_id, out_refund_no, refund_fee, state, .. } = line;
    let what = format!(
        "the bill has refund {out_refund_no} of payment {transaction_id} over {refund_fee} fen, {}; our tables \
         had no such refund; {}",
        state.as_str(),
        recovery.describe()
    );
    refund_line_difference(day, DifferenceKind::MissingHere, line, what)
}

pub(crate) fn refund_differs(
    day: Day,
    kind: DifferenceKind,
    line: &RefundLine,
    row: &RefundRow,
) -> Difference {
    let RefundLine { transaction_id, out_refund_no, refund_fee, state, .. } = line;
    let what = if kind == DifferenceKind::Amount {
        format!(
            "refund {out_refund_no}: the bill says {refund_fee} fen, our tables say {} fen",
            row.refund_fee
        )
    } else if *transaction_id == row.transaction_id {
        format!(
            "refund {out_refund_no} of {refund_fee} fen: the bill says {}, our tables say {}",
            state.as_str(),
            row.status.as_str()
        )
    } else {
        format!(
            "refund {out_refund_no} of {refund_fee} fen: the bill says that it is of payment {transaction_id}, \
             our tables say of {}",
            row.transaction_id
        )
    };
    refund_line_difference(day, kind, line, what)
}

pub(crate) fn refund_missing_there(day: Day, row: &RefundRow) -> Difference {
    let RefundRow { out_refund_no, out_trade_no, transaction_id, refund_fee, .. } = row;
    Difference {
        day,
        kind: DifferenceKind::MissingThere,
        number: out_refund_no.to_string(),
        what: format!(
            "our tables have refund {out_refund_no} of payment {transaction_id} over {refund_fee} fen as through; \
             no bill from the day of its request to the day after it was through has it"
        ),
        out_trade_no: Some(*out_trade_no),
        transaction_id: Some(transaction_id.clone()),
        out_refund_no: Some(out_refund_no.clone()),
        fee: Some(*refund_fee),
    }
}

pub(crate) fn payment_fee_differs(day: Day, line: &PaymentLine, expected: &ExpectedFee) -> Difference {
    let PaymentLine { transaction_id, fee, rate, settlement_fee, .. } = line;
    let what = format!("payment {transaction_id}: {}", describe_fee(*fee, *rate, *settlement_fee, expected));
    payment_line_difference(day, DifferenceKind::Fee, line, what)
}

pub(crate) fn refund_fee_differs(day: Day, line: &RefundLine, expected: &ExpectedFee) -> Difference {
    let RefundLine { out_refund_no, fee, rate, settlement_fee, .. } = line;
    let what = format!("refund {out_refund_no}: {}", describe_fee(*fee, *rate, *settlement_fee, expected));
    refund_line_difference(day, DifferenceKind::Fee, line, what)
}

pub(crate) fn unlisted(day: Day, count: u64) -> Difference {
    Difference {
        day,
        kind: DifferenceKind::Unlisted,
        number: "ALL".to_owned(),
        what: format!("more differences than can be listed: {count} more; the day's row counts them by kind"),
        out_trade_no: None,
        transaction_id: None,
        out_refund_no: None,
        fee: None,
    }
}

fn describe_fee(fee: Yuan, rate: Option<Rate>, fen: u64, expected: &ExpectedFee) -> String {
    let rate = rate.map_or_else(|| "an untold rate".to_owned(), |rate| rate.to_string());
    format!(
        "the bill's fee on {fen} fen is {} fen at {rate}; right are {} fen at {}",
        fee.in_fen(),
        expected.fee.in_fen(),
        expected.rate
    )
}

fn payment_line_difference(day: Day, kind: DifferenceKind, line: &PaymentLine, what: String) -> Difference {
    Difference {
        day,
        kind,
        number: line.transaction_id.to_string(),
        what,
        out_trade_no: OutTradeNo::parse(&line.out_trade_no).ok(),
        transaction_id: Some(TransactionId::clone(&line.transaction_id)),
        out_refund_no: None,
        fee: Fen::new(line.total_fee).ok(),
    }
}

fn refund_line_difference(day: Day, kind: DifferenceKind, line: &RefundLine, what: String) -> Difference {
    Difference {
        day,
        kind,
        number: line.out_refund_no.clone(),
        what,
        out_trade_no: OutTradeNo::parse(&line.out_trade_no).ok(),
        transaction_id: Some(TransactionId::clone(&line.transaction_id)),
        out_refund_no: OutRefundNo::parse(&line.out_refund_no).ok(),
        fee: Fen::new(line.refund_fee).ok(),
    }
}

#[cfg(test)]
mod tests {
    use shared::{
        order::PaymentVerdict,
        pay::{BilledRefund, RefundStatus},
        types::OpenId,
    };

    use super::*;
    use crate::{
        classify,
        tests::{day, paid_row, payment_line, refund_line, refund_row},
    };

    #[test]
    fn a_description_has_the_values_of_both_sides() {
        let less = PaymentLine { total_fee: 150, ..payment_line() };
        assert_eq!(
            payment_differs(day(), DifferenceKind::Amount, &less, &paid_row()).what,
            "payment 4200001: the bill says 150 fen CNY, our tables say 200 fen CNY"
        );
        let line = refund_line(BilledRefund::Success);
        let stuck = refund_row(RefundStatus::Abnormal);
        assert_eq!(
            refund_differs(day(), DifferenceKind::State, &line, &stuck).what,
            "refund R1 of 200 fen: the bill says SUCCESS, our tables say ABNORMAL"
        );
        let dear = PaymentLine { fee: Yuan::parse("0.02").unwrap(), ..payment_line() };
        let expected = classify::check_payment_fee(&dear, None).unwrap();
        assert_eq!(
            payment_fee_differs(day(), &dear, &expected).what,
            "payment 4200001: the bill's fee on 200 fen is 2 fen at 0.60%; right are 1 fen at 0.60%"
        );
    }

    #[test]
    fn a_missing_payment_s_description_says_what_was_done() {
        let difference = payment_missing_here(
            day(),
            &payment_line(),
            PaymentRecovery::Recorded(PaymentVerdict::PaysOrder),
        );
        assert_eq!(
            difference.what,
            "WeChat Pay took 200 fen by payment 4200001 of 01HF7YAT00000000000000000001; our tables had no such \
             payment; WeChat Pay was asked, and the payment paid its order"
        );
        assert_eq!(difference.number, "4200001");
        assert!(difference.out_trade_no.is_some() && difference.fee == Fen::new(200).ok());
    }

    #[test]
    fn a_description_never_names_the_payer() {
        let openid = OpenId::parse("o5wQws1FH2FD2uaNtxmrc1jiG4dc").unwrap();
        let line = PaymentLine { openid: Some(openid.clone()), ..payment_line() };
        for difference in [
            payment_differs(day(), DifferenceKind::State, &line, &paid_row()),
            payment_missing_here(day(), &line, PaymentRecovery::Failed),
        ] {
            assert!(!format!("{difference:?}").contains(openid.as_str()));
        }
    }
}
