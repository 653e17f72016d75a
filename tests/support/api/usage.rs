//! What of the description tests have used: operations, parameters, fields of bodies, error codes.
//!
//! Each test process keeps a list below `target/`. `tests/api_usage.rs` judges all lists together, when all tests have run.

use std::{
    collections::BTreeSet,
    env, fs,
    io::Write as _,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use serde_json::Value;

use super::{ApiDescription, Exchange, Node};

/// Adds what the exchange has used to the list of this process.
///
/// # Panics
/// If the list can't be written.
pub fn record(description: &ApiDescription, exchange: &Exchange<'_>) {
    static RECORDED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let used = used(description, exchange);
    let mut recorded = RECORDED.lock().unwrap_or_else(PoisonError::into_inner);
    let new: Vec<String> = used.into_iter().filter(|one| recorded.insert(one.clone())).collect();
    if new.is_empty() {
        return;
    }
    fs::create_dir_all(folder()).expect("the folder of the lists");
    let file = folder().join(format!("{}.txt", std::process::id()));
    let mut file = fs::OpenOptions::new().append(true).create(true).open(file).expect("the list");
    file.write_all(format!("{}\n", new.join("\n")).as_bytes()).expect("the list is written");
}

/// What any process has used.
///
/// # Panics
/// If a list can't be read.
#[must_use]
pub fn recorded() -> BTreeSet<String> {
    let lists = fs::read_dir(folder()).into_iter().flatten();
    let lists = lists.map(|list| fs::read_to_string(list.expect("a list").path()).expect("a list"));
    lists.flat_map(|list| list.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// What an exchange uses.
#[must_use]
pub fn used(description: &ApiDescription, exchange: &Exchange<'_>) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let Some(operation) = description.find(exchange.method, exchange.path) else { return used };
    if operation.method == exchange.method {
        used.insert(format!("{operation} {}", exchange.response.status));
    }
    if let Some(code) = exchange.answer().get("code").and_then(Value::as_str) {
        used.insert(format!("{operation} {} {code}", exchange.response.status));
    }
    if !exchange.is_success() {
        return used;
    }
    for parameter in description.parameters(operation) {
        let name = parameter.text("name").unwrap_or_default();
        let is_used = match parameter.text("in") {
            Some("query") => exchange.query_parameters().any(|(other, _)| other == name),
            Some("header") => exchange.headers.contains_key(name),
            _ => false,
        };
        if is_used {
            used.insert(format!("{operation} parameter {name}"));
        }
    }
    if let Some((schema, body)) = description.request_schema(operation, exchange) {
        add_fields(description, &schema, &body, &mut used);
    }
    if let Some(schema) = description.answer_schema(operation, exchange) {
        add_fields(description, &schema, &exchange.answer(), &mut used);
    }
    used
}

/// What tests must use: every operation with a success, or its one answer; its parameters; every field of its bodies; and the codes of
/// failures that it does not share with other operations.
#[must_use]
pub fn expected(description: &ApiDescription) -> BTreeSet<String> {
    let mut expected = BTreeSet::new();
    for operation in description.operations() {
        let node = description.node(operation);
        let responses = node.get("responses").map(|responses| responses.members()).unwrap_or_default();
        let has_success = responses.iter().any(|(status, _)| status.starts_with('2'));
        for (status, response) in responses {
            if status.starts_with('2') {
                expected.insert(format!("{operation} {status}"));
                for (_, content) in
                    response.get("content").map(|content| content.members()).unwrap_or_default()
                {
                    all_fields(content.get("schema"), &mut expected);
                }
            } else if !has_success && status == "410" {
                expected.insert(format!("{operation} {status}"));
            } else if !response.is_reference() {
                let codes = codes(&response);
                expected.extend(codes.iter().map(|code| format!("{operation} {status} {code}")));
            }
        }
        for parameter in description.parameters(operation) {
            if matches!(parameter.text("in"), Some("query" | "header")) {
                expected
                    .insert(format!("{operation} parameter {}", parameter.text("name").unwrap_or_default()));
            }
        }
        let content = node.get("requestBody").and_then(|body| body.get("content"));
        for (_, content) in content.map(|content| content.members()).unwrap_or_default() {
            all_fields(content.get("schema"), &mut expected);
        }
    }
    expected
}

/// The error codes of a response.
#[must_use]
pub fn codes(response: &Node<'_>) -> Vec<String> {
    let schema = response.get("content").and_then(|content| content.get("application/json")?.get("schema"));
    let Some(schema) = schema else { return Vec::new() };
    let mut alternatives = schema.list("anyOf");
    alternatives.push(schema);
    let parts = alternatives.iter().flat_map(|schema| schema.list("allOf"));
    // The list of all codes stands behind a `$ref`, and says nothing of this response.
    let codes =
        parts.filter(|part| !part.is_reference()).filter_map(|part| part.get("properties")?.get("code"));
    let named = codes.flat_map(|code| {
        let several = code.list("enum").into_iter().filter_map(|one| one.value.as_str().map(str::to_owned));
        several.chain(code.text("const").map(str::to_owned)).collect::<Vec<_>>()
    });
    named.collect()
}

/// The fields of `value` that its schema describes.
fn add_fields(description: &ApiDescription, schema: &Node<'_>, value: &Value, used: &mut BTreeSet<String>) {
    for part in schema.list("allOf") {
        add_fields(description, &part, value, used);
    }
    for alternative in [schema.list("oneOf"), schema.list("anyOf")].concat() {
        if description.schema_problems(&alternative, value).is_empty() {
            add_fields(description, &alternative, value, used);
        }
    }
    let properties = schema.get("properties").map(|properties| properties.members()).unwrap_or_default();
    for (name, property) in &properties {
        if let Some(value) = value.get(name) {
            used.insert(property.pointer.clone());
            add_fields(description, property, value, used);
        }
    }
    if let Some(items) = schema.get("items") {
        for item in value.as_array().into_iter().flatten() {
            add_fields(description, &items, item, used);
        }
    }
    if let Some(further) = schema.get("additionalProperties") {
        for (name, value) in value.as_object().into_iter().flatten() {
            if !properties.iter().any(|(known, _)| known == name) {
                add_fields(description, &further, value, used);
            }
        }
    }
}

/// Every field that a schema describes.
fn all_fields(schema: Option<Node<'_>>, fields: &mut BTreeSet<String>) {
    let Some(schema) = schema else { return };
    for part in ["allOf", "oneOf", "anyOf"].iter().flat_map(|name| schema.list(name)) {
        all_fields(Some(part), fields);
    }
    for (_, property) in schema.get("properties").map(|properties| properties.members()).unwrap_or_default() {
        if fields.insert(property.pointer.clone()) {
            all_fields(Some(property), fields);
        }
    }
    all_fields(schema.get("items"), fields);
    all_fields(schema.get("additionalProperties"), fields);
}

/// Where the lists are: below the folder in which the test was built.
fn folder() -> PathBuf {
    let test = env::current_exe().expect("the path of the test");
    // The test is `target/debug/deps/<name>`.
    let target = test.ancestors().nth(3).expect("the target folder");
    target.join("tmp/api-usage")
}
