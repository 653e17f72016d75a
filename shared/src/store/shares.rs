//! `SHARES_TABLE`: how often pages were shared, how many visitors came by that, and WeChat's own figures.
//!
//! Key `id` and `part`:
//!
//! | `id` | `part` | the row |
//! |---|---|---|
//! | `<day>#<shard>` | `<type>#<page>` | a part of the day's counts; the shard is chosen at random, so that no key is hot |
//! | `visitor#<mark>` | `entry` | this visitor was counted today; the mark says nothing of the visitor, and expires |
//! | `day#<day>` | `record` | the sums of a day that is over, and WeChat's figures; kept |
//!
//! A visitor is marked before the count, because a visitor who is counted twice would be worse than one who is not counted.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::{operation::put_item::PutItemError, types::KeysAndAttributes};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::{
    StoreError,
    item::{self, Item, UpdateOutcome},
};
use crate::{
    host::{Host, HostError, dynamodb::Client},
    types::{Day, PagePath, ShareKind, ShareType},
};

/// The counts of a page on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareCount {
    /// The way in which the page was shared.
    pub share_type: ShareType,
    /// The page.
    pub page: PagePath,
    /// How often users were about to share it.
    pub intents: u64,
    /// How many visitors came.
    pub entries: u64,
}

/// WeChat's own figures of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeChatFigures {
    /// How often the mini program was shared.
    pub share_count: u64,
    /// How many users shared it.
    pub share_users: u64,
    /// How often pages were visited.
    pub visits: u64,
}

/// The record of a day that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayOfShares {
    /// The day.
    pub day: Day,
    /// The sums, the largest first; up to `MAX_PAGES`.
    pub shares: Vec<ShareCount>,
    /// WeChat's figures; `None` until WeChat has given them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wechat: Option<WeChatFigures>,
}

#[derive(Deserialize)]
struct CountRow {
    part: String,
    #[serde(default)]
    intents: u64,
    #[serde(default)]
    entries: u64,
}

#[derive(Serialize)]
struct RecordRow<'a> {
    id: String,
    part: &'static str,
    #[serde(flatten)]
    record: &'a DayOfShares,
}

/// The table.
pub struct Shares {
    client: Client,
    host: Host,
    table: String,
}

