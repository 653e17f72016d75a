//! What the local AWS and the simulated WeChat tell the timeline.
//!
//! Their observers hold the timeline weakly, because the timeline asks both which texts are secrets.

use std::collections::BTreeMap;

use bytes::Bytes;
use local_dynamo::{Dynamo, OPERATOR, ServiceCall};
use local_phone::{Event, Masker, Timeline};
use local_template::Stack;
use local_wechat::{CallKind, LoggedCall, Simulator};
use serde_json::{Value, json};

/// Hides every secret of the stack, as it is when an event is read, and of the simulated WeChat.
pub(crate) fn masker(stack: &Stack, dynamo: &Dynamo, wechat: Option<&Simulator>) -> Masker {
    let secrets: Vec<String> = stack.secrets.iter().map(|secret| secret.logical_id.clone()).collect();
    let (dynamo, wechat) = (dynamo.clone(), wechat.cloned());
    Box::new(move |text| {
        let mut text = wechat.as_ref().map_or_else(|| text.to_owned(), |wechat| wechat.mask(text));
        for value in secrets.iter().filter_map(|logical_id| dynamo.secret(logical_id)) {
            // Every text in the secret's JSON that is long enough to be a key.
            for key in value.split('"').filter(|part| part.len() >= MIN_KEY_LENGTH) {
                if text.contains(key) {
                    text = text.replace(key, "***");
                }
            }
        }
        text
    })
}

/// Records the functions' calls of AWS and what reaches the event bus.
pub(crate) fn record_aws(timeline: &Timeline, dynamo: &Dynamo, stack: &Stack) {
    let functions = stack.functions.iter().map(|one| (one.logical_id.clone(), one.folder.clone()));
    let tables = stack.tables.iter().map(|table| (table.name.clone(), table.logical_id.clone()));
    let names = AwsNames { functions: functions.collect(), tables: tables.collect() };
    let calls = timeline.downgrade();
    dynamo.observe_calls(Box::new(move |call, request, duration| {
        // The operator is the local world itself, or a test.
        if let Some(timeline) = calls.upgrade().filter(|_| call.caller != OPERATOR) {
            timeline.record(names.event(&timeline, call, request).lasting(duration));
        }
    }));
    let events = timeline.downgrade();
    dynamo.observe_events(Box::new(move |event| {
        let Some(timeline) = events.upgrade() else { return };
        let member = |name: &str| event.get(name).cloned().unwrap_or_default();
        let event =
            Event::new("event").with("detailType", member("detail-type")).with("detail", member("detail"));
        timeline.record(event);
    }));
}

/// Records the back end's calls of WeChat, and WeChat's calls of the back end.
pub(crate) fn record_wechat(timeline: &Timeline, wechat: &Simulator) {
    let timeline = timeline.downgrade();
    wechat.observe_calls(Box::new(move |call| {
        if let Some(timeline) = timeline.upgrade() {
            timeline.record(wechat_event(&timeline, call));
        }
    }));
}

/// The names by which people know functions and tables.
struct AwsNames {
    /// Folders by logical id, which is the access key of a function.
    functions: BTreeMap<String, String>,
    /// Logical ids by name.
    tables: BTreeMap<String, String>,
}

impl AwsNames {
    fn event(&self, timeline: &Timeline, call: &ServiceCall, request: &[u8]) -> Event {
        let function = self.functions.get(&call.caller).unwrap_or(&call.caller);
        let request_id = timeline.running_invocation(Some(function)).map(|(_, request_id)| request_id);
        let permission = call.permissions.first();
        let service = permission.and_then(|one| one.action.split(':').next()).unwrap_or("dynamodb");
        let tables: Vec<&String> =
            call.tables.iter().map(|name| self.tables.get(name).unwrap_or(name)).collect();
        let event = Event::new("aws")
            .with("service", service)
            .with("operation", call.operation.as_str())
            .with("function", function.as_str())
            .with_some("requestId", request_id)
            .with_some("tables", (!tables.is_empty()).then(|| json!(tables)))
            .with_some("items", count_items(&call.operation, request))
            .with("outcome", outcome(call));
        match permission.filter(|_| request.is_empty()) {
            Some(permission) => event.with("request", json!({ "resource": permission.resource })),
            None => event.with_body("request", Bytes::copy_from_slice(request)),
        }
    }
}

fn outcome(call: &ServiceCall) -> &str {
    match &call.error {
        Some(error) => error,
        None if call.status == 0 => "no answer",
        None if !call.allowed => "AccessDeniedException",
        None => "ok",
    }
}

/// How many items a batch or a transaction has.
fn count_items(operation: &str, request: &[u8]) -> Option<usize> {
    if !operation.starts_with("Batch") && !operation.starts_with("Transact") {
        return None;
    }
    let request: Value = serde_json::from_slice(request).ok()?;
    if let Some(items) = request.get("TransactItems") {
        return items.as_array().map(Vec::len);
    }
    let tables = request.get("RequestItems")?.as_object()?.values();
    let items = tables.filter_map(|items| items.get("Keys").unwrap_or(items).as_array());
    Some(items.map(Vec::len).sum())
}

fn wechat_event(timeline: &Timeline, call: &LoggedCall) -> Event {
    let event = match call.kind {
        CallKind::Upstream => {
            let running = timeline.running_invocation(None);
            let (function, request_id) = running.unzip();
            Event::new("wechat")
                .with("path", call.path.as_str())
                .with_some("function", function)
                .with_some("requestId", request_id)
        }
        CallKind::Delivery => {
            Event::new("notice").with("path", path_of(&call.path)).with_some("answer", call.answer.as_deref())
        }
    };
    event
        .begun_at(call.time)
        .with("method", call.method.as_str())
        .with("request", call.request.clone())
        .with_some("status", call.status)
        .with("outcome", call.outcome.as_str())
        .with_some("fault", call.fault.as_deref())
}

/// The path of a URL.
fn path_of(url: &str) -> &str {
    let behind_scheme = url.find("://").map_or(0, |at| at.saturating_add(3));
    let (_, rest) = url.split_at(behind_scheme);
    rest.find('/').map_or(rest, |at| rest.split_at(at).1)
}

const MIN_KEY_LENGTH: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_items_of_batches_and_transactions_are_counted() {
        let count = |operation: &str, request: Value| count_items(operation, request.to_string().as_bytes());
        assert_eq!(count("TransactWriteItems", json!({"TransactItems": [{}, {}]})), Some(2));
        assert_eq!(
            count("BatchGetItem", json!({"RequestItems": {"a": {"Keys": [{}]}, "b": {"Keys": [{}, {}]}}})),
            Some(3)
        );
        assert_eq!(count("BatchWriteItem", json!({"RequestItems": {"a": [{}, {}]}})), Some(2));
        assert_eq!(count("PutItem", json!({"Item": {}})), None);
    }

    #[test]
    fn the_path_of_a_delivery_is_shown_without_its_host() {
        assert_eq!(path_of("http://127.0.0.1:3000/api/pay/notify"), "/api/pay/notify");
        assert_eq!(path_of("/api/pay/notify"), "/api/pay/notify");
        assert_eq!(path_of("http://127.0.0.1:3000"), "127.0.0.1:3000");
    }
}
