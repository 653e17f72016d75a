//! The report of a run.

use serde::{Serialize, Serializer};
use shared::{
    store::{BillRecord, BillState, DifferenceCounts, FrozenMoney},
    types::Day,
};

/// The report of a run: what came of each day.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReconcileReport {
    /// The newest first. A settled day is not reconciled again, so it is absent.
    pub days: Vec<DayReport>,
    /// What WeChat keeps of all payments, because their orders are not shipped or not received yet. Each day's part stands in the day's
    /// row.
    pub frozen: FrozenMoney,
}

/// What came of reconciling a day.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DayReport {
    /// The day.
    pub bill_date: Day,
    /// The state of the day's reconciliation.
    pub state: BillState,
    /// Lines of the bill, including those of other apps and merchants.
    pub lines: u64,
    /// Lines of another app or merchant.
    pub foreign: u64,
    /// Lines of another app or merchant whose format differs. They are part of `foreign`.
    pub unreadable: u64,
    /// Payments of this app.
    pub payments: u64,
    /// The sum of the payments, in fen.
    pub paid_fee: u64,
    /// Refunds of this app.
    pub refunds: u64,
    /// The sum of the refunds that were requested, in fen.
    pub refunded_fee: u64,
    /// Payments and refunds that our tables lacked and that are recorded now.
    pub healed: u64,
    /// Differences by kind.
    #[serde(serialize_with = "counts")]
    pub differences: DifferenceCounts,
    /// Cases that this run opened. The other differences have a case of an earlier run.
    pub new_cases: u64,
}

impl DayReport {
    /// The report of a day whose bill WeChat Pay can't have yet, so that it was not asked for.
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

    pub(crate) fn new(record: &BillRecord, new_cases: u64) -> Self {
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

/// Serializes the counts with names in camelCase, which the table's row does not have.
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
        let days = vec![DayReport::new(&record, 1)];
        let report = ReconcileReport { days, frozen: FrozenMoney { orders: 1, fee: 200 } };
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            r#"{"days":[{"billDate":"20260823","state":"RECONCILED","lines":0,"foreign":0,"unreadable":0,"payments":0,"paidFee":0,"refunds":0,"refundedFee":0,"healed":0,"differences":{"missingHere":2,"missingThere":0,"amount":0,"state":0,"fee":0},"newCases":1}],"frozen":{"orders":1,"fee":200}}"#
        );
    }
}
