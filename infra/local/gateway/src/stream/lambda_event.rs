//! The event that a task gets, and the message about discarded records that a queue gets.

use serde_json::{Value, json};

use crate::aws_time;

/// Turns a record of the streams API into one of Lambda's event. Lambda writes `type` and `principalId` in `userIdentity`, which
/// marks the deletion of an expired item, in lower case
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html>); the API writes `Type` and
/// `PrincipalId`.
pub(super) fn event_record(mut record: Value, stream_arn: &str) -> Value {
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
pub(super) fn batch_event(records: &[Value]) -> Value {
    json!({ "Records": records })
}

/// The number by which a task's response names a record.
pub(super) fn sequence_number(record: &Value) -> &str {
    record.pointer("/dynamodb/SequenceNumber").and_then(Value::as_str).unwrap_or_default()
}

/// The circumstances in which records were discarded.
pub(super) struct DiscardedRecords<'a> {
    pub(super) request_id: &'a str,
    pub(super) function_arn: &'a str,
    pub(super) stream_arn: &'a str,
    pub(super) shard_id: &'a str,
    pub(super) invocations: u32,
    /// Whether the last call failed. Otherwise its response named a failed record.
    pub(super) is_error: bool,
    pub(super) now_millis: u64,
}

impl DiscardedRecords<'_> {
    /// Lambda's message to the queue. It has the position of the records in the stream, and not the records.
    pub(super) fn queue_message(&self, records: &[Value]) -> Value {
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
            "timestamp": aws_time::format_iso_millis(self.now_millis),
            "DDBStreamBatchInfo": {
                "shardId": self.shard_id,
                "startSequenceNumber": sequence_number(first),
                "endSequenceNumber": sequence_number(last),
                "approximateArrivalOfFirstRecord": arrival_time(first),
                "approximateArrivalOfLastRecord": arrival_time(last),
                "batchSize": records.len(),
                "streamArn": self.stream_arn,
            },
        })
    }
}

fn arrival_time(record: &Value) -> String {
    let written = record.pointer("/dynamodb/ApproximateCreationDateTime").map(Value::to_string);
    let seconds = written.as_deref().and_then(|text| text.split('.').next()?.parse::<u64>().ok());
    aws_time::format_iso(seconds.unwrap_or_default().saturating_mul(1000))
}

/// The bytes of the comma between two records.
pub(super) const SEPARATOR_BYTES: usize = 1;
