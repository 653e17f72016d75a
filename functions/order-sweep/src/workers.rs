//! Workers: invocations of this function, each for a share of the shards.
//!
//! Lambda keeps an asynchronous invocation and starts it as soon as there is room; it costs nothing beside the run itself. It may come
//! twice, or, if Lambda is full for long, not at all: of two workers one asks about an order, and the next minute finds what is left. So
//! neither a queue nor a bus is needed: the index of what is due is the queue.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    host::{AwsCall, AwsClient, AwsService, Host, HostError},
    telemetry,
};

/// The event that starts a run.
#[derive(Debug, Default, Deserialize)]
pub struct SweepEvent {
    /// The shards of a worker. The event of the schedule has none.
    pub shards: Option<Vec<Shard>>,
}

/// A shard of an index of due rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shard {
    /// The table.
    pub kind: DueKind,
    /// The shard's name.
    pub name: String,
}

/// The table whose index of due rows is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DueKind {
    /// Orders.
    Orders,
    /// Refunds.
    Refunds,
}

/// Starts workers.
pub(crate) struct Workers {
    lambda: AwsClient,
    /// The path at which Lambda invokes this function.
    path: String,
}

impl Workers {
    /// Reads `AWS_LAMBDA_FUNCTION_NAME`, which Lambda sets.
    ///
    /// # Errors
    /// [`HostError`]: the variable, region or credentials are missing.
    pub(crate) fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            lambda: host.aws(AwsService::Lambda)?,
            path: format!("/2015-03-31/functions/{}/invocations", host.var("AWS_LAMBDA_FUNCTION_NAME")?),
        })
    }

    /// Starts a worker for these shards.
    ///
    /// # Errors
    /// The shards: no worker was started, as far as Lambda tells.
    pub(crate) async fn start(&self, share: Vec<Shard>) -> Result<(), Vec<Shard>> {
        let event = json!({ "shards": share });
        let call = AwsCall::post(&self.path, &event, START_TIMEOUT).asynchronous();
        match self.lambda.call(&call).await {
            Ok(_) => Ok(()),
            Err(error) => {
                telemetry::handled_error("start-sweep-worker", &error);
                Err(share)
            }
        }
    }
}

/// How long starting a worker may take.
const START_TIMEOUT: Duration = Duration::from_secs(4);
