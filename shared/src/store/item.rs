//! Items, rows and attribute values; updates and transactions with their retries.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::{transact_write_items::TransactWriteItemsError, update_item::UpdateItemError},
    types::{AttributeValue, CancellationReason, KeysAndAttributes, TransactWriteItem},
};
use serde::{Serialize, de::DeserializeOwned};

use super::StoreError;
use crate::host::{
    Host,
    dynamodb::{Client, UpdateItemFluentBuilder},
};

/// A row as DynamoDB holds it.
pub(super) type Item = HashMap<String, AttributeValue>;

/// A text attribute.
pub(super) fn s(text: impl ToString) -> AttributeValue {
    AttributeValue::S(text.to_string())
}

/// A number attribute.
pub(super) fn n(number: impl Into<u64>) -> AttributeValue {
    AttributeValue::N(number.into().to_string())
}

/// A structure as a map attribute.
pub(super) fn map(value: &impl Serialize) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(value).map_err(|error| StoreError::new("writing an item", error))
}

/// A row as an item.
pub(super) fn write(row: &impl Serialize) -> Result<Item, StoreError> {
    serde_dynamo::to_item(row).map_err(|error| StoreError::new("writing an item", error))
}

/// An item as a row; attributes that the row does not name are ignored.
pub(super) fn read<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(|error| StoreError::new("reading an item", error))
}

/// The text of the key attribute `name`.
pub(super) fn key(item: &Item, name: &str) -> Option<String> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Some(text.clone()),
        _ => None,
    }
}

/// Which item: its table, and the name and value of its key.
pub(super) type Key<'a> = (&'a str, &'a str, &'a str);

/// Two items of two tables, as they are now, in one request.
pub(super) async fn get_both(
    client: &Client,
    host: &Host,
    operation: &'static str,
    one: Key<'_>,
    other: Key<'_>,
) -> Result<(Option<Item>, Option<Item>), StoreError> {
    let [one, other] = get_each(client, host, operation, [one, other]).await?;
    Ok((one, other))
}

/// Items of several tables, as they are now, in one request; in the order of `keys`. Each table occurs once.
pub(super) async fn get_each<const N: usize>(
    client: &Client,
    host: &Host,
    operation: &'static str,
    keys: [Key<'_>; N],
) -> Result<[Option<Item>; N], StoreError> {
    for _ in 0..MAX_ATTEMPTS {
        let mut request = client.batch_get_item();
        for (table, name, value) in keys {
            let key = Item::from([(name.to_owned(), s(value))]);
            let keys = KeysAndAttributes::builder().keys(key).consistent_read(true).build();
            request = request.request_items(table, keys.map_err(|error| StoreError::new(operation, error))?);
        }
        let answer = request.send().await.map_err(|error| StoreError::from_sdk(operation, error))?;
        if answer.unprocessed_keys().is_some_and(|keys| !keys.is_empty()) {
            sleep_jittered(host).await;
            continue;
        }
        let mut tables = answer.responses.unwrap_or_default();
        return Ok(keys.map(|(table, ..)| tables.remove(table).and_then(|items| items.into_iter().next())));
    }
    Err(StoreError::contended(operation))
}

/// What came of an update with a condition.
pub(super) enum UpdateOutcome {
    /// The update was made; the attributes that `return_values` asks for.
    Done(Item),
    /// The condition failed, and nothing was changed; the item that made it fail, if there is one and the request asks for it.
    ConditionFailed(Option<Item>),
}

/// Sends the update, and sends it again while a transaction holds the item, at most [`MAX_ATTEMPTS`] times.
pub(super) async fn update(
    host: &Host,
    operation: &'static str,
    update: UpdateItemFluentBuilder,
) -> Result<UpdateOutcome, StoreError> {
    for _ in 0..MAX_ATTEMPTS {
        let error = match update.clone().send().await {
            Ok(answer) => return Ok(UpdateOutcome::Done(answer.attributes.unwrap_or_default())),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                return Ok(UpdateOutcome::ConditionFailed(
                    failed.item().cloned().filter(|item| !item.is_empty()),
                ));
            }
            Some(UpdateItemError::TransactionConflictException(_)) => sleep_jittered(host).await,
            _ => return Err(StoreError::from_sdk(operation, error)),
        }
    }
    Err(StoreError::contended(operation))
}

