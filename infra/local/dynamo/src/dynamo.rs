//! The handle: start, stop, operate, look.

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

use crate::access::keys::{OPERATOR, secret_access_key};
use crate::access::policy::Policies;
use crate::engine;
use crate::error::DynamoError;
use crate::events::Events;
use crate::fault::{Fault, Faults};
use crate::record::{Call, Permission, PermissionUse, Record};
use crate::secrets::Secrets;
use crate::server::world::{Reply, World};
use crate::server::{Refusal, serve};
use crate::sigv4::Received;
use crate::target::{Service, Target};

/// How to start.
#[derive(Clone)]
pub struct Options {
    /// Where to listen; port 0 is any free one.
    pub address: SocketAddr,
    /// The folder of the database; `None` keeps it in memory.
    pub data: Option<PathBuf>,
    /// The values of secrets by their logical ids. They win over generated ones.
    pub secrets: BTreeMap<String, String>,
    /// The operator's secret access key, from which those of the functions are derived.
    pub operator_secret: String,
}

/// A running DynamoDB, EventBridge and Secrets Manager. Clones are handles to the same one; it ends with [`Dynamo::shutdown`] or when
/// the last handle is dropped.
#[derive(Clone)]
pub struct Dynamo {
    inner: Arc<Inner>,
}

struct Inner {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    world: Arc<World>,
}

impl Dynamo {
    /// Makes the stack's tables, event buses and secrets and begins to listen.
    pub async fn start(stack: &Stack, options: Options) -> Result<Self, DynamoError> {
        let Options { address, data, secrets, operator_secret } = options;
        let policies = Policies::new(stack)?;
        let secrets = Secrets::new(stack, secrets, &operator_secret)?;
        let listener = TcpListener::bind(address).await.map_err(DynamoError::Bind)?;
        let address = listener.local_addr().map_err(DynamoError::Bind)?;
        let (stop, stopped) = watch::channel(false);
        let engine = engine::open(stack, data.as_deref())?;
        let world = Arc::new(World {
            names: engine.names(),
            engine,
            events: Events::new(stack, &operator_secret),
            faults: Faults::default(),
            operator_secret,
            policies,
            record: Record::default(),
            secrets,
        });
        let server = tokio::spawn(serve(listener, Arc::clone(&world), wait(stopped.clone())));
        let sweeper = tokio::spawn(sweep(Arc::clone(&world), stopped));
        let tasks = Mutex::new(vec![server, sweeper]);
        Ok(Self { inner: Arc::new(Inner { address, stop, tasks, world }) })
    }

