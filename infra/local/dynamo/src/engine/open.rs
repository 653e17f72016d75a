//! Opens the database, in memory or in a file.

use std::path::Path;
use std::sync::Arc;

use dynoxide::Database;
use local_template::Stack;
use tokio::sync::watch;

use super::names::Names;
use super::streams::Views;
use super::{Engine, tables};
use crate::error::DynamoError;

/// Opens the database and makes the tables.
pub(crate) fn open(stack: &Stack, folder: Option<&Path>) -> Result<Engine, DynamoError> {
    let database = match folder {
        None => Database::memory()?,
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .map_err(|source| DynamoError::Folder { path: folder.to_owned(), source })?;
            Database::new(&folder.join(FILE).to_string_lossy())?
        }
    };
    let streams = tables::make(&database, stack)?;
    let names = Arc::new(Names::new(stack, &streams));
    let views = Views::new(stack, names.region());
    let written = watch::Sender::new(0);
    Ok(Engine { database, names, views, written })
}

/// The database's file.
const FILE: &str = "dynamodb.sqlite";
