//! A record of a table's stream, as Lambda delivers it.
//!
//! Only the row's key is read from the record, because the row may have changed since.

use serde_json::Value;

/// A record of the stream of a table of events.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum StreamRecord {
    /// A new row: an event.
    Inserted {
        /// The event's key.
        key: String,
        /// The number by which the stream is asked to deliver the record again.
        sequence_number: String,
    },
    /// A changed or removed row, which is no new event.
    Other,
    /// A record without the name, the key or the number that each record of this table has.
    Unreadable {
        /// The record's sequence number, or an empty text if it has none.
        sequence_number: String,
    },
}

impl StreamRecord {
    /// Reads the record of a table whose key attribute is `key_name`.
    pub(super) fn read(record: &Value, key_name: &str) -> Self {
        let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let sequence_number = text("/dynamodb/SequenceNumber").unwrap_or_default();
        match (record.get("eventName").and_then(Value::as_str), text(&format!("/dynamodb/Keys/{key_name}/S")))
        {
            (Some("INSERT"), Some(key)) if !sequence_number.is_empty() => {
                Self::Inserted { key, sequence_number }
            }
            (Some("MODIFY" | "REMOVE"), _) => Self::Other,
            _ => Self::Unreadable { sequence_number },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn record(name: &str) -> Value {
        json!({
            "eventID": "1", "eventName": name, "eventSource": "aws:dynamodb", "awsRegion": "us-east-1",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_700_000_000, "SequenceNumber": "111", "SizeBytes": 26,
                "Keys": { "event_id": { "S": "order.paid#42" } },
                "NewImage": { "event_id": { "S": "order.paid#42" }, "event": { "S": "order.paid" } },
                "StreamViewType": "NEW_IMAGE",
            },
        })
    }

    #[test]
    fn only_a_new_row_is_an_event() {
        let (key, sequence_number) = ("order.paid#42".to_owned(), "111".to_owned());
        assert_eq!(
            StreamRecord::read(&record("INSERT"), "event_id"),
            StreamRecord::Inserted { key, sequence_number }
        );
        for name in ["MODIFY", "REMOVE"] {
            assert_eq!(StreamRecord::read(&record(name), "event_id"), StreamRecord::Other);
        }
    }

    #[test]
    fn a_record_without_name_key_or_number_is_unreadable() {
        for (pointer, number) in [
            ("/eventName", "111"),
            ("/dynamodb/Keys/event_id", "111"),
            ("/dynamodb/Keys/event_id/S", "111"),
            ("/dynamodb/SequenceNumber", ""),
            ("/dynamodb", ""),
        ] {
            let mut broken = record("INSERT");
            *broken.pointer_mut(pointer).unwrap() = json!(7);
            let expected = StreamRecord::Unreadable { sequence_number: number.to_owned() };
            assert_eq!(StreamRecord::read(&broken, "event_id"), expected, "{pointer}");
        }
    }

    proptest! {
        #[test]
        fn every_key_is_read_as_it_is(event_id in ".{1,80}", number in "[0-9]{1,40}") {
            let mut record = record("INSERT");
            record["dynamodb"]["Keys"]["event_id"]["S"] = json!(event_id);
            record["dynamodb"]["SequenceNumber"] = json!(number);
            prop_assert_eq!(StreamRecord::read(&record, "event_id"), StreamRecord::Inserted { key: event_id, sequence_number: number });
        }
    }
}