impl Shares {
    /// Reads `SHARES_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self { client: host.dynamodb()?, host: host.clone(), table: host.var("SHARES_TABLE")?.to_owned() })
    }

    /// Counts that a user is about to share.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout it may have been counted.
    pub async fn count_intent(&self, day: Day, kind: &ShareKind) -> Result<(), StoreError> {
        self.count(day, kind, "intents").await
    }

    /// Counts the visitor with this mark, which must be of this day; false if the visitor was counted before.
    ///
    /// Condition: there is no row of the mark.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. The visitor may then be marked and not be counted any more.
    pub async fn count_entry(&self, day: Day, kind: &ShareKind, mark: &str) -> Result<bool, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("id", item::s(format!("visitor#{mark}")))
            .item("part", item::s("entry"))
            .item("expires_at", item::n(day.after(2).begins().get()))
            .condition_expression("attribute_not_exists(id)");
        if let Err(error) = put.send().await {
            let is_marked =
                error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception);
            return if is_marked { Ok(false) } else { Err(StoreError::from_sdk(COUNTING, error)) };
        }
        self.count(day, kind, "entries").await?;
        Ok(true)
    }

    /// The records of those of the days that have one, in one request. At most [`Shares::MAX_DAYS`] days, each once.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn get_records(&self, days: &[Day]) -> Result<BTreeMap<Day, DayOfShares>, StoreError> {
        let key = |day: &Day| {
            Item::from([("id".to_owned(), item::s(record_id(*day))), ("part".to_owned(), item::s(RECORD))])
        };
        let mut records = BTreeMap::new();
        let mut missing: Vec<Item> = days.iter().map(key).collect();
        for _ in 0..item::MAX_ATTEMPTS {
            if missing.is_empty() {
                return Ok(records);
            }
            let keys = KeysAndAttributes::builder().set_keys(Some(missing)).consistent_read(true).build();
            let keys = keys.map_err(|error| StoreError::new(READING, error))?;
            let answer = self.client.batch_get_item().request_items(&self.table, keys).send().await;
            let answer = answer.map_err(|error| StoreError::from_sdk(READING, error))?;
            for item in answer.responses.unwrap_or_default().into_values().flatten() {
                let record: DayOfShares = item::read(item)?;
                records.insert(record.day, record);
            }
            let rest = answer.unprocessed_keys.unwrap_or_default().into_values();
            missing = rest.flat_map(|keys| keys.keys).collect();
        }
        Err(StoreError::contended(READING))
    }

    /// The sums of a day, the largest first; up to `MAX_PAGES`. Makes a request for each shard.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn sum_day(&self, day: Day) -> Result<Vec<ShareCount>, StoreError> {
        let shards = try_join_all((0..SHARDS).map(|shard| self.read_shard(day, shard))).await?;
        let mut sums: BTreeMap<ShareKind, (u64, u64)> = BTreeMap::new();
        for row in shards.into_iter().flatten() {
            // Rows that can't be read are of another release.
            let Some(kind) = ShareKind::parse(&row.part) else { continue };
            let (intents, entries) = sums.entry(kind).or_default();
            *intents = intents.saturating_add(row.intents);
            *entries = entries.saturating_add(row.entries);
        }
        let mut shares: Vec<_> = sums
            .into_iter()
            .map(|(ShareKind { share_type, page }, (intents, entries))| ShareCount {
                share_type,
                page,
                intents,
                entries,
            })
            .collect();
        shares.sort_by_key(|share| std::cmp::Reverse((share.intents, share.entries)));
        shares.truncate(MAX_PAGES);
        Ok(shares)
    }

    /// Stores the record of a day. It is the same whoever makes it, so it can be stored again.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn store_record(&self, record: &DayOfShares) -> Result<(), StoreError> {
        let row = RecordRow { id: record_id(record.day), part: RECORD, record };
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item::write(&row)?));
        put.send().await.map_err(|error| StoreError::from_sdk("storing a day of shares", error))?;
        Ok(())
    }

    async fn count(&self, day: Day, kind: &ShareKind, counter: &str) -> Result<(), StoreError> {
        let [random] = self.host.random::<1>().unwrap_or_default();
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", item::s(shard_id(day, random % SHARDS)))
            .key("part", item::s(kind))
            .update_expression("SET expires_at = :expires_at ADD #counter :one")
            .expression_attribute_names("#counter", counter)
            .expression_attribute_values(":one", item::n(1_u64))
            .expression_attribute_values(":expires_at", item::n(day.after(KEPT_DAYS).begins().get()));
        match item::update(&self.host, COUNTING, update).await? {
            UpdateOutcome::Done(_) => Ok(()),
            UpdateOutcome::ConditionFailed(_) => Err(StoreError::new(COUNTING, "there is no condition")),
        }
    }

    async fn read_shard(&self, day: Day, shard: u8) -> Result<Vec<CountRow>, StoreError> {
        let (mut rows, mut start) = (Vec::new(), None);
        for _ in 0..MAX_ANSWERS {
            let query = self.client.query().table_name(&self.table);
            let query = query
                .key_condition_expression("id = :id")
                .expression_attribute_values(":id", item::s(shard_id(day, shard)))
                .set_exclusive_start_key(start);
            let answer = query.send().await.map_err(|error| StoreError::from_sdk(READING, error))?;
            for item in answer.items.unwrap_or_default() {
                rows.push(item::read(item)?);
            }
            start = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                break;
            }
        }
        Ok(rows)
    }

    /// The most days that [`Shares::get_records`] takes.
    pub const MAX_DAYS: u16 = 31;
}

fn shard_id(day: Day, shard: u8) -> String {
    format!("{day}#{shard:02}")
}

fn record_id(day: Day) -> String {
    format!("day#{day}")
}

const COUNTING: &str = "counting a share";
const READING: &str = "reading shares";
const RECORD: &str = "record";
/// Parts of a day's counts. A key takes about a thousand writes a second.
const SHARDS: u8 = 16;
/// Counts are summed up on the next day, and again for a week if that fails.
const KEPT_DAYS: u16 = 40;
/// The most answers of one megabyte that are read of a shard.
const MAX_ANSWERS: usize = 4;
/// The most rows of a day's record, so that it fits into an item.
const MAX_PAGES: usize = 1000;
