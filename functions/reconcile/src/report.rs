//! What a run says of itself.

use serde::{Serialize, Serializer};
use shared::{
    store::{BillRecord, BillState, DifferenceCounts},
    types::Day,
};

/// What became of each day that a run looked at.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReconcileReport {
    /// The newest first. A day that is settled is not looked at again.
    pub days: Vec<DayReport>,
}

/// What became of a day.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DayReport {
    /// The day.
    pub bill_date: Day,
    /// What became of its bill.
    pub state: BillState,
    /// Lines, ours and others'.
    pub lines: u64,
    /// Lines of another app or merchant.
    pub foreign: u64,
    /// Those of them that are not in their form.
    pub unreadable: u64,
    /// Payments.
    pub payments: u64,
    /// What was paid. Fen.
    pub paid_fee: u64,
    /// Refunds.
    pub refunds: u64,
    /// What was asked back. Fen.
    pub refunded_fee: u64,
    /// Payments that our books lacked and now have.
    pub healed: u64,
    /// Differences by kind.
    #[serde(serialize_with = "counts")]
    pub differences: DifferenceCounts,
    /// Cases that were opened now; the others were known.
    pub new_cases: u64,
}

impl DayReport {
    /// A day that WeChat Pay was not asked about.
    pub(crate) fn not_due(bill_date: Day) -> Self {
        Self {
            bill_date,
            state: BillState::NotReady,
            lines: 0,
            foreign: 0,
            unreadable: 0,
            payments: 0,
            paid_fee: 0,
            refunds: 0,
            refunded_fee: 0,
            healed: 0,
            differences: DifferenceCounts::default(),
            new_cases: 0,
        }
    }

    pub(crate) fn of(record: &BillRecord, new_cases: u64) -> Self {
        Self {
            bill_date: record.bill_date,
            state: record.state,
            lines: record.lines,
            foreign: record.foreign,
            unreadable: record.unreadable,
            payments: record.payments,
            paid_fee: record.paid_fee,
            refunds: record.refunds,
            refunded_fee: record.refunded_fee,
            healed: record.healed,
            differences: record.differences,
            new_cases,
        }
    }
}

/// The table's row has the names of tables, the report those of JSON.
fn counts<S: Serializer>(counts: &DifferenceCounts, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Counts {
        missing_here: u64,
        missing_there: u64,
        amount: u64,
        state: u64,
        fee: u64,
    }
    let DifferenceCounts { missing_here, missing_there, amount, state, fee } = *counts;
    Counts { missing_here, missing_there, amount, state, fee }.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use shared::pay::BillTotals;

    use super::*;

    #[test]
    fn a_report_is_json_in_camel_case() {
        let day = Day::parse("20260823").unwrap();
        let now = day.begins();
        let mut record = BillRecord::new(day, BillState::Reconciled, now, &BillTotals::default());
        record.differences.missing_here = 2;
        let report = ReconcileReport { days: vec![DayReport::of(&record, 1)] };
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            r#"{"days":[{"billDate":"20260823","state":"RECONCILED","lines":0,"foreign":0,"unreadable":0,"payments":0,"paidFee":0,"refunds":0,"refundedFee":0,"healed":0,"differences":{"missingHere":2,"missingThere":0,"amount":0,"state":0,"fee":0},"newCases":1}]}"#
        );
    }
}
