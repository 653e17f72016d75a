//! Something that happened, as whoever saw it hands it over.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::content::Content;

/// Something that happened in the local world: a kind, members of the kind, and how long it took.
pub struct Event {
    kind: &'static str,
    pub(crate) duration: Option<Duration>,
    pub(crate) begun_at: Option<u64>,
    members: Vec<(&'static str, Member)>,
}

enum Member {
    Value(Value),
    Content(Content),
}

impl Event {
    /// An event of this kind.
    #[must_use]
    pub fn new(kind: &'static str) -> Self {
        Self { kind, duration: None, begun_at: None, members: Vec::new() }
    }

    /// Adds a member.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.members.push((name, Member::Value(value.into())));
        self
    }

    /// Adds a member if there is a value.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds a body if it is not empty. It is read and hidden when the event is read.
    #[must_use]
    pub fn with_body(mut self, name: &'static str, body: Bytes) -> Self {
        if !body.is_empty() {
            self.members.push((name, Member::Content(Content::new(body))));
        }
        self
    }

    /// Sets how long it took. Without [`Self::begun_at`] it began so much before it is recorded.
    #[must_use]
    pub fn lasting(mut self, duration: Duration) -> Self {
        self.duration = Some(duration);
        self
    }

    /// Sets when it began, in Unix milliseconds of the bundle's clock.
    #[must_use]
    pub fn begun_at(mut self, unix_millis: u64) -> Self {
        self.begun_at = Some(unix_millis);
        self
    }

    /// The JSON of the event with nothing hidden.
    pub(crate) fn to_json(&self, seq: u64, at: u64) -> Map<String, Value> {
        let mut json = Map::new();
        let mut insert = |name: &str, value: Value| drop(json.insert(name.to_owned(), value));
        insert("seq", seq.into());
        insert("at", at.into());
        insert("kind", self.kind.into());
        if let Some(duration) = self.duration {
            insert("durationMs", milliseconds(duration));
        }
        for (name, member) in &self.members {
            insert(
                name,
                match member {
                    Member::Value(value) => value.clone(),
                    Member::Content(content) => content.to_value(),
                },
            );
        }
        json
    }
}

/// Milliseconds with a fraction.
fn milliseconds(duration: Duration) -> Value {
    let micros = duration.as_micros();
    serde_json::from_str(&format!("{}.{:03}", micros / 1000, micros % 1000)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_has_its_members_and_leaves_out_what_is_absent() {
        let event = Event::new("task")
            .with("function", "order-sweep")
            .with_some("records", None::<u64>)
            .with_body("report", Bytes::from_static(br#"{"orders":1}"#))
            .with_body("error", Bytes::new())
            .lasting(Duration::from_micros(1_234_050));
        assert_eq!(
            Value::Object(event.to_json(7, 1000)),
            json!({"seq": 7, "at": 1000, "kind": "task", "durationMs": 1234.05, "function": "order-sweep",
                   "report": {"orders": 1}})
        );
    }
}
