//! `COMPLAINTS_TABLE`: the complaints of buyers, a row for each: state, deadlines, and what operators did.
//!
//! Key `complaint_id`. Index `by_state` (`state`, `complained_at`) lists the complaints of a state, the oldest first.
//!
//! A row holds nothing personal: neither what the buyer wrote, nor who it is, nor a phone number. WeChat Pay keeps these, and an
//! operator who reads a complaint gets them from there. So nothing is to be erased here.

use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::put_item::PutItemError,
    types::{Put, TransactWriteItem},
};
use serde::{Deserialize, Serialize};

use super::{
    Case, StoreError, cases,
    item::{self, Item},
};
use crate::{
    crypto::{hex, sha256},
    host::{Host, HostError, dynamodb::Client},
    pay::{Complaint, ComplaintState},
    types::{ComplaintId, Fen, OperatorArn, OrderId, OutRefundNo, OutTradeNo, TransactionId, UnixSeconds},
};

/// A complaint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComplaintRow {
    /// WeChat Pay's number of the complaint, which is the key.
    pub complaint_id: ComplaintId,
    /// Its state at WeChat Pay.
    pub state: ComplaintState,
    /// When the buyer complained first.
    pub complained_at: UnixSeconds,
    /// When the buyer complained the last time, as far as we know: what both deadlines count from.
    pub waits_since: UnixSeconds,
    /// What the buyer complains of, by WeChat Pay's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem_type: Option<String>,
    /// The order, if it is one of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// The attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_trade_no: Option<OutTradeNo>,
    /// The payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<TransactionId>,
    /// The payment's amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Fen>,
    /// How much the buyer wants back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply_refund_amount: Option<Fen>,
    /// How many times the buyer has complained.
    pub times: u64,
    /// Whether all of the payment was given back.
    pub full_refunded: bool,
    /// Whether the buyer waits for an answer.
    pub user_responded: bool,
    /// Whether WeChat's own service deals with it.
    pub in_platform_service: bool,
    /// The refund that an operator has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_refund_no: Option<OutRefundNo>,
    /// The last reply, by an operator here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replied: Option<OperatorAct>,
    /// The reply that is being sent, or was sent last, by an operator here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_claim: Option<ReplyClaim>,
    /// Who has rejected the refund here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<OperatorAct>,
    /// Who has completed it here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed: Option<OperatorAct>,
    /// Who has read the payer's phone number last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_read: Option<OperatorAct>,
    /// When WeChat Pay was asked for what stands here.
    pub fetched_at: UnixSeconds,
    /// The number of writes, by which writers do not undo each other's.
    pub version: u64,
}

/// What an operator did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorAct {
    /// When.
    pub at: UnixSeconds,
    /// Who.
    pub by: OperatorArn,
}

/// A reply that is being sent. Another request with the same text waits for what comes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyClaim {
    /// When.
    pub at: UnixSeconds,
    /// SHA-256 of the text, in hexadecimal digits.
    pub digest: String,
}

impl ComplaintRow {
    /// The first reply is due a day after the complaint.
    #[must_use]
    pub fn reply_by(&self) -> UnixSeconds {
        UnixSeconds::new(self.waits_since.get().saturating_add(DAY))
    }

    /// The complaint is to be dealt with three days after it was made.
    #[must_use]
    pub fn resolve_by(&self) -> UnixSeconds {
        UnixSeconds::new(self.waits_since.get().saturating_add(3 * DAY))
    }

    /// Whether the row comes from a later answer of WeChat Pay than the one that was asked for at `fetched_at` and says that the buyer has
    /// complained `times` times. That number only grows, so it tells two answers of the same second apart.
    #[must_use]
    pub fn is_newer_than(&self, times: u64, fetched_at: UnixSeconds) -> bool {
        (self.fetched_at, self.times) > (fetched_at, times)
    }

