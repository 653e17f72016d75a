//! Keys that name a request, in `IDEMPOTENCY_TABLE`: the request, sent again, has no second effect.
//!
//! The row of a key is written in the transaction that has the effect, on the condition that there is none. It is kept for a day. The table
//! has the unpaid orders of each user as well (`orders/place.rs`).

use std::time::Duration;

use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem};
use serde::{Deserialize, Serialize};

use super::{StoreError, item};
use crate::{
    crypto::{hex, sha256},
    types::{ProductId, UnixSeconds, UserId},
};

/// The key that came with a request, and what the request wants.
pub struct IdempotencyKey {
    pub(super) id: String,
    payload: String,
}

/// The row of a key.
#[derive(Serialize, Deserialize)]
pub(super) struct KeyRow<E> {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
    payload: String,
    expires_at: UnixSeconds,
    /// What the request is answered with when it is sent again.
    #[serde(flatten)]
    pub(super) effect: E,
}

impl IdempotencyKey {
    /// The key that `user_id` sent with an order. `payload` is the content of the request; the same key with another payload is refused.
    #[must_use]
    pub fn of_order(user_id: &UserId, key: &str, payload: &impl Serialize) -> Self {
        Self::new(user_id.as_str(), key, payload)
    }

    /// The key that an operator sent with goods that come to the stock of a product, or go.
    #[must_use]
    pub fn of_stock(product_id: &ProductId, key: &str, add: i64) -> Self {
        Self::new(&format!("stock#{product_id}"), key, &add)
    }

    fn new(owner: &str, key: &str, payload: &impl Serialize) -> Self {
        let payload = serde_json::to_vec(payload).unwrap_or_default();
        Self { id: format!("{owner}#{}", hex(&sha256(key.as_bytes()))), payload: hex(&sha256(&payload)) }
    }

    /// The part of a transaction that writes the row.
    ///
    /// Condition: there is none, or it has expired.
    pub(super) fn put_part<E: Serialize>(
        &self,
        table: &str,
        user_id: Option<&UserId>,
        effect: E,
        now: UnixSeconds,
    ) -> Result<TransactWriteItem, StoreError> {
        let row = KeyRow {
            id: self.id.clone(),
            user_id: user_id.cloned(),
            payload: self.payload.clone(),
            expires_at: now.plus(KEY_LIFETIME),
            effect,
        };
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(item::write(&row)?))
            // An expired row can still exist, because DynamoDB removes expired rows late.
            .condition_expression("attribute_not_exists(id) OR expires_at <= :now")
            .expression_attribute_values(":now", item::n(now.get()))
            .return_values_on_condition_check_failure(AllOld)
            .build()
            .map_err(|error| StoreError::new("keeping a key", error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Whether the row, which this key names, is of the same request, and not of another one with the same key.
    pub(super) fn is_of<E>(&self, row: &KeyRow<E>) -> bool {
        row.payload == self.payload
    }
}

impl<E> KeyRow<E> {
    /// Whether the row counts. DynamoDB removes expired rows late.
    pub(super) fn is_alive(&self, now: UnixSeconds) -> bool {
        self.expires_at > now
    }
}

/// How long the row of a key is stored.
const KEY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
