//! Reading many rows of a table by their keys, a hundred in one request.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{KeysAndAttributes, builders::KeysAndAttributesBuilder};

use super::{
    StoreError,
    item::{self, Item},
};
use crate::host::{Host, dynamodb::Client};

/// The items of `table` whose key attribute `name` has one of these values, as they are now and in no order. A key without an item is
/// left out.
pub(super) async fn get_many(
    clients: (&Client, &Host),
    operation: &'static str,
    key: (&str, &str),
    values: impl Iterator<Item = String>,
) -> Result<Vec<Item>, StoreError> {
    read_all(clients, operation, key, values, KeysAndAttributes::builder().consistent_read(true)).await
}

/// As [`get_many`], only these attributes, and as the items are now or were a moment ago, which costs half of the read units.
pub(super) async fn get_attributes(
    clients: (&Client, &Host),
    operation: &'static str,
    key: (&str, &str),
    values: impl Iterator<Item = String>,
    attributes: &str,
) -> Result<Vec<Item>, StoreError> {
    let request = KeysAndAttributes::builder().consistent_read(false).projection_expression(attributes);
    read_all(clients, operation, key, values, request).await
}

async fn read_all(
    (client, host): (&Client, &Host),
    operation: &'static str,
    (table, name): (&str, &str),
    values: impl Iterator<Item = String>,
    request: KeysAndAttributesBuilder,
) -> Result<Vec<Item>, StoreError> {
    // DynamoDB refuses a request that names a key twice.
    let values: BTreeSet<String> = values.collect();
    let mut left: Vec<Item> =
        values.into_iter().map(|value| Item::from([(name.to_owned(), item::s(value))])).collect();
    let (mut items, mut incomplete_answers) = (Vec::new(), 0);
    while !left.is_empty() {
        let rest = left.split_off(left.len().min(READ_AT_ONCE));
        let keys = request.clone().set_keys(Some(left)).build();
        let keys = keys.map_err(|error| StoreError::new(operation, error))?;
        let answer = client.batch_get_item().request_items(table, keys).send().await;
        let answer = answer.map_err(|error| StoreError::from_sdk(operation, error))?;
        items.extend(answer.responses.unwrap_or_default().into_values().flatten());
        left = rest;
        let unread = answer.unprocessed_keys.unwrap_or_default().into_values();
        let unread: Vec<Item> = unread.flat_map(|keys| keys.keys).collect();
        if !unread.is_empty() {
            incomplete_answers += 1;
            if incomplete_answers == item::MAX_ATTEMPTS {
                return Err(StoreError::contended(operation));
            }
            left.extend(unread);
            item::sleep_jittered(host).await;
        }
    }
    Ok(items)
}

/// Keys in a request, which is DynamoDB's limit.
const READ_AT_ONCE: usize = 100;
