//! The names and ARNs of tables, indexes and streams. The engine gives its tables ARNs of its own; callers see those of the
//! template.

use std::collections::BTreeMap;

use dynoxide::actions::get_shard_iterator::decode_shard_iterator;
use local_template::{Stack, Table};
use serde_json::Value;

/// The names, ARNs and partition keys of tables, indexes and streams.
#[derive(Debug, Default)]
pub(crate) struct ResourceNames {
    /// The ARN of every table without the table's name.
    prefix: String,
    tables: BTreeMap<String, PartitionKeys>,
    /// For each stream the template's ARN and the engine's ARN.
    streams: Vec<(String, String)>,
}

/// The partition keys of a table and its indexes.
#[derive(Debug)]
struct PartitionKeys {
    table: String,
    indexes: BTreeMap<String, String>,
}

impl ResourceNames {
    /// `streams` has the engine's stream ARN by table name.
    pub(crate) fn new(stack: &Stack, streams: &BTreeMap<String, String>) -> Self {
        let prefix = stack.tables.first().and_then(|table| table.arn.strip_suffix(&table.name));
        let prefix = prefix.unwrap_or("arn:aws:dynamodb:us-east-1:000000000000:table/").to_owned();
        let tables =
            stack.tables.iter().map(|table| (table.name.clone(), PartitionKeys::new(table))).collect();
        let streams = stack
            .tables
            .iter()
            .filter_map(|table| Some((table.stream_arn.clone()?, streams.get(&table.name)?.clone())));
        Self { prefix, tables, streams: streams.collect() }
    }

    pub(crate) fn table_names(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }

    /// The account in the ARNs.
    pub(crate) fn account(&self) -> &str {
        self.prefix.split(':').nth(4).unwrap_or_default()
    }

    /// The region in the ARNs.
    pub(crate) fn region(&self) -> &str {
        self.prefix.split(':').nth(3).unwrap_or_default()
    }

    /// The table's name in a field that holds a name or an ARN; empty when the field is missing.
    pub(crate) fn table_name<'a>(&self, field: Option<&'a Value>) -> &'a str {
        self.strip_arn(field.and_then(Value::as_str).unwrap_or_default())
    }

    /// Turns the ARN of a table into its name; a name stays as it is.
    pub(crate) fn strip_arn<'a>(&self, name: &'a str) -> &'a str {
        name.strip_prefix(&self.prefix).unwrap_or(name)
    }

    pub(crate) fn table_arn(&self, table: &str) -> String {
        format!("{}{table}", self.prefix)
    }

    /// The table that an ARN of a table, an index or a stream belongs to.
    pub(crate) fn table_of_arn(&self, arn: &str) -> Option<String> {
        let path = arn.strip_prefix(&self.prefix)?;
        Some(path.split_once('/').map_or(path, |(table, _)| table).to_owned())
    }

    pub(crate) fn index_arn(&self, table: &str, index: &str) -> String {
        format!("{}{table}/index/{index}", self.prefix)
    }

    pub(crate) fn partition_key(&self, table: &str) -> Option<&str> {
        self.tables.get(table).map(|keys| keys.table.as_str())
    }

    pub(crate) fn index_partition_key(&self, table: &str, index: &str) -> Option<&str> {
        self.tables.get(table)?.indexes.get(index).map(String::as_str)
    }

    /// The ARN of the stream that a request reads.
    pub(crate) fn requested_stream_arn(&self, request: &Value) -> String {
        let named = request.get("StreamArn").and_then(Value::as_str).map(ToOwned::to_owned);
        let from_iterator = || {
            let iterator = request.get("ShardIterator")?.as_str()?;
            decode_shard_iterator(iterator).map(|(table, ..)| table)
        };
        let from_table =
            || request.get("TableName").and_then(Value::as_str).map(|table| self.strip_arn(table).to_owned());
        named
            .or_else(|| {
                let table = format!("{}/stream/", self.table_arn(&from_iterator().or_else(from_table)?));
                self.streams
                    .iter()
                    .find(|(template_arn, _)| template_arn.starts_with(&table))
                    .map(|(template_arn, _)| template_arn.clone())
            })
            .unwrap_or_else(|| "*".to_owned())
    }

    /// A request with the engine's ARNs.
    pub(crate) fn with_engine_arns(&self, operation: &str, request: Value) -> serde_json::Result<Value> {
        if !OPERATIONS_WITH_ARNS.contains(&operation) {
            return Ok(request);
        }
        let replace = |text: String, (template_arn, engine_arn): &(String, String)| {
            text.replace(template_arn, engine_arn)
        };
        serde_json::from_str(&self.streams.iter().fold(request.to_string(), replace))
    }

    /// A response's body with the template's ARNs.
    pub(crate) fn with_template_arns(&self, operation: &str, body: String) -> String {
        if !OPERATIONS_WITH_ARNS.contains(&operation) {
            return body;
        }
        let body = self
            .streams
            .iter()
            .fold(body, |body, (template_arn, engine_arn)| body.replace(engine_arn, template_arn));
        body.replace(&dynoxide::streams::table_arn(""), &self.prefix)
    }
}

impl PartitionKeys {
    fn new(table: &Table) -> Self {
        let indexes = ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"]
            .iter()
            .filter_map(|kind| table.create.get(kind)?.as_array())
            .flatten()
            .filter_map(|index| Some((index.get("IndexName")?.as_str()?.to_owned(), hash_key(index)?)))
            .collect();
        Self { table: hash_key(&table.create).unwrap_or_default(), indexes }
    }
}

fn hash_key(schema: &Value) -> Option<String> {
    let elements = schema.get("KeySchema")?.as_array()?;
    let hash = elements.iter().find(|element| element.get("KeyType").is_some_and(|kind| kind == "HASH"))?;
    hash.get("AttributeName")?.as_str().map(ToOwned::to_owned)
}

/// The operations whose requests or responses hold ARNs. The others hold customers' data, which must not be replaced.
const OPERATIONS_WITH_ARNS: [&str; 9] = [
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
