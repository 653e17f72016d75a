//! EventBridge's operation `PutEvents`, the only one that functions use. Tests can read the events that were put.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use local_template::{EventBus, PseudoParameters, Stack};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::clock::now;
use crate::response::AwsResponse;
use crate::sigv4::hash::{hex, hmac_sha256, uuid_from_hash};

/// Is called with every event that reached a bus, as [`Dynamo::events`](crate::Dynamo::events) lists it.
pub type EventObserver = Box<dyn Fn(&Value) + Send + Sync>;

/// The event buses and the events that were put on them.
pub(crate) struct EventBuses {
    buses: Vec<EventBus>,
    events: Mutex<Vec<Value>>,
    observer: OnceLock<EventObserver>,
    /// The key that event ids are derived from.
    id_key: String,
}

impl EventBuses {
    pub(crate) fn new(stack: &Stack, operator_secret: &str) -> Self {
        Self {
            buses: stack.event_buses.clone(),
            events: Mutex::default(),
            observer: OnceLock::new(),
            id_key: operator_secret.to_owned(),
        }
    }

    /// Sets the observer, once.
    pub(crate) fn set_observer(&self, observer: EventObserver) {
        // A second observer is dropped, because the first one belongs to whoever started the buses.
        let _ = self.observer.set(observer);
    }

