//! Opens the database, in memory or in a file, and serves it to this process.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use dynoxide::Database;
use local_template::Stack;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::names::Names;
use super::streams::Views;
use super::{Engine, tables};
use crate::error::DynamoError;

/// Opens the database, makes the tables, and serves it until `stop`.
pub(crate) async fn open(
    stack: &Stack,
    folder: Option<&Path>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(Engine, JoinHandle<()>), DynamoError> {
    let database = match folder {
        None => Database::memory()?,
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .map_err(|source| DynamoError::Folder { path: folder.to_owned(), source })?;
            Database::new(&folder.join(FILE).to_string_lossy())?
        }
    };
    let streams = tables::make(&database, stack)?;
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(DynamoError::Bind)?;
    let address = listener.local_addr().map_err(DynamoError::Bind)?;
    let served = database.clone();
    let task = tokio::spawn(async move {
        // Ends with `stop`; a failure shows in the next call.
        let _ = dynoxide::server::serve_with_shutdown(listener, served, stop).await;
    });
    let names = Arc::new(Names::new(stack, &streams));
    let views = Views::new(stack, names.region());
    let written = watch::Sender::new(0);
    Ok((Engine { database, client: client()?, address, names, views, written }, task))
}

/// A client for plain HTTP. It is built with a TLS configuration because it has no default one; nothing is trusted by it.
fn client() -> Result<reqwest::Client, DynamoError> {
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Ok(reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build()?)
}

/// The database's file.
const FILE: &str = "dynamodb.sqlite";
