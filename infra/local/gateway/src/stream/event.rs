//! What a task gets, and what a queue gets to know of records that were given up.

use serde_json::{Value, json};

use crate::moment;

/// A record as Lambda shows it. Lambda writes the two names of an identity, which marks what expired, in small letters
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html>); the API of streams does not.
pub(super) fn of_record(mut record: Value, stream_arn: &str) -> Value {
    if let Some(record) = record.as_object_mut() {
        record.insert("eventSourceARN".to_owned(), stream_arn.into());
        if let Some(identity) = record.get_mut("userIdentity").and_then(Value::as_object_mut) {
            for (name, lambda_name) in [("Type", "type"), ("PrincipalId", "principalId")] {
                if let Some(value) = identity.remove(name) {
                    identity.insert(lambda_name.to_owned(), value);
                }
            }
        }
    }
    record
}

/// The event of a batch.
pub(super) fn of_batch(records: &[Value]) -> Value {
    json!({ "Records": records })
}

/// The number by which a response names a record.
pub(super) fn sequence_number(record: &Value) -> &str {
    record.pointer("/dynamodb/SequenceNumber").and_then(Value::as_str).unwrap_or_default()
}

/// Why records were given up.
pub(super) struct GivenUp<'a> {
    pub(super) request_id: &'a str,
    pub(super) function_arn: &'a str,
    pub(super) stream_arn: &'a str,
    pub(super) shard_id: &'a str,
    pub(super) invocations: u32,
    /// Whether the last call failed; else its response named the record.
    pub(super) is_error: bool,
    pub(super) now_millis: u64,
}

impl GivenUp<'_> {
    /// What Lambda writes into the queue: where in the stream the records are, not the records.
    pub(super) fn message(&self, records: &[Value]) -> Value {
        let mut response = json!({"statusCode": 200, "executedVersion": "$LATEST"});
        if let (true, Some(response)) = (self.is_error, response.as_object_mut()) {
            response.insert("functionError".to_owned(), "Unhandled".into());
        }
        let (first, last) = (records.first().unwrap_or(&Value::Null), records.last().unwrap_or(&Value::Null));
        json!({
            "requestContext": {
                "requestId": self.request_id,
                "functionArn": self.function_arn,
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": self.invocations,
            },
            "responseContext": response,
            "version": "1.0",
            "timestamp": moment::iso_millis(self.now_millis),
            "DDBStreamBatchInfo": {
                "shardId": self.shard_id,
                "startSequenceNumber": sequence_number(first),
                "endSequenceNumber": sequence_number(last),
                "approximateArrivalOfFirstRecord": arrival(first),
                "approximateArrivalOfLastRecord": arrival(last),
                "batchSize": records.len(),
                "streamArn": self.stream_arn,
            },
        })
    }
}

fn arrival(record: &Value) -> String {
    let written = record.pointer("/dynamodb/ApproximateCreationDateTime").map(Value::to_string);
    let seconds = written.as_deref().and_then(|text| text.split('.').next()?.parse::<u64>().ok());
    moment::iso(seconds.unwrap_or_default().saturating_mul(1000))
}

/// So much longer is a record in an event: a comma.
pub(super) const ADDED: usize = 1;
