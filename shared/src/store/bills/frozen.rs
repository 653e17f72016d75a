//! What WeChat keeps of a day's payments, in the day's row, because the goods are not shipped or not received yet.
//!
//! It is summed anew each time from the orders, so a repeated run changes nothing. A sum that every payment and settlement changes would
//! be one row that all of them wait for.

use aws_sdk_dynamodb::types::KeysAndAttributes;
use serde::{Deserialize, Serialize};

use super::Bills;
use crate::{
    store::{
        StoreError,
        item::{self, Item, UpdateOutcome},
    },
    types::Day,
};

/// What WeChat keeps of a day's payments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenMoney {
    /// Paid orders whose money WeChat has not released.
    pub orders: u64,
    /// Their sum, without what was given back. Fen.
    pub fee: u64,
}

#[derive(Deserialize)]
struct Row {
    bill_date: Day,
    #[serde(default)]
    frozen: FrozenMoney,
}

impl Bills {
    /// What the rows of these days, [`Bills::MOST_FROZEN_DAYS`] at most, say of frozen money. A day without a row is left out, and so is
    /// one that DynamoDB does not return at once.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn frozen_money(&self, days: &[Day]) -> Result<Vec<(Day, FrozenMoney)>, StoreError> {
        let keys = days.iter().take(Self::MOST_FROZEN_DAYS);
        let keys = keys.map(|day| Item::from([("bill_date".to_owned(), item::s(day))]));
        let keys = KeysAndAttributes::builder()
            .set_keys(Some(keys.collect()))
            .projection_expression("bill_date, frozen")
            .build()
            .map_err(|error| StoreError::new(READING, error))?;
        let request = self.client.batch_get_item().request_items(&self.table, keys);
        let answer = request.send().await.map_err(|error| StoreError::from_sdk(READING, error))?;
        let rows = answer.responses.unwrap_or_default().remove(&self.table).unwrap_or_default();
        let rows = rows.into_iter().map(|row| {
            let Row { bill_date, frozen } = item::read(row)?;
            Ok((bill_date, frozen))
        });
        rows.collect()
    }

    /// Writes what WeChat keeps of the day's payments into the day's row; `false` if there is no such row.
    ///
    /// Condition: there is the row.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied; repeating it is harmless.
    pub async fn store_frozen_money(&self, day: Day, frozen: &FrozenMoney) -> Result<bool, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("bill_date", item::s(day))
            .update_expression("SET frozen = :frozen")
            .condition_expression("attribute_exists(bill_date)")
            .expression_attribute_values(":frozen", item::map(frozen)?);
        let outcome = item::update(&self.host, "keeping frozen money", update).await?;
        Ok(matches!(outcome, UpdateOutcome::Done(_)))
    }

    /// Days that can be read at once, which is DynamoDB's limit.
    pub const MOST_FROZEN_DAYS: usize = 100;
}

const READING: &str = "reading frozen money";