    /// The row after WeChat Pay was asked at `fetched_at`. What operators did stays.
    #[must_use]
    pub fn merged(stored: Option<&Self>, told: &Complaint, fetched_at: UnixSeconds) -> Self {
        let again = stored.is_some_and(|row| told.times > row.times);
        let waits_since = match stored {
            Some(_) if again => fetched_at,
            Some(row) => row.waits_since,
            None => told.complained_at,
        };
        Self {
            complaint_id: told.complaint_id.clone(),
            state: told.state,
            complained_at: told.complained_at,
            waits_since,
            problem_type: told.problem_type.clone(),
            order_id: told.out_trade_no.map(OutTradeNo::order_id),
            out_trade_no: told.out_trade_no,
            transaction_id: told.transaction_id.clone(),
            amount: told.amount,
            apply_refund_amount: told.apply_refund_amount,
            // The number only grows. An answer may lack it, and is read as the first complaint then.
            times: stored.map_or(told.times, |row| row.times.max(told.times)),
            full_refunded: told.full_refunded,
            user_responded: told.user_responded,
            in_platform_service: told.in_platform_service,
            out_refund_no: stored.and_then(|row| row.out_refund_no.clone()),
            replied: stored.and_then(|row| row.replied.clone()),
            reply_claim: stored.and_then(|row| row.reply_claim.clone()),
            rejected: stored.and_then(|row| row.rejected.clone()),
            completed: stored.and_then(|row| row.completed.clone()),
            phone_read: stored.and_then(|row| row.phone_read.clone()),
            fetched_at,
            version: stored.map_or(0, |row| row.version),
        }
    }
}

/// Some of the complaints of a state.
pub struct ComplaintRowPage {
    /// The complaints, the oldest first.
    pub complaints: Vec<ComplaintRow>,
    /// The beginning of the next page, if there is one.
    pub cursor: Option<ComplaintCursor>,
}

/// A position in the list of a state's complaints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComplaintCursor {
    /// The id of the last complaint that was read.
    pub complaint_id: ComplaintId,
    /// When the buyer complained.
    pub complained_at: UnixSeconds,
}

/// The table.
pub struct Complaints {
    client: Client,
    table: String,
    host: Host,
}

