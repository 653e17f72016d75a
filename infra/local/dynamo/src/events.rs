//! EventBridge, as far as functions use it: `PutEvents`. What was put can be looked at.

use std::sync::{Mutex, MutexGuard, PoisonError};

use local_template::{EventBus, Pseudo, Stack};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::answer::Answer;
use crate::clock::now;
use crate::sigv4::hash::{hex, hmac_sha256, uuid};

/// The event buses and what was put on them.
pub(crate) struct Events {
    buses: Vec<EventBus>,
    put: Mutex<Vec<Value>>,
    /// What event ids are made from.
    key: String,
}

impl Events {
    pub(crate) fn new(stack: &Stack, operator_secret: &str) -> Self {
        let put = Mutex::default();
        Self { buses: stack.event_buses.clone(), put, key: operator_secret.to_owned() }
    }

    /// Everything that was put, oldest first.
    pub(crate) fn put(&self) -> Vec<Value> {
        self.lock().clone()
    }

    /// The ARNs of the buses that a request puts events on.
    pub(crate) fn arns(&self, request: &Value) -> Vec<String> {
        let mut arns: Vec<String> = entries(request).iter().map(|entry| self.bus(entry).arn).collect();
        arns.sort();
        arns.dedup();
        arns
    }

    pub(crate) fn answer(&self, operation: &str, request: &Value) -> Answer {
        if operation != PUT_EVENTS {
            return Answer::error(400, "UnknownOperationException", "Only PutEvents is known here.");
        }
        if let Some(refusal) = self.refusal(entries(request)) {
            return refusal;
        }
        let results = entries(request).iter().map(|entry| match check(entry) {
            Ok(detail) => json!({"EventId": self.add(entry, detail)}),
            Err((code, message)) => json!({"ErrorCode": code, "ErrorMessage": message}),
        });
        outcome(results.collect())
    }

    /// Why the request as a whole is refused.
    fn refusal(&self, entries: &[Value]) -> Option<Answer> {
        let rule = match entries.len() {
            0 => "greater than or equal to 1",
            1..=MOST_ENTRIES => {
                if entries.iter().map(size).any(|size| size > LARGEST_ENTRY) {
                    let message = "Total size of the entries in the request is over the limit.";
                    return Some(Answer::error(400, "ValidationException", message));
                }
                let bus = entries.iter().map(|entry| self.bus(entry)).find(|bus| !self.has(bus))?;
                // The cloud says that all is well and forgets the events: a mistake that must not stay unseen here.
                let message = format!("Event bus {} does not exist.", bus.name);
                return Some(Answer::error(400, "ResourceNotFoundException", &message));
            }
            _ => "less than or equal to 10",
        };
        let message = format!(
            "1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length {rule}"
        );
        Some(Answer::error(400, "ValidationException", &message))
    }

    /// The bus of an entry, which is named by name or by ARN.
    fn bus(&self, entry: &Value) -> EventBus {
        let named = text(entry, "EventBusName").unwrap_or(DEFAULT);
        let known = self.buses.iter().find(|bus| bus.name == named || bus.arn == named);
        known.cloned().unwrap_or_else(|| {
            let Pseudo { region, account, partition, .. } = Pseudo::default();
            let prefix = format!("arn:{partition}:events:{region}:{account}:event-bus/");
            let name = named.strip_prefix(&prefix).unwrap_or(named).to_owned();
            let arn = if name.starts_with("arn:") { name.clone() } else { format!("{prefix}{name}") };
            EventBus { logical_id: String::new(), name, arn }
        })
    }

    fn has(&self, bus: &EventBus) -> bool {
        bus.name == DEFAULT || self.buses.iter().any(|known| known.arn == bus.arn)
    }

