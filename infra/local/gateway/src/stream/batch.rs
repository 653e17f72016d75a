//! Batches of records, and the decision after a failed call.
//!
//! It follows "Configuring partial batch response with DynamoDB and Lambda"
//! (<https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>) and "Retain discarded records for a
//! DynamoDB event source in Lambda" (<https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html>).

use serde_json::Value;

use super::lambda_event;
use crate::error::CallError;

/// The records of one call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Batch {
    pub(super) records: Vec<Value>,
    /// How often the batch has failed.
    pub(super) failures: u32,
}

/// What to do with a batch that failed.
#[derive(Debug, PartialEq)]
pub(super) enum BatchDecision {
    /// Deliver these batches: the failed batch, the rest of it, or its halves.
    Retry(Vec<Batch>),
    /// Discard these records, because the retries are used up.
    Discard(Vec<Value>),
}

impl Batch {
    pub(super) fn new(records: Vec<Value>) -> Self {
        Self { records, failures: 0 }
    }

    /// Decides what to do after a failure. The records before `from` are done. Splitting the batch uses up no retry; done records
    /// don't give any back.
    pub(super) fn decide_after_failure(
        mut self,
        from: usize,
        bisect: bool,
        retry_attempts: Option<u32>,
    ) -> BatchDecision {
        let mut rest = self.records.split_off(from.min(self.records.len()));
        let failures = self.failures;
        if bisect && from > 0 {
            return BatchDecision::Retry(vec![Self { records: rest, failures }]);
        }
        if bisect && rest.len() > 1 {
            let second = rest.split_off(rest.len().div_ceil(2));
            return BatchDecision::Retry([rest, second].map(|records| Self { records, failures }).to_vec());
        }
        let failures = failures.saturating_add(1);
        if retry_attempts.is_some_and(|most| failures > most) {
            BatchDecision::Discard(rest)
        } else {
            BatchDecision::Retry(vec![Self { records: rest, failures }])
        }
    }
}

/// Splits records into batches that fit into an event.
pub(super) fn split_into_batches(records: Vec<Value>) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    let mut room = 0;
    for record in records {
        let size = record.to_string().len().saturating_add(lambda_event::SEPARATOR_BYTES);
        match batches.last_mut().filter(|_| size <= room) {
            Some(batch) => batch.records.push(record),
            None => {
                batches.push(Batch::new(vec![record]));
                room = MAX_RECORDS_BYTES;
            }
        }
        room = room.saturating_sub(size);
    }
    batches
}

/// The index of the first record that is not done; `None` when all are done. `reports_failures` says whether the task names failed
/// records in its response.
pub(super) fn first_failed_index(
    result: &Result<Value, CallError>,
    batch: &Batch,
    reports_failures: bool,
) -> Option<usize> {
    match result {
        Err(_) => Some(0),
        Ok(_) if !reports_failures => None,
        Ok(Value::Null) => None,
        Ok(Value::Object(response)) => match response.get("batchItemFailures") {
            None | Some(Value::Null) => None,
            Some(Value::Array(failures)) if failures.is_empty() => None,
            Some(Value::Array(failures)) => {
                // As in Lambda, a missing number, or one that is not in the batch, means that no record is done.
                let indexes: Option<Vec<usize>> =
                    failures.iter().map(|failure| record_index(failure, batch)).collect();
                Some(indexes.and_then(|indexes| indexes.into_iter().min()).unwrap_or(0))
            }
            Some(_) => Some(0),
        },
        Ok(_) => Some(0),
    }
}

fn record_index(failure: &Value, batch: &Batch) -> Option<usize> {
    let number = failure.get("itemIdentifier")?.as_str()?;
    batch.records.iter().position(|record| lambda_event::sequence_number(record) == number)
}

/// The room for records in an event: Lambda's 6 MB without the JSON around the records.
const MAX_RECORDS_BYTES: usize = 6 * 1024 * 1024 - 64;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(number: u32) -> Value {
        json!({"dynamodb": {"SequenceNumber": number.to_string()}})
    }

    fn batch(numbers: &[u32], failures: u32) -> Batch {
        Batch { records: numbers.iter().copied().map(record).collect(), failures }
    }

    #[test]
    fn a_response_names_the_first_record_that_failed() {
        let of = |response: Value| first_failed_index(&Ok(response), &batch(&[7, 8, 9], 0), true);
        let failed = |numbers: &[&str]| {
            let failures: Vec<Value> =
                numbers.iter().map(|number| json!({"itemIdentifier": number})).collect();
            json!({"batchItemFailures": failures})
        };
        for success in [
            json!(null),
            json!({}),
            json!({"batchItemFailures": null}),
            json!({"batchItemFailures": []}),
            json!({"sent": 3}),
        ] {
            assert_eq!(of(success.clone()), None, "{success}");
        }
        assert_eq!(of(failed(&["9"])), Some(2));
        assert_eq!(of(failed(&["9", "8"])), Some(1));
        for whole in [
            failed(&[""]),
            failed(&["9", ""]),
            failed(&["10"]),
            json!({"batchItemFailures": [{"itemIdentifier": null}]}),
            json!({"batchItemFailures": [{"sequenceNumber": "9"}]}),
            json!({"batchItemFailures": "9"}),
            json!("done"),
        ] {
            assert_eq!(of(whole.clone()), Some(0), "{whole}");
        }
        assert_eq!(first_failed_index(&Err(CallError::TimedOut), &batch(&[7], 0), true), Some(0));
        assert_eq!(
            first_failed_index(&Ok(failed(&["9"])), &batch(&[7, 8, 9], 0), false),
            None,
            "the mapping does not report failures"
        );
    }

    #[test]
    fn a_failed_batch_is_retried_from_the_failed_record_until_discarded() {
        let retry = batch(&[1, 2, 3], 0).decide_after_failure(1, false, Some(1));
        assert_eq!(retry, BatchDecision::Retry(vec![batch(&[2, 3], 1)]));
        let discard = batch(&[2, 3], 1).decide_after_failure(1, false, Some(1));
        assert_eq!(discard, BatchDecision::Discard(vec![record(3)]));
        assert_eq!(
            batch(&[1], 0).decide_after_failure(0, false, Some(0)),
            BatchDecision::Discard(vec![record(1)])
        );
        assert_eq!(
            batch(&[1], 99).decide_after_failure(0, false, None),
            BatchDecision::Retry(vec![batch(&[1], 100)])
        );
    }

    #[test]
    fn splitting_a_batch_uses_up_no_retry() {
        let halves = batch(&[1, 2, 3], 0).decide_after_failure(0, true, Some(0));
        assert_eq!(halves, BatchDecision::Retry(vec![batch(&[1, 2], 0), batch(&[3], 0)]));
        let rest = batch(&[1, 2, 3], 0).decide_after_failure(1, true, Some(0));
        assert_eq!(rest, BatchDecision::Retry(vec![batch(&[2, 3], 0)]));
        assert_eq!(
            batch(&[1], 0).decide_after_failure(0, true, Some(0)),
            BatchDecision::Discard(vec![record(1)])
        );
    }

    #[test]
    fn a_batch_fits_into_an_event() {
        let large = |mega: usize| json!({"text": "x".repeat(mega * 1024 * 1024)});
        let sizes = |records: Vec<Value>| -> Vec<usize> {
            split_into_batches(records).iter().map(|batch| batch.records.len()).collect()
        };
        assert_eq!(sizes(vec![large(2), large(2), large(3), large(1)]), [2, 2]);
        assert_eq!(sizes(vec![record(1), record(2)]), [2]);
        assert!(split_into_batches(Vec::new()).is_empty());
    }
}