    /// Where it listens: its one socket.
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// Where it listens, for `AWS_ENDPOINT_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.inner.address)
    }

    /// The secret access key of a function or of the operator, for `AWS_SECRET_ACCESS_KEY`. The access key id is the
    /// function's logical id.
    pub fn secret_access_key(&self, caller: &str) -> String {
        secret_access_key(&self.inner.world.operator_secret, caller)
    }

    /// Who sent a request to another `service`, if the signature is right and the statements allow the action on the
    /// resource. It is recorded like a call.
    pub fn authorize(
        &self,
        received: &Received<'_>,
        service: &str,
        permission: Permission,
    ) -> Result<String, Refusal> {
        self.inner.world.authorize(received, service, permission)
    }

    /// A secret's current value.
    pub fn secret(&self, logical_id: &str) -> Option<String> {
        self.inner.world.secrets.current(logical_id)
    }

    /// Puts a secret's new value; the one before keeps the label `AWSPREVIOUS`.
    pub fn set_secret(&self, logical_id: &str, value: impl Into<String>) -> Result<(), DynamoError> {
        self.inner.world.secrets.set(logical_id, value.into())
    }

    /// Does an operation of DynamoDB, such as `PutItem`, as the operator.
    pub async fn operator(&self, target: &str, body: Value) -> Result<Value, DynamoError> {
        let target = Target { service: Service::DynamoDb, operation: target };
        match self.inner.world.call(OPERATOR, target, body.to_string().as_bytes()).await {
            Reply::Answer(answer) => success(target.operation, answer.status, &answer.body),
            Reply::Nothing => success(target.operation, 0, b"null"),
        }
    }

    /// Does an operation of DynamoDB as AWS's own services do, such as Lambda when it reads a stream for a function: no
    /// permission is asked for, no fault hits it, nothing goes on record.
    pub async fn internal(&self, operation: &str, body: Value) -> Result<Value, DynamoError> {
        let (answer, _) = self.inner.world.engine.call(operation, body).await?;
        success(operation, answer.status, &answer.body)
    }

    /// Changes with every write to a table, whoever writes, and when expired items are deleted.
    pub fn written(&self) -> watch::Receiver<u64> {
        self.inner.world.engine.written()
    }

    /// Every event that was put, oldest first: what a rule would get to see of it, and `event-bus-name`.
    pub fn events(&self) -> Vec<Value> {
        self.inner.world.events.put()
    }

    /// Every call so far, the operator's too.
    pub fn calls(&self) -> Vec<Call> {
        self.inner.world.record.calls()
    }

    /// Every call since this was last asked.
    pub fn take_calls(&self) -> Vec<Call> {
        self.inner.world.record.take_calls()
    }

    /// The permissions that were used, those of the operator left out.
    pub fn permissions_used(&self) -> BTreeSet<PermissionUse> {
        let mut used = self.inner.world.record.used();
        used.retain(|one| one.caller != OPERATOR);
        used
    }

    /// The permissions that were lacking, in the order in which they were.
    pub fn denied(&self) -> Vec<PermissionUse> {
        self.inner.world.record.denied()
    }

    /// Arms a fault. Several are used in the order in which they were armed.
    pub fn inject(&self, fault: Fault) {
        self.inner.world.faults.inject(fault);
    }

    /// Disarms every fault. A storm goes on.
    pub fn clear_faults(&self) {
        self.inner.world.faults.clear();
    }

    /// From now on a fault hits so many of a thousand calls of functions: which ones, and which fault, depends on the seed and
    /// on the calls that came before. What was injected goes first; the operator is spared.
    pub fn storm(&self, seed: u64, rate_per_mille: u32) {
        self.inner.world.faults.weather.storm(seed, rate_per_mille);
    }

    /// Ends the storm.
    pub fn calm(&self) {
        self.inner.world.faults.weather.calm();
    }

    /// Every item of every table as JSON text: an object with a list for each table.
    pub fn dump(&self) -> Result<String, DynamoError> {
        self.inner.world.engine.dump()
    }

    /// Deletes expired items now instead of at the next sweep. Returns how many they were.
    pub fn sweep_expired(&self) -> Result<usize, DynamoError> {
        self.inner.world.engine.sweep()
    }

    /// Stops listening, lets running requests finish, and closes the database.
    pub async fn shutdown(&self) {
        let _ = self.inner.stop.send(true);
        let tasks = std::mem::take(&mut *self.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            // A client that never finishes its request must not hold up the end.
            let handle = task.abort_handle();
            if tokio::time::timeout(PATIENCE, task).await.is_err() {
                handle.abort();
            }
        }
    }
}

/// The answer's body, if it is one of success.
fn success(operation: &str, status: u16, body: &[u8]) -> Result<Value, DynamoError> {
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

/// Resolves when the handle says stop, or is gone.
async fn wait(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Deletes expired items now and then. DynamoDB takes its time too, so code must not rely on their absence.
async fn sweep(world: Arc<World>, stopped: watch::Receiver<bool>) {
    let stop = wait(stopped);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(SWEEP_EVERY) => {
                let world = Arc::clone(&world);
                // What fails now is tried again with the next sweep.
                let _ = tokio::task::spawn_blocking(move || world.engine.sweep()).await;
            }
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(2);
const SWEEP_EVERY: Duration = Duration::from_secs(30);