impl Complaints {
    /// Reads `COMPLAINTS_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        let table = host.var("COMPLAINTS_TABLE")?.to_owned();
        Ok(Self { client: host.dynamodb()?, table, host: host.clone() })
    }

    /// The complaint as it is now; `None` if it is not known here.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn get(&self, id: &ComplaintId) -> Result<Option<ComplaintRow>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("complaint_id", item::s(id));
        let answer = get.consistent_read(true).send().await;
        let answer = answer.map_err(|error| StoreError::from_sdk("reading a complaint", error))?;
        answer.item.map(item::read).transpose()
    }

    /// Stores the row, unless somebody else has written it since it was read; whether it was stored.
    ///
    /// Condition: the stored row has the version of this one, or there is none and the version is 0.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied; then the repetition is
    /// not stored, and reading the row shows what is.
    pub async fn put(&self, row: &ComplaintRow) -> Result<bool, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(next_version(row)?))
            .condition_expression(UNCHANGED)
            .expression_attribute_values(":version", item::n(row.version));
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception) =>
            {
                item::sleep_jittered(&self.host).await;
                Ok(false)
            }
            Err(error) => Err(StoreError::from_sdk(STORING, error)),
        }
    }

    /// As [`Complaints::put`], and opens the case in the same transaction, so that no case is opened for a row that was not stored. A case with
    /// this id that is there already, open or closed, stays as it is.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. Either nothing was written, or all of it and the answer was lost.
    pub async fn put_with_case(&self, row: &ComplaintRow, case: &Case) -> Result<bool, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(next_version(row)?))
            .condition_expression(UNCHANGED)
            .expression_attribute_values(":version", item::n(row.version))
            .build()
            .map_err(|error| StoreError::new(STORING, error))?;
        let put = TransactWriteItem::builder().put(put).build();
        let parts = vec![put, cases::put_new_case(&self.host, case)?];
        match item::transact(&self.client, &self.host, STORING, parts).await? {
            None => {
                cases::count_opened(case);
                Ok(true)
            }
            // The second part is the case's.
            Some(reasons) if item::failed_condition(&reasons, 1).is_some() => self.put(row).await,
            Some(_) => {
                item::sleep_jittered(&self.host).await;
                Ok(false)
            }
        }
    }

    /// Changes the complaint; the row as it is then, or `None` if the complaint is not known here.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the change may have been made.
    pub async fn change(
        &self,
        id: &ComplaintId,
        change: impl Fn(&mut ComplaintRow),
    ) -> Result<Option<ComplaintRow>, StoreError> {
        for _ in 0..item::MAX_ATTEMPTS {
            let Some(mut row) = self.get(id).await? else { return Ok(None) };
            change(&mut row);
            if self.put(&row).await? {
                return Ok(Some(row));
            }
        }
        Err(StoreError::contended(STORING))
    }

    /// Claims the reply `content`, so that nobody else sends it now; whether it was claimed. A claim counts for a minute.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the reply may be claimed, until the minute is over.
    pub async fn claim_reply(&self, id: &ComplaintId, content: &str) -> Result<bool, StoreError> {
        let digest = hex(&sha256(content.as_bytes()));
        let now = self.host.now();
        let is_being_sent =
            |claim: &ReplyClaim| claim.digest == digest && now.since(claim.at) < CLAIM_LIFETIME;
        for _ in 0..item::MAX_ATTEMPTS {
            let Some(mut row) = self.get(id).await? else { return Ok(false) };
            if row.reply_claim.as_ref().is_some_and(is_being_sent) {
                return Ok(false);
            }
            row.reply_claim = Some(ReplyClaim { at: now, digest: digest.clone() });
            if self.put(&row).await? {
                return Ok(true);
            }
        }
        Err(StoreError::contended(STORING))
    }

    /// The complaints of `state`, the oldest first, after `cursor`.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn list(
        &self,
        state: ComplaintState,
        cursor: Option<&ComplaintCursor>,
    ) -> Result<ComplaintRowPage, StoreError> {
        let start = cursor.map(|cursor| {
            Item::from([
                ("state".to_owned(), item::s(state.as_str())),
                ("complained_at".to_owned(), item::n(cursor.complained_at.get())),
                ("complaint_id".to_owned(), item::s(&cursor.complaint_id)),
            ])
        });
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_state")
            .key_condition_expression("#state = :state")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", item::s(state.as_str()))
            .limit(PAGE)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("listing complaints", error))?;
        let more = page.last_evaluated_key.is_some();
        let complaints: Vec<ComplaintRow> =
            page.items.unwrap_or_default().into_iter().map(item::read).collect::<Result<_, _>>()?;
        let cursor = complaints.last().filter(|_| more).map(|row| ComplaintCursor {
            complaint_id: row.complaint_id.clone(),
            complained_at: row.complained_at,
        });
        Ok(ComplaintRowPage { complaints, cursor })
    }
}

/// The row as [`Complaints::put`] writes it.
fn next_version(row: &ComplaintRow) -> Result<Item, StoreError> {
    item::write(&ComplaintRow { version: row.version.saturating_add(1), ..row.clone() })
}

/// Nobody has written the row since it was read.
const UNCHANGED: &str = "attribute_not_exists(complaint_id) OR version = :version";
const STORING: &str = "storing a complaint";
/// How many complaints a page has.
const PAGE: i32 = 50;
/// How long a reply may be under way.
const CLAIM_LIFETIME: Duration = Duration::from_secs(60);
/// Seconds.
const DAY: u64 = 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_answers_of_a_second_the_one_with_more_complaints_is_newer() {
        let row: ComplaintRow = serde_json::from_value(serde_json::json!({
            "complaint_id": "200201820200101080076610000", "state": "PENDING", "complained_at": 90, "waits_since": 90, "times": 2,
            "full_refunded": false, "user_responded": false, "in_platform_service": false, "fetched_at": 100, "version": 3,
        }))
        .unwrap();
        for (times, at, is_newer) in
            [(3, 99, true), (1, 100, true), (2, 100, false), (3, 100, false), (1, 101, false)]
        {
            assert_eq!(row.is_newer_than(times, UnixSeconds::new(at)), is_newer, "{times} at {at}");
        }
    }
}
