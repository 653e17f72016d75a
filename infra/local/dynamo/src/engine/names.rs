//! The names of tables, indexes and streams. The engine gives its tables ARNs of its own; callers see those of the
//! template.

use std::collections::BTreeMap;

use dynoxide::actions::get_shard_iterator::decode_shard_iterator;
use local_template::{Stack, Table};
use serde_json::Value;

/// The names of tables, indexes and streams.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The ARN of a table without its name.
    prefix: String,
    tables: BTreeMap<String, Keys>,
    /// The template's and the engine's ARN of each stream.
    streams: Vec<(String, String)>,
}

/// The partition keys of a table and its indexes.
#[derive(Debug)]
struct Keys {
    partition: String,
    indexes: BTreeMap<String, String>,
}

impl Names {
    /// `streams` has the engine's ARN for the table of each stream.
    pub(crate) fn new(stack: &Stack, streams: &BTreeMap<String, String>) -> Self {
        let prefix = stack.tables.first().and_then(|table| table.arn.strip_suffix(&table.name));
        let prefix = prefix.unwrap_or("arn:aws:dynamodb:us-east-1:000000000000:table/").to_owned();
        let tables = stack.tables.iter().map(|table| (table.name.clone(), Keys::of(table))).collect();
        let streams = stack
            .tables
            .iter()
            .filter_map(|table| Some((table.stream_arn.clone()?, streams.get(&table.name)?.clone())));
        Self { prefix, tables, streams: streams.collect() }
    }

    pub(crate) fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }

    /// The account that everything belongs to.
    pub(crate) fn account(&self) -> &str {
        self.prefix.split(':').nth(4).unwrap_or_default()
    }

    /// The region that everything is in.
    pub(crate) fn region(&self) -> &str {
        self.prefix.split(':').nth(3).unwrap_or_default()
    }

    /// The table's name in a field that may hold its ARN; empty when there is none.
    pub(crate) fn table_name<'a>(&self, field: Option<&'a Value>) -> &'a str {
        self.plain(field.and_then(Value::as_str).unwrap_or_default())
    }

    pub(crate) fn plain<'a>(&self, name: &'a str) -> &'a str {
        name.strip_prefix(&self.prefix).unwrap_or(name)
    }

    pub(crate) fn table_arn(&self, table: &str) -> String {
        format!("{}{table}", self.prefix)
    }

    /// The table that an ARN of a table, an index or a stream belongs to.
    pub(crate) fn table_of(&self, arn: &str) -> Option<String> {
        let path = arn.strip_prefix(&self.prefix)?;
        Some(path.split_once('/').map_or(path, |(table, _)| table).to_owned())
    }

    pub(crate) fn index_arn(&self, table: &str, index: &str) -> String {
        format!("{}{table}/index/{index}", self.prefix)
    }

    pub(crate) fn partition_key(&self, table: &str) -> Option<&str> {
        self.tables.get(table).map(|keys| keys.partition.as_str())
    }

    pub(crate) fn index_partition_key(&self, table: &str, index: &str) -> Option<&str> {
        self.tables.get(table)?.indexes.get(index).map(String::as_str)
    }

    /// The ARN of the stream that a request reads.
    pub(crate) fn stream_of(&self, request: &Value) -> String {
        let named = request.get("StreamArn").and_then(Value::as_str).map(ToOwned::to_owned);
        let iterated = || {
            let iterator = request.get("ShardIterator")?.as_str()?;
            decode_shard_iterator(iterator).map(|(table, ..)| table)
        };
        let listed =
            || request.get("TableName").and_then(Value::as_str).map(|table| self.plain(table).to_owned());
        named
            .or_else(|| {
                let table = format!("{}/stream/", self.table_arn(&iterated().or_else(listed)?));
                self.streams.iter().find(|(ours, _)| ours.starts_with(&table)).map(|(ours, _)| ours.clone())
            })
            .unwrap_or_else(|| "*".to_owned())
    }

    /// A request's body with the engine's names.
    pub(crate) fn to_engine(&self, operation: &str, body: String) -> String {
        if !NAMING.contains(&operation) {
            return body;
        }
        self.streams.iter().fold(body, |body, (ours, engines)| body.replace(ours, engines))
    }

    /// An answer's body with the template's names.
    pub(crate) fn to_caller(&self, operation: &str, body: String) -> String {
        if !NAMING.contains(&operation) {
            return body;
        }
        let body = self.streams.iter().fold(body, |body, (ours, engines)| body.replace(engines, ours));
        body.replace(&dynoxide::streams::table_arn(""), &self.prefix)
    }
}

impl Keys {
    fn of(table: &Table) -> Self {
        let indexes = ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"]
            .iter()
            .filter_map(|kind| table.create.get(kind)?.as_array())
            .flatten()
            .filter_map(|index| Some((index.get("IndexName")?.as_str()?.to_owned(), hash_key(index)?)))
            .collect();
        Self { partition: hash_key(&table.create).unwrap_or_default(), indexes }
    }
}

fn hash_key(schema: &Value) -> Option<String> {
    let elements = schema.get("KeySchema")?.as_array()?;
    let hash = elements.iter().find(|element| element.get("KeyType").is_some_and(|kind| kind == "HASH"))?;
    hash.get("AttributeName")?.as_str().map(ToOwned::to_owned)
}

/// The operations whose requests or answers have ARNs. The others carry customers' data, which is left alone.
const NAMING: [&str; 9] = [
    "CreateTable",
    "DeleteTable",
    "DescribeStream",
    "DescribeTable",
    "GetShardIterator",
    "ListStreams",
    "ListTagsOfResource",
    "TagResource",
    "UpdateTable",
];
