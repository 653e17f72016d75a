//! The answers to throttled requests, as on-demand tables give them ("DynamoDB throttling resolution guide",
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/troubleshooting-throttling-diagnostics.html>, and "API Reference,
//! `TransactWriteItems`, Errors").

use serde_json::{Value, json};

use super::{Access, KeyUse};
use crate::response::AwsResponse;

/// A single operation, or a batch of which no part was admitted.
pub(super) fn throttled(throttled: &[&KeyUse], arn: impl Fn(&KeyUse) -> String) -> AwsResponse {
    let reasons: Vec<Value> = throttled
        .iter()
        .map(|throttled| json!({"reason": reason(throttled), "resource": arn(throttled)}))
        .collect();
    let message = throttled.first().map_or(TABLE_MESSAGE, |throttled| message(throttled));
    AwsResponse::error_with_fields(
        400,
        "com.amazon.coral.availability#ThrottlingException",
        json!({"message": message, "throttlingReasons": reasons}),
    )
}

/// A transaction; for each of its parts the use that was not admitted, if there is one.
pub(super) fn cancelled(parts: &[Option<&KeyUse>]) -> AwsResponse {
    let reasons: Vec<Value> = parts
        .iter()
        .map(|throttled| match throttled {
            None => json!({"Code": "None"}),
            Some(throttled) => json!({"Code": "ThrottlingError", "Message": message(throttled)}),
        })
        .collect();
    AwsResponse::transaction_cancelled(&reasons)
}

fn reason(throttled: &KeyUse) -> &'static str {
    match (&throttled.index, throttled.access) {
        (None, Access::Read) => "TableReadKeyRangeThroughputExceeded",
        (None, Access::Write) => "TableWriteKeyRangeThroughputExceeded",
        (Some(_), Access::Read) => "IndexReadKeyRangeThroughputExceeded",
        (Some(_), Access::Write) => "IndexWriteKeyRangeThroughputExceeded",
    }
}

fn message(throttled: &KeyUse) -> &'static str {
    match (&throttled.index, throttled.access) {
        (Some(_), Access::Write) => INDEX_MESSAGE,
        _ => TABLE_MESSAGE,
    }
}

const TABLE_MESSAGE: &str = "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table \
                             or index so please try again shortly. If exceptions persist, check if you have a hot key: \
                             https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html";
const INDEX_MESSAGE: &str = "Throughput exceeds the current capacity for one or more global secondary indexes. DynamoDB is automatically \
                             scaling your index so please try again shortly.";
