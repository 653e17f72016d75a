//! `BILLS_TABLE`: what became of each day's bill of WeChat Pay, a day a row; and the two tables that a bill confirms.
//!
//! Key `bill_date`. That a payment or a refund was found in a bill stands in its own row (`billed_on`): it leaves the index
//! `by_unbilled` then, so that what a bill lacks is what is still listed there when all its lines were gone through. Every
//! write can be repeated, and so can a run.

mod confirm;
mod difference;
mod unbilled;

use aws_sdk_dynamodb::{Client, operation::put_item::PutItemError};
use serde::{Deserialize, Serialize};

use super::{StoreError, item};
use crate::{
    host::{Host, HostError},
    pay::BillTotals,
    types::{Day, UnixSeconds, Yuan},
};

pub use confirm::ConfirmOutcome;
pub use difference::{Difference, DifferenceCounts, DifferenceKind};
pub use unbilled::{UnbilledCursor, UnbilledPage};

/// What became of a day's bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BillState {
    /// Every line was compared with our tables.
    Reconciled,
    /// WeChat Pay has no bill, because nothing happened that day.
    NoBill,
    /// WeChat Pay has not written it yet.
    NotReady,
    /// It could not be had, or not be gone through.
    Failed,
}

impl BillState {
    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reconciled => "RECONCILED",
            Self::NoBill => "NO_BILL",
            Self::NotReady => "NOT_READY",
            Self::Failed => "FAILED",
        }
    }

    /// Whether nothing is left to do, unless an operator wants it done again.
    #[must_use]
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Reconciled | Self::NoBill)
    }
}

/// A day's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillRecord {
    /// Its key.
    pub bill_date: Day,
    /// What became of it.
    pub state: BillState,
    /// When.
    pub finished_at: UnixSeconds,
    /// Lines, ours and others'.
    pub lines: u64,
    /// Lines of another app or merchant.
    pub foreign: u64,
    /// Those of them that are not in their form.
    #[serde(default)]
    pub unreadable: u64,
    /// Payments.
    pub payments: u64,
    /// What was paid. Fen.
    pub paid_fee: u64,
    /// Refunds.
    pub refunds: u64,
    /// What was asked back. Fen.
    pub refunded_fee: u64,
    /// What WeChat Pay took for it, in yuan.
    pub fees: Yuan,
    /// Payments that were missing in our tables and are recorded now.
    pub healed: u64,
    /// Differences by kind.
    pub differences: DifferenceCounts,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl BillRecord {
    /// Of a day whose bill adds up to `totals`.
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
            failure: None,
        }
    }
}

/// The table, and the two that a bill confirms.
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

    /// What became of the day's bill so far; `None` if nobody asked for it.
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

    /// Keeps what became of the day's bill.
    ///
    /// Condition, unless the day is settled now: it was not before. A failed repetition undoes nothing.
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
