//! The records of one call, and what becomes of them when it fails.
//!
//! It follows "Configuring partial batch response with DynamoDB and Lambda"
//! (<https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>) and "Retain discarded records for a
//! DynamoDB event source in Lambda" (<https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html>).

use serde_json::Value;

use super::event;
use crate::error::CallError;

/// The records of one call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Batch {
    pub(super) records: Vec<Value>,
    /// How often it has failed.
    pub(super) failures: u32,
}

/// What becomes of a batch that failed.
#[derive(Debug, PartialEq)]
pub(super) enum Fate {
    /// It is tried again, perhaps in parts.
    Again(Vec<Batch>),
    /// These records are not tried again.
    GivenUp(Vec<Value>),
}

impl Batch {
    pub(super) fn new(records: Vec<Value>) -> Self {
        Self { records, failures: 0 }
    }

    /// The records before `from` are done. Cutting a batch uses up no attempt; progress does not give any back.
    pub(super) fn after_failure(mut self, from: usize, bisect: bool, retry_attempts: Option<u32>) -> Fate {
        let mut rest = self.records.split_off(from.min(self.records.len()));
        let failures = self.failures;
        if bisect && from > 0 {
            return Fate::Again(vec![Self { records: rest, failures }]);
        }
        if bisect && rest.len() > 1 {
            let second = rest.split_off(rest.len().div_ceil(2));
            return Fate::Again([rest, second].map(|records| Self { records, failures }).to_vec());
        }
        let failures = failures.saturating_add(1);
        if retry_attempts.is_some_and(|most| failures > most) {
            Fate::GivenUp(rest)
        } else {
            Fate::Again(vec![Self { records: rest, failures }])
        }
    }
}

/// Cuts records into batches that fit into an event.
pub(super) fn cut(records: Vec<Value>) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    let mut room = 0;
    for record in records {
        let size = record.to_string().len().saturating_add(event::ADDED);
        match batches.last_mut().filter(|_| size <= room) {
            Some(batch) => batch.records.push(record),
            None => {
                batches.push(Batch::new(vec![record]));
                room = LARGEST_EVENT;
            }
        }
        room = room.saturating_sub(size);
    }
    batches
}

/// The place of the first record that is not done; `None` when all are.
pub(super) fn failed_from(result: &Result<Value, CallError>, batch: &Batch, reports: bool) -> Option<usize> {
    match result {
        Err(_) => Some(0),
        Ok(_) if !reports => None,
        Ok(Value::Null) => None,
        Ok(Value::Object(response)) => match response.get("batchItemFailures") {
            None | Some(Value::Null) => None,
            Some(Value::Array(failures)) if failures.is_empty() => None,
            Some(Value::Array(failures)) => {
                // A number that is none of the batch's, like no number at all, says that nothing is done.
                let places: Option<Vec<usize>> =
                    failures.iter().map(|failure| place(failure, batch)).collect();
                Some(places.and_then(|places| places.into_iter().min()).unwrap_or(0))
            }
            Some(_) => Some(0),
        },
        Ok(_) => Some(0),
    }
}

fn place(failure: &Value, batch: &Batch) -> Option<usize> {
    let number = failure.get("itemIdentifier")?.as_str()?;
    batch.records.iter().position(|record| event::sequence_number(record) == number)
}

/// Lambda takes 6 MB; the braces around the records count.
const LARGEST_EVENT: usize = 6 * 1024 * 1024 - 64;

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
        let of = |response: Value| failed_from(&Ok(response), &batch(&[7, 8, 9], 0), true);
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
        assert_eq!(failed_from(&Err(CallError::TimedOut), &batch(&[7], 0), true), Some(0));
        assert_eq!(failed_from(&Ok(failed(&["9"])), &batch(&[7, 8, 9], 0), false), None, "nobody asked");
    }

    #[test]
    fn a_failed_batch_is_tried_again_from_the_record_that_failed_until_it_is_given_up() {
        let again = batch(&[1, 2, 3], 0).after_failure(1, false, Some(1));
        assert_eq!(again, Fate::Again(vec![batch(&[2, 3], 1)]));
        let over = batch(&[2, 3], 1).after_failure(1, false, Some(1));
        assert_eq!(over, Fate::GivenUp(vec![record(3)]));
        assert_eq!(batch(&[1], 0).after_failure(0, false, Some(0)), Fate::GivenUp(vec![record(1)]));
        assert_eq!(batch(&[1], 99).after_failure(0, false, None), Fate::Again(vec![batch(&[1], 100)]));
    }

    #[test]
    fn a_batch_that_is_cut_loses_no_attempt() {
        let halves = batch(&[1, 2, 3], 0).after_failure(0, true, Some(0));
        assert_eq!(halves, Fate::Again(vec![batch(&[1, 2], 0), batch(&[3], 0)]));
        let rest = batch(&[1, 2, 3], 0).after_failure(1, true, Some(0));
        assert_eq!(rest, Fate::Again(vec![batch(&[2, 3], 0)]));
        assert_eq!(batch(&[1], 0).after_failure(0, true, Some(0)), Fate::GivenUp(vec![record(1)]));
    }

    #[test]
    fn a_batch_fits_into_an_event() {
        let large = |mega: usize| json!({"text": "x".repeat(mega * 1024 * 1024)});
        let sizes = |records: Vec<Value>| -> Vec<usize> {
            cut(records).iter().map(|batch| batch.records.len()).collect()
        };
        assert_eq!(sizes(vec![large(2), large(2), large(3), large(1)]), [2, 2]);
        assert_eq!(sizes(vec![record(1), record(2)]), [2]);
        assert!(cut(Vec::new()).is_empty());
    }
}