    /// All events that were put, oldest first.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.lock().clone()
    }

    /// The ARNs of the buses that a request puts events on.
    pub(crate) fn requested_arns(&self, request: &Value) -> Vec<String> {
        let mut arns: Vec<String> = entries(request).iter().map(|entry| self.entry_bus(entry).arn).collect();
        arns.sort();
        arns.dedup();
        arns
    }

    pub(crate) fn run_operation(&self, operation: &str, request: &Value) -> AwsResponse {
        if operation != PUT_EVENTS {
            return AwsResponse::error(400, "UnknownOperationException", "Only PutEvents is known here.");
        }
        if let Some(error) = self.request_error(entries(request)) {
            return error;
        }
        let results = entries(request).iter().map(|entry| match parse_detail(entry) {
            Ok(detail) => json!({"EventId": self.store_event(entry, detail)}),
            Err((code, message)) => json!({"ErrorCode": code, "ErrorMessage": message}),
        });
        put_events_response(&results.collect::<Vec<_>>())
    }

    /// The error that refuses the request as a whole; `None` when each entry is judged alone.
    fn request_error(&self, entries: &[Value]) -> Option<AwsResponse> {
        let rule = match entries.len() {
            0 => "greater than or equal to 1",
            1..=MAX_ENTRIES => {
                if entries.iter().map(entry_size).any(|size| size > MAX_ENTRY_BYTES) {
                    let message = "Total size of the entries in the request is over the limit.";
                    return Some(AwsResponse::error(400, "ValidationException", message));
                }
                let bus = entries.iter().map(|entry| self.entry_bus(entry)).find(|bus| !self.has_bus(bus))?;
                // EventBridge itself answers with success and drops the events. Here the mistake must be seen.
                let message = format!("Event bus {} does not exist.", bus.name);
                return Some(AwsResponse::error(400, "ResourceNotFoundException", &message));
            }
            _ => "less than or equal to 10",
        };
        let message = format!(
            "1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length {rule}"
        );
        Some(AwsResponse::error(400, "ValidationException", &message))
    }

    /// The bus that an entry names, by its name or its ARN.
    fn entry_bus(&self, entry: &Value) -> EventBus {
        let named = text(entry, "EventBusName").unwrap_or(DEFAULT_BUS);
        let known = self.buses.iter().find(|bus| bus.name == named || bus.arn == named);
        known.cloned().unwrap_or_else(|| {
            let PseudoParameters { region, account, partition, .. } = PseudoParameters::default();
            let prefix = format!("arn:{partition}:events:{region}:{account}:event-bus/");
            let name = named.strip_prefix(&prefix).unwrap_or(named).to_owned();
            let arn = if name.starts_with("arn:") { name.clone() } else { format!("{prefix}{name}") };
            EventBus { logical_id: String::new(), name, arn }
        })
    }

    fn has_bus(&self, bus: &EventBus) -> bool {
        bus.name == DEFAULT_BUS || self.buses.iter().any(|known| known.arn == bus.arn)
    }

    fn store_event(&self, entry: &Value, detail: Value) -> String {
        let PseudoParameters { region, account, .. } = PseudoParameters::default();
        let mut events = self.lock();
        let id = uuid_from_hash(&hex(&hmac_sha256(
            self.id_key.as_bytes(),
            format!("event {} {}", now(), events.len()).as_bytes(),
        )));
        let event = json!({
            "version": "0",
            "id": id,
            "event-bus-name": self.entry_bus(entry).name,
            "source": text(entry, "Source"),
            "detail-type": text(entry, "DetailType"),
            "account": account,
            "time": format_iso(entry.get("Time").and_then(parse_seconds).unwrap_or_else(now)),
            "region": region,
            "resources": entry.get("Resources").cloned().unwrap_or_else(|| json!([])),
            "detail": detail,
        });
        if let Some(observe) = self.observer.get() {
            observe(&event);
        }
        events.push(event);
        id
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Value>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The response of a broken EventBridge: the request as a whole succeeds, and every entry has failed.
pub(crate) fn all_entries_failed(request: &Value) -> AwsResponse {
    let failed = json!({"ErrorCode": "InternalFailure", "ErrorMessage": "Internal failure."});
    put_events_response(&vec![failed; entries(request).len()])
}

fn put_events_response(results: &[Value]) -> AwsResponse {
    let failed = results.iter().filter(|result| result.get("ErrorCode").is_some()).count();
    AwsResponse::ok(&json!({"FailedEntryCount": failed, "Entries": results}))
}

fn entries(request: &Value) -> &[Value] {
    request.get("Entries").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Parses the entry's `Detail`. The error is the entry's `ErrorCode` and `ErrorMessage`.
fn parse_detail(entry: &Value) -> Result<Value, (&'static str, String)> {
    for field in ["Source", "DetailType", "Detail"] {
        if text(entry, field).is_none() {
            let reason = format!("Parameter {field} is not valid. Reason: {field} is a required argument.");
            return Err(("InvalidArgument", reason));
        }
    }
    if text(entry, "Source").is_some_and(|source| source.starts_with("aws.")) {
        return Err(("NotAuthorizedForSourceException", "Not authorized for the source.".to_owned()));
    }
    // EventBridge itself accepts a longer `DetailType` and drops the event.
    if text(entry, "DetailType").is_some_and(|kind| kind.len() > MAX_DETAIL_TYPE_BYTES) {
        let reason = "Parameter DetailType is not valid. Reason: DetailType is longer than 128 characters.";
        return Err(("InvalidArgument", reason.to_owned()));
    }
    let detail = text(entry, "Detail").and_then(|detail| serde_json::from_str::<Value>(detail).ok());
    detail.filter(Value::is_object).ok_or_else(|| ("MalformedDetail", "Detail is malformed.".to_owned()))
}

/// "Calculating `PutEvents` event entry size"
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html>).
fn entry_size(entry: &Value) -> usize {
    let length = |value: Option<&Value>| value.and_then(Value::as_str).map_or(0, str::len);
    let resources = entry.get("Resources").and_then(Value::as_array).into_iter().flatten();
    let texts = ["Source", "DetailType", "Detail"].into_iter().map(|field| length(entry.get(field)));
    let time = entry.get("Time").map_or(0, |_| 14);
    texts.chain(resources.map(|resource| length(Some(resource)))).fold(time, usize::saturating_add)
}

/// A field's text; `None` when it is missing or empty.
fn text<'a>(entry: &'a Value, field: &str) -> Option<&'a str> {
    entry.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Parses a time, which the protocol writes as seconds, perhaps with a fraction.
fn parse_seconds(time: &Value) -> Option<u64> {
    time.as_number()?.to_string().split('.').next()?.parse().ok()
}

fn format_iso(unix_seconds: u64) -> String {
    let instant =
        i64::try_from(unix_seconds).ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    instant.unwrap_or(OffsetDateTime::UNIX_EPOCH).format(ISO).unwrap_or_default()
}

/// The operation.
pub(crate) const PUT_EVENTS: &str = "PutEvents";
/// The bus that every account has.
const DEFAULT_BUS: &str = "default";
const MAX_ENTRIES: usize = 10;
const MAX_ENTRY_BYTES: usize = 256 * 1024;
const MAX_DETAIL_TYPE_BYTES: usize = 128;
const ISO: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