/// Why DynamoDB cancelled a transaction. Nothing was written.
pub(super) enum TransactionCancelled {
    /// Conditions failed; the reasons are in the order of the parts.
    ConditionsFailed(Vec<CancellationReason>),
    /// Another transaction held an item, or a part was throttled: try again.
    Conflict,
}

/// The reason for which the transaction was cancelled; the error if it failed otherwise.
pub(super) fn cancellation(
    operation: &'static str,
    error: SdkError<TransactWriteItemsError>,
) -> Result<TransactionCancelled, StoreError> {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
    else {
        return Err(StoreError::from_sdk(operation, error));
    };
    let reasons = cancelled.cancellation_reasons().to_vec();
    let has = |code: &str| reasons.iter().any(|reason| reason.code() == Some(code));
    // While another transaction holds one item, the reasons of the other parts are incomplete.
    if has("TransactionConflict") || has("ThrottlingError") || has("ProvisionedThroughputExceeded") {
        return Ok(TransactionCancelled::Conflict);
    }
    if has("ConditionalCheckFailed") {
        return Ok(TransactionCancelled::ConditionsFailed(reasons));
    }
    Err(StoreError::from_sdk(operation, error))
}

/// Writes the parts in one transaction, and again while other transactions hold an item, at most [`MAX_ATTEMPTS`] times. The reasons, in the
/// order of the parts, if a condition failed and nothing was written.
///
/// The AWS client gives a transaction a token (`ClientRequestToken`) and repeats it with the same one after a lost answer; DynamoDB then does
/// not write it twice.
pub(super) async fn transact(
    client: &Client,
    host: &Host,
    operation: &'static str,
    parts: Vec<TransactWriteItem>,
) -> Result<Option<Vec<CancellationReason>>, StoreError> {
    for _ in 0..MAX_ATTEMPTS {
        let request = client.transact_write_items().set_transact_items(Some(parts.clone()));
        let Err(error) = request.send().await else { return Ok(None) };
        match cancellation(operation, error)? {
            TransactionCancelled::Conflict => sleep_jittered(host).await,
            TransactionCancelled::ConditionsFailed(reasons) => return Ok(Some(reasons)),
        }
    }
    Err(StoreError::contended(operation))
}

/// Calls `attempt` until it succeeds or fails with an error that is not transient, at most [`MAX_ATTEMPTS`] times, with doubled pauses:
/// reconciling a whole day must not end at one throttled write.
pub(super) async fn retry_transient<T, F>(host: &Host, attempt: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut wait = Duration::from_millis(100);
    for _ in 1..MAX_ATTEMPTS {
        match attempt().await {
            Err(error) if error.is_transient() => {
                tokio::time::sleep(wait).await;
                sleep_jittered(host).await;
                wait = wait.saturating_mul(2);
            }
            done => return done,
        }
    }
    attempt().await
}

/// Sleeps 20 to 275 ms, at random, so that callers that collided do not collide again.
pub(super) async fn sleep_jittered(host: &Host) {
    let [jitter] = host.random::<1>().unwrap_or_default();
    tokio::time::sleep(Duration::from_millis(20 + u64::from(jitter))).await;
}

/// Whether the condition of part `index` failed, and the item that made it fail, if there was one.
pub(super) fn failed_condition(reasons: &[CancellationReason], index: usize) -> Option<Option<Item>> {
    let reason = reasons.get(index)?;
    (reason.code() == Some("ConditionalCheckFailed"))
        .then(|| reason.item().cloned().filter(|item| !item.is_empty()))
}

/// Attempts at a write while other transactions hold its items.
pub(super) const MAX_ATTEMPTS: usize = 5;
