//! Makes the template's tables, and checks those that a file has already.

use std::collections::{BTreeMap, BTreeSet};

use dynoxide::Database;
use local_template::{Stack, Table};
use serde_json::{Value, json};

use super::streams;
use crate::error::DynamoError;

/// Makes the tables that are missing. Returns the engine's ARN of the stream of each table that has one.
pub(super) fn make(database: &Database, stack: &Stack) -> Result<BTreeMap<String, String>, DynamoError> {
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
            database.create_table(serde_json::from_value(kept(table))?)?;
        }
        let described = database.describe_table(serde_json::from_value(json!({"TableName": table.name}))?)?;
        let described = serde_json::to_value(described)?;
        let described = described.get("Table").unwrap_or(&Value::Null);
        compare(table, described)?;
        set_ttl(database, table)?;
        if let Some(arn) = described.get("LatestStreamArn").and_then(Value::as_str) {
            streams.insert(table.name.clone(), arn.to_owned());
        }
    }
    Ok(streams)
}

/// The request that makes the table in the engine, which keeps more of its changes than the template asks for.
fn kept(table: &Table) -> Value {
    let mut create = table.create.clone();
    if let Some(view) = create.pointer_mut("/StreamSpecification/StreamViewType") {
        *view = streams::KEPT.into();
    }
    create
}

fn compare(table: &Table, described: &Value) -> Result<(), DynamoError> {
    let other = |part| DynamoError::OtherTable { table: table.name.clone(), part };
    if described.get("KeySchema") != table.create.get("KeySchema") {
        return Err(other("key schema"));
    }
    if sorted(described, "AttributeDefinitions") != sorted(&table.create, "AttributeDefinitions") {
        return Err(other("set of key attributes"));
    }
    for kind in ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
        if indexes(described, kind) != indexes(&table.create, kind) {
            return Err(other("set of indexes"));
        }
    }
    if streams::view(described) != streams::view(&table.create).map(|_| streams::KEPT) {
        return Err(other("stream"));
    }
    Ok(())
}

fn sorted(table: &Value, key: &str) -> Vec<String> {
    let mut items: Vec<String> =
        table.get(key).and_then(Value::as_array).into_iter().flatten().map(Value::to_string).collect();
    items.sort();
    items
}

fn indexes(table: &Value, kind: &str) -> BTreeSet<String> {
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
    let change = |attribute: &str, enabled: bool| -> Result<(), DynamoError> {
        database.update_time_to_live(serde_json::from_value(json!({
            "TableName": table.name,
            "TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": enabled},
        }))?)?;
        Ok(())
    };
    if let Some(current) = current {
        change(current, false)?;
    }
    table.ttl_attribute.as_deref().map_or(Ok(()), |attribute| change(attribute, true))
}
