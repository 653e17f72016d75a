//! The handle to a running local DynamoDB.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use local_template::Stack;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::access::access_keys::{OPERATOR, secret_access_key};
use crate::access::policy::FunctionPolicies;
use crate::call_log::{CallLog, CallObserver, ServiceCall};
use crate::engine::{self, HotKey, ThroughputOptions};
use crate::error::DynamoError;
use crate::event_buses::{EventBuses, EventObserver};
use crate::fault_queue::{DynamoFault, FaultQueue};
use crate::permission::{Permission, PermissionUse};
use crate::request_target::{AwsService, RequestTarget};
use crate::secret_store::SecretStore;
use crate::server::request_handler::{RequestHandler, RequestOutcome};
use crate::server::{AuthorizationError, serve};
use crate::sigv4::WireRequest;

/// The settings of a local DynamoDB.
#[derive(Clone)]
pub struct DynamoOptions {
    /// The address to listen on; port 0 is any free port.
    pub address: SocketAddr,
    /// The folder of the database; `None` keeps the database in memory.
    pub data: Option<PathBuf>,
    /// The values of secrets by logical id. They replace generated values.
    pub secrets: BTreeMap<String, String>,
    /// The operator's secret access key, from which the functions' keys are derived.
    pub operator_secret: String,
    /// The throughput that partitions have for functions; `None` is unlimited.
    pub throughput: Option<ThroughputOptions>,
}

/// A running DynamoDB, EventBridge and Secrets Manager. Clones are handles to the same one. It ends with [`Dynamo::shutdown`] or
/// when the last handle is dropped.
#[derive(Clone)]
pub struct Dynamo {
    inner: Arc<Inner>,
}

struct Inner {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    handler: Arc<RequestHandler>,
}

impl Dynamo {
    /// Creates the stack's tables, event buses and secrets, and listens.
    pub async fn start(stack: &Stack, options: DynamoOptions) -> Result<Self, DynamoError> {
        let DynamoOptions { address, data, secrets, operator_secret, throughput } = options;
        let policies = FunctionPolicies::new(stack)?;
        let secrets = SecretStore::new(stack, secrets, &operator_secret)?;
        let listener = TcpListener::bind(address).await.map_err(DynamoError::Bind)?;
        let address = listener.local_addr().map_err(DynamoError::Bind)?;
        let (stop, stopped) = watch::channel(false);
        let engine = engine::open_engine(stack, data.as_deref(), throughput)?;
        let handler = Arc::new(RequestHandler {
            names: engine.names(),
            engine,
            event_buses: EventBuses::new(stack, &operator_secret),
            faults: FaultQueue::default(),
            operator_secret,
            policies,
            call_log: CallLog::default(),
            secrets,
        });
        let server = tokio::spawn(serve(listener, Arc::clone(&handler), wait_for_stop(stopped.clone())));
        let sweeper = tokio::spawn(sweep_periodically(Arc::clone(&handler), stopped));
        let tasks = Mutex::new(vec![server, sweeper]);
        Ok(Self { inner: Arc::new(Inner { address, stop, tasks, handler }) })
    }

