//! Why the bundle can't start, and why a call of a function failed.

use std::{io, net::SocketAddr, path::PathBuf};

use local_dynamo::DynamoError;
use local_s3::S3Error;
use local_template::TemplateError;
use shared::{host::HostError, runtime::InitError, types::BoxError};

/// Why the bundle can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database can't start.
    #[error("the local DynamoDB can't start")]
    Dynamo(#[source] DynamoError),
    /// The file with the operator's secret in the data folder can't be read or written.
    #[error("cannot use {path}, which holds the key that the local secrets are made from")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// Listening failed.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// The code is a function and the template's events are for a task, or the other way round.
    #[error("functions/{folder} is a {is}, but its events in template.yaml are for a {should_be}")]
    KindMismatch {
        /// The function's folder.
        folder: String,
        /// `function` or `task`: what the code is.
        is: &'static str,
        /// `function` or `task`: what the events are for.
        should_be: &'static str,
    },
    /// Another process listens on the port.
    #[error("port {0} is in use: end what uses it, or choose another with --port (0 takes any free one)")]
    PortInUse(u16),
    /// The file in the data folder with the position of a stream can't be read or written.
    #[error("cannot use {path}, which says how far a stream was read")]
    Position {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// The operating system has no random numbers.
    #[error("no keys can be made")]
    Randomness(#[source] HostError),
    /// A route of the template can't be matched.
    #[error("the route {route} of template.yaml can't be served: {problem}")]
    Route {
        /// The route.
        route: String,
        /// The router's message.
        problem: String,
    },
    /// The bucket of uploads can't be served.
    #[error("the local S3 can't start")]
    S3(#[source] S3Error),
    /// The products that the catalogue begins with can't be stored.
    #[error("the catalogue can't be filled")]
    Seed(#[source] DynamoError),
    /// Two functions of the template share a folder.
    #[error("two functions of template.yaml have the folder functions/{0}")]
    SharedFolder(String),
    /// The stream that a function reads can't be read.
    #[error("the stream that functions/{folder} reads can't be read")]
    Stream {
        /// The function's folder.
        folder: String,
        /// The database's error.
        #[source]
        source: DynamoError,
    },
    /// The template can't be read or deployed.
    #[error("template.yaml can't be deployed")]
    Template(#[source] TemplateError),
    /// The registry has a function that the template has not.
    #[error("functions/{0} has a line in the registry of local-gateway but no function in template.yaml")]
    Undeclared(String),
    /// The template has a function that the registry has not.
    #[error(
        "{logical_id} of template.yaml has no line in the registry of local-gateway: add functions/{folder}"
    )]
    Unregistered {
        /// Its logical id.
        logical_id: String,
        /// Its folder.
        folder: String,
    },
    /// The file in the data folder with the simulated WeChat's users and orders can't be used. It was left as it is.
    #[error(
        "cannot use {path}, which keeps the users and orders of the simulated WeChat: move it away, and WeChat begins with none, \
         or run without --data"
    )]
    WeChatFile {
        /// The file.
        path: PathBuf,
        /// The operating system's error, or what is wrong in the file.
        #[source]
        source: io::Error,
    },
}

/// Why a call of a function has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The function returned an error.
    #[error("the call failed")]
    Failed(#[source] BoxError),
    /// The call was killed before it could answer ([`Bundle::start_random_kills`](crate::Bundle::start_random_kills)).
    #[error("the function was killed")]
    Killed,
    /// The call panicked outside the function's own code.
    #[error("the call panicked")]
    Panicked,
    /// The function can't start. It did nothing, and the next call tries again.
    #[error(transparent)]
    Start(#[from] InitError),
    /// A stream was not delivered to its end: a record fails at every retry, or the task itself writes new records.
    #[error("the stream has no end after {calls} calls")]
    Stuck {
        /// The number of calls.
        calls: usize,
    },
    /// The call took longer than the template allows.
    #[error("the call took longer than the template allows")]
    TimedOut,
    /// No function has this folder, or the function in it is of another kind.
    #[error("there is no {expected} in functions/{folder}")]
    Unknown {
        /// The folder.
        folder: String,
        /// The kind that was looked for.
        expected: &'static str,
    },
}
