//! Opens the database, in memory or in a file.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dynoxide::{Database, DynoxideError};
use local_template::Stack;
use rusqlite::Connection;
use tokio::sync::watch;

use super::resource_names::ResourceNames;
use super::streams::StreamViews;
use super::throughput::{Throughput, ThroughputOptions};
use super::{Engine, tables};
use crate::error::DynamoError;

/// Opens the database and creates the tables.
pub(crate) fn open_engine(
    stack: &Stack,
    folder: Option<&Path>,
    throughput: Option<ThroughputOptions>,
) -> Result<Engine, DynamoError> {
    let database = open_database(folder)?;
    let streams = tables::create_missing_tables(&database, stack)?;
    let names = Arc::new(ResourceNames::new(stack, &streams));
    let views = StreamViews::new(stack, names.region());
    let throughput = throughput.map(|options| Throughput::new(stack, Arc::clone(&names), options));
    let write_count = watch::Sender::new(0);
    Ok(Engine { database, names, views, throughput, write_count })
}

fn open_database(folder: Option<&Path>) -> Result<Database, DynamoError> {
    let path = match folder {
        None => unused_memory(),
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .map_err(|source| DynamoError::Folder { path: folder.to_owned(), source })?;
            folder.join(DATABASE_FILE).to_string_lossy().into_owned()
        }
    };
    let database = Database::new(&path)?;
    index_stream_records(&path).map_err(DynoxideError::from)?;
    Ok(database)
}

/// The name of a database in memory that two connections of this process can open. It lives as long as one of them is open.
fn unused_memory() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("file:local-dynamo-{}?mode=memory&cache=shared", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Gives the database an index of its stream records. Without it the engine reads all records that there are whenever it adds one to a
/// stream, because it looks for the last number, and whenever a stream is read.
fn index_stream_records(path: &str) -> rusqlite::Result<()> {
    Connection::open(path)?.execute_batch(STREAM_INDEX)
}

const DATABASE_FILE: &str = "dynamodb.sqlite";
const STREAM_INDEX: &str = "CREATE INDEX IF NOT EXISTS _stream_records_in_order \
     ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";

#[cfg(test)]
mod tests {
    use super::*;

    /// How the database would search for the answer.
    fn plan(path: &str, query: &str) -> String {
        let connection = Connection::open(path).unwrap();
        connection.query_row(&format!("EXPLAIN QUERY PLAN {query}"), [], |row| row.get("detail")).unwrap()
    }

    #[test]
    fn streams_are_written_and_read_by_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(DATABASE_FILE).to_string_lossy().into_owned();
        for path in [unused_memory(), file] {
            let _database = Database::new(&path).unwrap();
            index_stream_records(&path).unwrap();
            index_stream_records(&path).unwrap();
            // The two queries of the engine.
            let last = "SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1 FROM _stream_records \
                        WHERE table_name = 'T'";
            let next = "SELECT event_name FROM _stream_records \
                        WHERE table_name = 'T' AND shard_id = 'S' AND CAST(sequence_number AS INTEGER) > 7 \
                        ORDER BY CAST(sequence_number AS INTEGER) ASC LIMIT 10";
            for query in [last, next] {
                let plan = plan(&path, query);
                assert!(plan.contains("INDEX _stream_records_in_order"), "{path}: {plan}");
            }
        }
    }

    #[test]
    fn two_databases_in_memory_share_nothing() {
        assert_ne!(unused_memory(), unused_memory());
    }
}
