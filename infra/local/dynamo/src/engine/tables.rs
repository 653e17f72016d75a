//! Creates the template's tables, and compares those that the database file already has with the template.

use std::collections::{BTreeMap, BTreeSet};

use dynoxide::Database;
use local_template::{Stack, Table};
use serde_json::{Value, json};

use super::streams;
use crate::error::DynamoError;

/// Creates the missing tables. Returns the engine's stream ARN by table name, for the tables that have a stream.
pub(super) fn create_missing_tables(
    database: &Database,
    stack: &Stack,
) -> Result<BTreeMap<String, String>, DynamoError> {
    let list = serde_json::to_value(database.list_tables(serde_json::from_value(json!({"Limit": 100}))?)?)?;
    let existing: BTreeSet<&str> = list
        .get("TableNames")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut streams = BTreeMap::new();
    for table in &stack.tables {
        if !existing.contains(table.name.as_str()) {
            database.create_table(serde_json::from_value(engine_request(table))?)?;
        }
        let described = database.describe_table(serde_json::from_value(json!({"TableName": table.name}))?)?;
        let described = serde_json::to_value(described)?;
        let described = described.get("Table").unwrap_or(&Value::Null);
        check_table(table, described)?;
        set_ttl(database, table)?;
        if let Some(arn) = described.get("LatestStreamArn").and_then(Value::as_str) {
            streams.insert(table.name.clone(), arn.to_owned());
        }
    }
    Ok(streams)
}

/// The `CreateTable` request for the engine. Its stream has both images, whatever view the template asks for.
fn engine_request(table: &Table) -> Value {
    let mut create = table.create.clone();
    if let Some(view) = create.pointer_mut("/StreamSpecification/StreamViewType") {
        *view = streams::ENGINE_VIEW.into();
    }
    create
}

fn check_table(table: &Table, described: &Value) -> Result<(), DynamoError> {
    let mismatch = |part| DynamoError::TableMismatch { table: table.name.clone(), part };
    if described.get("KeySchema") != table.create.get("KeySchema") {
        return Err(mismatch("key schema"));
    }
    if sorted_list(described, "AttributeDefinitions") != sorted_list(&table.create, "AttributeDefinitions") {
        return Err(mismatch("set of key attributes"));
    }
    for kind in ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
        if index_set(described, kind) != index_set(&table.create, kind) {
            return Err(mismatch("set of indexes"));
        }
    }
    if streams::requested_view(described)
        != streams::requested_view(&table.create).map(|_| streams::ENGINE_VIEW)
    {
        return Err(mismatch("stream"));
    }
    Ok(())
}

fn sorted_list(table: &Value, key: &str) -> Vec<String> {
    let mut items: Vec<String> =
        table.get(key).and_then(Value::as_array).into_iter().flatten().map(Value::to_string).collect();
    items.sort();
    items
}

fn index_set(table: &Value, kind: &str) -> BTreeSet<String> {
    let indexes = table.get(kind).and_then(Value::as_array).into_iter().flatten();
    indexes
        .map(|index| {
            let part = |key: &str| index.get(key).unwrap_or(&Value::Null);
            format!("{} {} {}", part("IndexName"), part("KeySchema"), part("Projection"))
        })
        .collect()
}

fn set_ttl(database: &Database, table: &Table) -> Result<(), DynamoError> {
    let described =
        database.describe_time_to_live(serde_json::from_value(json!({"TableName": table.name}))?)?;
    let described = serde_json::to_value(described)?;
    let current = described.pointer("/TimeToLiveDescription/AttributeName").and_then(Value::as_str);
    if current == table.ttl_attribute.as_deref() {
        return Ok(());
    }
    let set_attribute = |attribute: &str, enabled: bool| -> Result<(), DynamoError> {
        database.update_time_to_live(serde_json::from_value(json!({
            "TableName": table.name,
            "TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": enabled},
        }))?)?;
        Ok(())
    };
    if let Some(current) = current {
        set_attribute(current, false)?;
    }
    table.ttl_attribute.as_deref().map_or(Ok(()), |attribute| set_attribute(attribute, true))
}
