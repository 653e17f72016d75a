//! Opens the database, in memory or in a file.

use std::path::Path;
use std::sync::Arc;

use dynoxide::Database;
use local_template::Stack;
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
    let database = match folder {
        None => Database::memory()?,
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .map_err(|source| DynamoError::Folder { path: folder.to_owned(), source })?;
            Database::new(&folder.join(DATABASE_FILE).to_string_lossy())?
        }
    };
    let streams = tables::create_missing_tables(&database, stack)?;
    let names = Arc::new(ResourceNames::new(stack, &streams));
    let views = StreamViews::new(stack, names.region());
    let throughput = throughput.map(|options| Throughput::new(stack, Arc::clone(&names), options));
    let write_count = watch::Sender::new(0);
    Ok(Engine { database, names, views, throughput, write_count })
}

const DATABASE_FILE: &str = "dynamodb.sqlite";