    /// The address of the one socket.
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// The address as a URL, for `AWS_ENDPOINT_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.inner.address)
    }

    /// The secret access key of a function or of the operator, for `AWS_SECRET_ACCESS_KEY`. The access key id is the
    /// function's logical id.
    pub fn secret_access_key(&self, caller: &str) -> String {
        secret_access_key(&self.inner.handler.operator_secret, caller)
    }

    /// Authorizes a request to a `service` that is not served here. Returns the caller, if the signature is right and the caller's
    /// statements allow the permission. The request is logged like a call.
    pub fn authorize_request(
        &self,
        request: &WireRequest<'_>,
        service: &str,
        permission: Permission,
    ) -> Result<String, AuthorizationError> {
        self.inner.handler.authorize_request(request, service, permission)
    }

    /// Authorizes a caller whose signature another server has verified: its statements must allow the permission. The request is
    /// logged like a call.
    pub fn authorize_caller(&self, caller: &str, permission: Permission) -> Result<(), AuthorizationError> {
        self.inner.handler.authorize_caller(caller, permission)
    }

    /// Whether the access key id belongs to a function or to the operator.
    pub fn has_caller(&self, access_key_id: &str) -> bool {
        self.inner.handler.policies.has_caller(access_key_id)
    }

    /// A secret's current value.
    pub fn secret(&self, logical_id: &str) -> Option<String> {
        self.inner.handler.secrets.current_value(logical_id)
    }

    /// Sets a secret's current value. The value before it keeps the label `AWSPREVIOUS`.
    pub fn set_secret(&self, logical_id: &str, value: impl Into<String>) -> Result<(), DynamoError> {
        self.inner.handler.secrets.set_value(logical_id, value.into())
    }

    /// Calls an operation of DynamoDB, such as `PutItem`, with the operator's permissions. The call is logged.
    pub async fn call_as_operator(&self, operation: &str, request: Value) -> Result<Value, DynamoError> {
        let target = RequestTarget { service: AwsService::DynamoDb, operation };
        match self.inner.handler.handle_as(OPERATOR, target, request.to_string().as_bytes()).await {
            RequestOutcome::Response(response) => success_body(operation, response.status, &response.body),
            RequestOutcome::Disconnect => success_body(operation, 0, b"null"),
        }
    }

    /// Calls an operation of DynamoDB as AWS's own services do, such as Lambda when it reads a stream for a function: without
    /// permissions, faults and log.
    pub async fn call_as_service(&self, operation: &str, request: Value) -> Result<Value, DynamoError> {
        let (response, _) = self.inner.handler.engine.run_operation(operation, request).await?;
        success_body(operation, response.status, &response.body)
    }

    /// A receiver that changes with every write to a table, whoever writes, and when expired items are deleted.
    pub fn subscribe_writes(&self) -> watch::Receiver<u64> {
        self.inner.handler.engine.subscribe_writes()
    }

    /// Lets `observer` see every call when it ends, also those of services that are authorized and not served here. It must be quick and
    /// must not call this database. The first observer stays.
    pub fn observe_calls(&self, observer: CallObserver) {
        self.inner.handler.call_log.set_observer(observer);
    }

    /// Lets `observer` see every event that reaches a bus. It must be quick and must not call this database. The first observer stays.
    pub fn observe_events(&self, observer: EventObserver) {
        self.inner.handler.event_buses.set_observer(observer);
    }

    /// All events that were put, oldest first: the fields that a rule sees, and `event-bus-name`.
    pub fn events(&self) -> Vec<Value> {
        self.inner.handler.event_buses.events()
    }

    /// All calls so far, including the operator's.
    pub fn calls(&self) -> Vec<ServiceCall> {
        self.inner.handler.call_log.calls()
    }

    /// All calls since the last `take_calls`.
    pub fn take_calls(&self) -> Vec<ServiceCall> {
        self.inner.handler.call_log.take_calls()
    }

    /// The permissions that functions have used. The operator's are left out.
    pub fn used_permissions(&self) -> BTreeSet<PermissionUse> {
        let mut used = self.inner.handler.call_log.used_permissions();
        used.retain(|permission| permission.caller != OPERATOR);
        used
    }

    /// The permissions that calls were refused for, oldest first.
    pub fn denied_permissions(&self) -> Vec<PermissionUse> {
        self.inner.handler.call_log.denied_permissions()
    }

    /// Injects a fault into future calls. Several faults are used in the order in which they were injected.
    pub fn inject_fault(&self, fault: DynamoFault) {
        self.inner.handler.faults.inject_fault(fault);
    }

    /// Removes all injected faults. Random faults continue.
    pub fn clear_faults(&self) {
        self.inner.handler.faults.clear_faults();
    }

    /// Starts to make `rate_per_mille` of a thousand calls of functions fail at random. The seed and the calls so far decide which
    /// calls fail, and how. Injected faults are used first; the operator's calls don't fail.
    pub fn start_random_faults(&self, seed: u64, rate_per_mille: u32) {
        self.inner.handler.faults.random.start(seed, rate_per_mille);
    }

    /// Stops the random faults.
    pub fn stop_random_faults(&self) {
        self.inner.handler.faults.random.stop();
    }

    /// How many requests each key has throttled since the last call, because its partition had no units left.
    pub fn take_hot_keys(&self) -> BTreeMap<HotKey, usize> {
        self.inner.handler.engine.take_hot_keys()
    }

    /// All items of all tables as JSON text: an object with a list for each table.
    pub fn dump_tables(&self) -> Result<String, DynamoError> {
        self.inner.handler.engine.dump_tables()
    }

    /// Deletes expired items now, before the next periodic sweep. Returns how many there were.
    pub fn sweep_expired(&self) -> Result<usize, DynamoError> {
        self.inner.handler.engine.sweep_expired()
    }

    /// Stops listening, lets running requests finish, and closes the database.
    pub async fn shutdown(&self) {
        let _ = self.inner.stop.send(true);
        let tasks = std::mem::take(&mut *self.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            // Bounded, because a client that never finishes its request would block the shutdown.
            let handle = task.abort_handle();
            if tokio::time::timeout(SHUTDOWN_TIMEOUT, task).await.is_err() {
                handle.abort();
            }
        }
    }
}

/// The body of a response with status 200; [`DynamoError::Refused`] for any other status.
fn success_body(operation: &str, status: u16, body: &[u8]) -> Result<Value, DynamoError> {
    let body: Value = serde_json::from_slice(body)?;
    if status == 200 {
        return Ok(body);
    }
    let text = |keys: &[&str]| {
        let value = keys.iter().find_map(|key| body.get(key)?.as_str()).unwrap_or("no answer");
        value.to_owned()
    };
    let code = text(&["__type"]);
    Err(DynamoError::Refused {
        operation: operation.to_owned(),
        code: code.rsplit_once('#').map_or(code.as_str(), |(_, code)| code).to_owned(),
        message: text(&["message", "Message"]),
        body: Box::new(body),
    })
}

/// Resolves when the handle sends the stop, or when the last handle is dropped.
async fn wait_for_stop(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Deletes expired items every 30 seconds. DynamoDB itself may take days, so no code may rely on their absence.
async fn sweep_periodically(handler: Arc<RequestHandler>, stopped: watch::Receiver<bool>) {
    let stop = wait_for_stop(stopped);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(SWEEP_INTERVAL) => {
                let handler = Arc::clone(&handler);
                // A failed sweep is made good by the next one.
                let _ = tokio::task::spawn_blocking(move || handler.engine.sweep_expired()).await;
            }
        }
    }
}

const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);
const SWEEP_INTERVAL: Duration = Duration::from_secs(30);