    fn add(&self, entry: &Value, detail: Value) -> String {
        let Pseudo { region, account, .. } = Pseudo::default();
        let mut put = self.lock();
        let id = uuid(&hex(&hmac_sha256(
            self.key.as_bytes(),
            format!("event {} {}", now(), put.len()).as_bytes(),
        )));
        put.push(json!({
            "version": "0",
            "id": id,
            "event-bus-name": self.bus(entry).name,
            "source": text(entry, "Source"),
            "detail-type": text(entry, "DetailType"),
            "account": account,
            "time": iso(entry.get("Time").and_then(seconds).unwrap_or_else(now)),
            "region": region,
            "resources": entry.get("Resources").cloned().unwrap_or_else(|| json!([])),
            "detail": detail,
        }));
        id
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Value>> {
        self.put.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer when every entry failed, as EventBridge gives it when it is ill: the request as a whole succeeds.
pub(crate) fn all_failed(request: &Value) -> Answer {
    let failed = json!({"ErrorCode": "InternalFailure", "ErrorMessage": "Internal failure."});
    outcome(vec![failed; entries(request).len()])
}

fn outcome(results: Vec<Value>) -> Answer {
    let failed = results.iter().filter(|result| result.get("ErrorCode").is_some()).count();
    Answer::ok(&json!({"FailedEntryCount": failed, "Entries": results}))
}

fn entries(request: &Value) -> &[Value] {
    request.get("Entries").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The entry's detail, or the code and text of what is wrong with the entry.
fn check(entry: &Value) -> Result<Value, (&'static str, String)> {
    for field in ["Source", "DetailType", "Detail"] {
        if text(entry, field).is_none() {
            let reason = format!("Parameter {field} is not valid. Reason: {field} is a required argument.");
            return Err(("InvalidArgument", reason));
        }
    }
    if text(entry, "Source").is_some_and(|source| source.starts_with("aws.")) {
        return Err(("NotAuthorizedForSourceException", "Not authorized for the source.".to_owned()));
    }
    // The cloud takes a longer one, and forgets the event.
    if text(entry, "DetailType").is_some_and(|kind| kind.len() > LONGEST_DETAIL_TYPE) {
        let reason = "Parameter DetailType is not valid. Reason: DetailType is longer than 128 characters.";
        return Err(("InvalidArgument", reason.to_owned()));
    }
    let detail = text(entry, "Detail").and_then(|detail| serde_json::from_str::<Value>(detail).ok());
    detail.filter(Value::is_object).ok_or_else(|| ("MalformedDetail", "Detail is malformed.".to_owned()))
}

/// "Calculating `PutEvents` event entry size"
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html>).
fn size(entry: &Value) -> usize {
    let length = |value: Option<&Value>| value.and_then(Value::as_str).map_or(0, str::len);
    let resources = entry.get("Resources").and_then(Value::as_array).into_iter().flatten();
    let texts = ["Source", "DetailType", "Detail"].into_iter().map(|field| length(entry.get(field)));
    let time = entry.get("Time").map_or(0, |_| 14);
    texts.chain(resources.map(|resource| length(Some(resource)))).fold(time, usize::saturating_add)
}

/// A field's text; an empty one is none.
fn text<'a>(entry: &'a Value, field: &str) -> Option<&'a str> {
    entry.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Times on the wire are seconds, perhaps with a fraction.
fn seconds(time: &Value) -> Option<u64> {
    time.as_number()?.to_string().split('.').next()?.parse().ok()
}

fn iso(unix_seconds: u64) -> String {
    let instant =
        i64::try_from(unix_seconds).ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    instant.unwrap_or(OffsetDateTime::UNIX_EPOCH).format(ISO).unwrap_or_default()
}

/// The one operation.
pub(crate) const PUT_EVENTS: &str = "PutEvents";
/// The bus that every account has.
const DEFAULT: &str = "default";
const MOST_ENTRIES: usize = 10;
const LARGEST_ENTRY: usize = 256 * 1024;
const LONGEST_DETAIL_TYPE: usize = 128;
const ISO: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
