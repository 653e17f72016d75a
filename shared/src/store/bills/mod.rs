//! `BILLS_TABLE`: the state of each day's reconciliation, a row for each day; and the two tables that a bill is compared with.
//!
//! Key `bill_date`. A payment stands in the bill of its day, so payments are only read: the rows of the day that the bill lacks are those
//! whose numbers no line has. A refund can stand in the bill of one of three days, so one that was found says so in its own row
//! (`billed_on`) and leaves the index `by_unbilled`, and the rows that are left are those that no bill has. Every write can be repeated,
//! and so can a run.

mod compare;
mod confirm;
mod difference;
mod frozen;
mod unbilled;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use serde::{Deserialize, Serialize};

use super::{StoreError, item};
use crate::{
    host::{Host, HostError, dynamodb::Client},
    pay::BillTotals,
    types::{Day, UnixSeconds, Yuan},
};

pub use compare::CompareOutcome;
pub use difference::{Difference, DifferenceCounts, DifferenceKind};
pub use frozen::FrozenMoney;
pub use unbilled::{UnbilledCursor, UnbilledPage};

/// The state of a day's reconciliation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BillState {
    /// Every line was compared with our tables.
    Reconciled,
    /// WeChat Pay has no bill, because nothing happened that day.
    NoBill,
    /// WeChat Pay has not made the bill yet.
    NotReady,
    /// The bill could not be downloaded or read.
    Failed,
}

impl BillState {
    /// The name that is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reconciled => "RECONCILED",
            Self::NoBill => "NO_BILL",
            Self::NotReady => "NOT_READY",
            Self::Failed => "FAILED",
        }
    }

    /// Whether the day is done. Only an operator starts it again then.
    #[must_use]
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Reconciled | Self::NoBill)
    }
}

/// A day's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillRecord {
    /// The day of the bill, which is the key.
    pub bill_date: Day,
    /// The state of the reconciliation.
    pub state: BillState,
    /// When the run ended.
    pub finished_at: UnixSeconds,
    /// The number of lines.
    pub lines: u64,
    /// The number of lines of other apps or merchants.
    pub foreign: u64,
    /// The number of those lines that can't be read.
    #[serde(default)]
    pub unreadable: u64,
    /// The number of payments.
    pub payments: u64,
    /// The sum of the payments. Fen.
    pub paid_fee: u64,
    /// The number of refunds.
    pub refunds: u64,
    /// The sum of the refunds. Fen.
    pub refunded_fee: u64,
    /// WeChat Pay's fees, in yuan.
    pub fees: Yuan,
    /// The number of payments that our tables lacked and that are recorded now.
    pub healed: u64,
    /// Differences by kind.
    pub differences: DifferenceCounts,
    /// What WeChat keeps of the day's payments, at the last run.
    #[serde(default)]
    pub frozen: FrozenMoney,
    /// Why the run failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl BillRecord {
    /// The row of a day whose bill has these totals.
    #[must_use]
    pub fn new(bill_date: Day, state: BillState, finished_at: UnixSeconds, totals: &BillTotals) -> Self {
        Self {
            bill_date,
            state,
            finished_at,
            lines: totals.lines,
            foreign: totals.foreign,
            unreadable: totals.unreadable,
            payments: totals.payments,
            paid_fee: totals.paid_fee,
            refunds: totals.refunds,
            refunded_fee: totals.refunded_fee,
            fees: totals.fees,
            healed: 0,
            differences: DifferenceCounts::default(),
            frozen: FrozenMoney::default(),
            failure: None,
        }
    }
}

/// The table of bills, with the tables of payments and refunds.
pub struct Bills {
    client: Client,
    host: Host,
    table: String,
    payments: String,
    refunds: String,
}

impl Bills {
    /// Reads `BILLS_TABLE`, `PAYMENTS_TABLE` and `REFUNDS_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            host: host.clone(),
            table: host.var("BILLS_TABLE")?.to_owned(),
            payments: host.var("PAYMENTS_TABLE")?.to_owned(),
            refunds: host.var("REFUNDS_TABLE")?.to_owned(),
        })
    }

    /// The row of the day; `None` if no run has handled the day.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn get_day(&self, day: Day) -> Result<Option<BillRecord>, StoreError> {
        item::retry_transient(&self.host, || async {
            let request = self.client.get_item().table_name(&self.table).key("bill_date", item::s(day));
            let answer = request.consistent_read(true).send().await;
            let answer = answer.map_err(|error| StoreError::from_sdk("reading a bill's day", error))?;
            answer.item.map(item::read).transpose()
        })
        .await
    }

    /// Stores the row of the day.
    ///
    /// Condition, unless `record` is settled: the stored row is not settled, so that a later run that fails does not undo it.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn store_day(&self, record: &BillRecord) -> Result<(), StoreError> {
        let row = item::write(record)?;
        item::retry_transient(&self.host, || async {
            let mut put = self.client.put_item().table_name(&self.table).set_item(Some(row.clone()));
            if !record.state.is_settled() {
                put = put
                    .condition_expression(
                        "attribute_not_exists(bill_date) OR #state = :not_ready OR #state = :failed",
                    )
                    .expression_attribute_names("#state", "state")
                    .expression_attribute_values(":not_ready", item::s(BillState::NotReady.as_str()))
                    .expression_attribute_values(":failed", item::s(BillState::Failed.as_str()));
            }
            match put.send().await {
                Ok(_) => Ok(()),
                Err(error)
                    if error
                        .as_service_error()
                        .is_some_and(PutItemError::is_conditional_check_failed_exception) =>
                {
                    Ok(())
                }
                Err(error) => Err(StoreError::from_sdk("keeping a bill's day", error)),
            }
        })
        .await
    }
}
