//! The keys of tables and indexes, and where an item lies by them.

use std::collections::BTreeMap;

use local_template::{Stack, Table};
use serde_json::Value;

use super::key_space::KeyPosition;

/// The keys of all tables.
#[derive(Debug, Default)]
pub(super) struct KeySchemas(BTreeMap<String, TableKeys>);

/// The keys of a table and its global indexes. A local index lies in the partitions of its table.
#[derive(Debug)]
pub(super) struct TableKeys {
    pub(super) keys: Keys,
    pub(super) indexes: BTreeMap<String, IndexKeys>,
    pub(super) has_local_index: bool,
}

/// A global index.
#[derive(Debug)]
pub(super) struct IndexKeys {
    pub(super) keys: Keys,
    /// Whether the index holds nothing but keys, so that an update which leaves them alone does not write it.
    pub(super) keys_only: bool,
}

/// The names of the attributes that are the key.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) partition: String,
    sort: Option<String>,
}

/// Where an item lies, and its partition key as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyPlace {
    pub(super) partition_key: String,
    pub(super) position: KeyPosition,
}

impl KeySchemas {
    pub(super) fn new(stack: &Stack) -> Self {
        Self(stack.tables.iter().map(|table| (table.name.clone(), TableKeys::new(table))).collect())
    }

    pub(super) fn table(&self, name: &str) -> Option<&TableKeys> {
        self.0.get(name)
    }
}

impl TableKeys {
    fn new(table: &Table) -> Self {
        let list = |kind: &str| table.create.get(kind).and_then(Value::as_array).into_iter().flatten();
        let indexes = list("GlobalSecondaryIndexes").filter_map(|index| {
            let projection = index.pointer("/Projection/ProjectionType");
            let keys_only = projection.is_some_and(|projection| projection == "KEYS_ONLY");
            Some((
                index.get("IndexName")?.as_str()?.to_owned(),
                IndexKeys { keys: Keys::new(index), keys_only },
            ))
        });
        Self {
            keys: Keys::new(&table.create),
            indexes: indexes.collect(),
            has_local_index: list("LocalSecondaryIndexes").next().is_some(),
        }
    }
}

impl Keys {
    fn new(schema: &Value) -> Self {
        let elements = || schema.get("KeySchema").and_then(Value::as_array).into_iter().flatten();
        let name = |kind: &str| {
            let element = elements().find(|element| element.get("KeyType").is_some_and(|is| is == kind))?;
            element.get("AttributeName")?.as_str().map(ToOwned::to_owned)
        };
        Self { partition: name("HASH").unwrap_or_default(), sort: name("RANGE") }
    }

    /// Where the item lies; `None` if it lacks an attribute of the key, so that it is not in the index.
    pub(super) fn place(&self, item: &Value) -> Option<KeyPlace> {
        let partition_key = text(item.get(&self.partition)?)?.to_owned();
        let sort = match &self.sort {
            None => Vec::new(),
            Some(sort) => sortable(item.get(sort)?)?,
        };
        let position = KeyPosition::new(&partition_key, sort);
        Some(KeyPlace { partition_key, position })
    }

    /// The attributes of the key, out of an item.
    pub(super) fn key_of(&self, item: &Value) -> Value {
        let names = [Some(&self.partition), self.sort.as_ref()].into_iter().flatten();
        names.filter_map(|name| Some((name.clone(), item.get(name)?.clone()))).collect()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        [Some(&self.partition), self.sort.as_ref()].into_iter().flatten().map(String::as_str)
    }
}

/// The text of a key's value.
fn text(value: &Value) -> Option<&str> {
    ["S", "N", "B"].iter().find_map(|kind| value.get(kind)).and_then(Value::as_str)
}

/// Bytes that compare as the values of a sort key do.
fn sortable(value: &Value) -> Option<Vec<u8>> {
    let Some(number) = value.get("N") else { return text(value).map(|text| text.as_bytes().to_vec()) };
    let bits = number.as_str()?.parse::<f64>().ok()?.to_bits();
    // The bits of a positive number compare as the number does; those of a negative one the other way round.
    let ordered = if bits >> 63 == 0 { bits | (1 << 63) } else { !bits };
    Some(ordered.to_be_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_compare_as_numbers_and_texts_as_texts() {
        let numbers = ["-20", "-3.5", "0", "7", "10", "1795262400"];
        let numbers: Vec<_> = numbers.iter().map(|number| sortable(&json!({ "N": number }))).collect();
        assert!(numbers.is_sorted() && numbers.iter().all(Option::is_some));
        assert!(sortable(&json!({"S": "10"})) < sortable(&json!({"S": "7"})));
    }

    #[test]
    fn an_item_without_the_whole_key_is_not_in_the_index() {
        let keys = Keys { partition: "shard".to_owned(), sort: Some("at".to_owned()) };
        assert!(keys.place(&json!({"shard": {"S": "7"}, "at": {"N": "1"}})).is_some());
        assert_eq!(keys.place(&json!({"shard": {"S": "7"}})), None);
    }
}
