//! The whole bundle, running.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

use axum::Router;
use local_dynamo::{Dynamo, FaultInjector};
use local_template::{Stack, Template};
use local_wechat::{PlatformMode, Simulator};
use serde_json::Value;
use shared::host::{Clock, Host};

use crate::{
    config::Config,
    deployment::{self, Addresses},
    error::{CallError, StartError},
    function::Entry,
    functions::Functions,
    http::{self, Gateway, Routes},
    invoke, key,
    options::Options,
    queues::Queues,
    registry::REGISTRY,
    schedule, seed,
    servers::{Servers, listen},
    stream::Streams,
    walk,
};

/// The whole bundle, running: gateway, functions, database and, unless configured otherwise, the simulated WeChat.
///
/// Everything belongs to it alone, so that many can run in one process. It ends with [`Bundle::stop`] or when it is dropped.
pub struct Bundle {
    address: SocketAddr,
    /// Of the sockets beside it.
    inner_addresses: Vec<(&'static str, SocketAddr)>,
    config: Config,
    clock: Arc<dyn Clock>,
    stack: Stack,
    dynamo: Dynamo,
    wechat: Option<Simulator>,
    functions: Functions,
    streams: Streams,
    queues: Arc<Queues>,
    kills: Arc<FaultInjector>,
    lambda_url: String,
    servers: Servers,
}

impl Bundle {
    /// Deploys `template.yaml` of this workspace to this machine.
    ///
    /// # Errors
    /// Something does not fit or can't be had; the error says what.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let template = Template::read(&template_path()).map_err(StartError::Template)?;
        Self::deploy(options, &template, REGISTRY).await
    }

    pub(crate) async fn deploy(
        options: Options,
        template: &Template,
        registry: &[Entry],
    ) -> Result<Self, StartError> {
        let Options { port, data, config, parameters, clock, notify_speed, run_schedules } = options;
        let (listener, address) = listen(port).await?;
        let mut servers = Servers::new();
        let wechat = config.uses_simulator().then(|| simulator(&config, &clock, notify_speed));
        let mut addresses = Addresses { platform: String::new(), pay: String::new(), own: url(address) };
        let mut roots = config.roots.clone();
        let mut inner_addresses = Vec::new();
        if let Some(wechat) = &wechat {
            let (listener, address) = listen(0).await?;
            addresses.platform = url(address);
            inner_addresses.push(("WeChat", address));
            servers.serve(listener, wechat.upstream());
            // WeChat Pay asks merchants for their certificates: that takes TLS.
            let (listener, address) = listen(0).await?;
            addresses.pay = format!("https://{address}");
            inner_addresses.push(("WeChat Pay", address));
            servers.serve_pay(listener, wechat);
            roots.push(wechat.ca_certificate());
        }

        let mut all = deployment::parameters(&config, &addresses);
        all.extend(parameters);
        let stack = template.deploy_with_plain_http(&all).map_err(StartError::Template)?;
        let options = local_dynamo::DynamoOptions {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            secrets: deployment::secrets(&config, &stack),
            operator_secret: key::operator_secret(data.as_deref())?,
            data: data.clone(),
        };
        let dynamo = Dynamo::start(&stack, options).await.map_err(StartError::Dynamo)?;
        seed::products(&stack, &dynamo).await.map_err(StartError::Seed)?;
        let (lambda, lambda_address) = listen(0).await?;
        let lambda_url = url(lambda_address);
        inner_addresses.extend([("DynamoDB", dynamo.address()), ("Lambda", lambda_address)]);
        let kills = Arc::new(FaultInjector::default());
        let functions = Functions::new(&stack, registry, &dynamo, &clock, &roots, &lambda_url, &kills)?;
        let queues = Arc::new(Queues::default());
        let streams = Streams::new(&stack, &functions, &dynamo, &clock, &queues, data.as_deref()).await?;
        servers.serve(lambda, invoke::router(&stack, &functions, &dynamo));

        let gateway = Gateway::new(Routes::new(&stack, &functions)?, Arc::clone(&clock), address.port());
        let mut app = http::router(gateway);
        if let Some(wechat) = &wechat {
            app = Router::new().nest("/_wechat", wechat.control()).merge(app);
        }
        servers.serve(listener, app);
        if run_schedules {
            let running = schedule::run_all(&stack, &functions, &clock, &servers.stopped());
            servers.watch(running);
            servers.watch(streams.run_all(&servers.stopped()));
        }
        Ok(Self {
            address,
            inner_addresses,
            config,
            clock,
            stack,
            dynamo,
            wechat,
            functions,
            streams,
            queues,
            kills,
            lambda_url,
            servers,
        })
    }

    /// Where the API and the controls of the simulator are.
    #[must_use]
    pub fn base_url(&self) -> String {
        url(self.address)
    }

    /// What else listens, and where: each on this machine only, and each wants a signature or a key of its own. Beside these and
    /// [`Self::base_url`] nothing is open.
    #[must_use]
    pub fn inner_addresses(&self) -> &[(&'static str, SocketAddr)] {
        &self.inner_addresses
    }

    /// What is deployed.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The database, the event bus and the secrets.
    #[must_use]
    pub fn dynamo(&self) -> &Dynamo {
        &self.dynamo
    }

    /// The simulated WeChat; `None` when the configuration names others for all its parts.
    #[must_use]
    pub fn wechat(&self) -> Option<&Simulator> {
        self.wechat.as_ref()
    }

    /// Commands to paste that buy something.
    #[must_use]
    pub fn walk(&self) -> String {
        walk::text(&self.base_url(), &self.config)
    }

    /// Runs the scheduled task in `functions/<folder>` once, now, and returns its report.
    ///
    /// # Errors
    /// There is no such task, or it failed.
    pub async fn run_task(&self, folder: &str) -> Result<Value, CallError> {
        let unknown = || CallError::Unknown { folder: folder.to_owned(), expected: "task" };
        let task = self.functions.of(folder).ok_or_else(unknown)?;
        let mut functions = self.stack.functions.iter().filter(|function| function.folder == folder);
        let schedule = functions.find_map(|function| function.schedules.first()).ok_or_else(unknown)?;
        let now = self.clock.now_millis();
        task.run(schedule::event(schedule, now), schedule::request_id(schedule, now)).await
    }

    /// Delivers to the task in `functions/<folder>` everything that is outstanding in the streams it reads, now: with every retry
    /// that the template allows and without the waits between them. Returns what each call answered, in Lambda's form for a
    /// failure: `{"errorType": …, "errorMessage": …}`.
    ///
    /// # Errors
    /// There is no such task behind a stream, the stream can't be read, or it has no end.
    pub async fn drain_stream(&self, folder: &str) -> Result<Vec<Value>, CallError> {
        self.streams.drain(folder).await
    }

    /// What was sent to the queue with this logical id, oldest first.
    #[must_use]
    pub fn queue(&self, logical_id: &str) -> Vec<Value> {
        let queue = self.stack.queues.iter().find(|queue| queue.logical_id == logical_id);
        queue.map(|queue| self.queues.messages(&queue.arn)).unwrap_or_default()
    }

    /// Starts to kill `rate_per_mille` of a thousand calls of functions and tasks at random: after some of their awaits, or when they
    /// end, but before they answer. The seed and the calls so far decide which calls are killed, and when. The next call is a cold
    /// start. Requests that a killed call has already sent to the database still arrive there. The database's own random faults
    /// are [`Dynamo::start_random_faults`].
    pub fn start_random_kills(&self, seed: u64, rate_per_mille: u32) {
        self.kills.start(seed, rate_per_mille);
    }

    /// Stops the random kills.
    pub fn stop_random_kills(&self) {
        self.kills.stop();
    }

    /// Runs the task in `functions/<folder>` once, now, with an event of the operator's own, and returns its report.
    ///
    /// # Errors
    /// There is no such task, or it failed.
    pub async fn run_task_with(&self, folder: &str, event: Value) -> Result<Value, CallError> {
        let unknown = || CallError::Unknown { folder: folder.to_owned(), expected: "task" };
        let task = self.functions.of(folder).ok_or_else(unknown)?;
        task.run(event, format!("operator-{:x}", self.clock.now_millis())).await
    }

    /// Where functions start each other.
    #[must_use]
    pub fn lambda_url(&self) -> String {
        self.lambda_url.clone()
    }

    /// What a new instance of the function in `functions/<folder>` would find around it: its settings, its permissions.
    #[must_use]
    pub fn host(&self, folder: &str) -> Option<Host> {
        self.functions.of(folder).map(|function| function.host())
    }

    /// Makes the next call of the function in `functions/<folder>` a cold start. Returns whether there is such a function.
    pub async fn restart_function(&self, folder: &str) -> bool {
        self.functions.of(folder).map(|function| function.restart()).is_some()
    }

    /// Stops listening, lets what is under way finish, and closes the database.
    pub async fn stop(self) {
        self.servers.stop().await;
        self.dynamo.shutdown().await;
    }
}

fn simulator(config: &Config, clock: &Arc<dyn Clock>, notify_speed: u32) -> Simulator {
    let clock = Arc::clone(clock);
    // A merchant that has the public key is one that WeChat Pay signs with it for.
    let has_public_key = config.platform_keys.iter().any(|key| key.id.starts_with("PUB_KEY_ID_"));
    Simulator::new(local_wechat::SimulatorOptions {
        account: config.account.clone(),
        clock: Arc::new(move || clock.now_millis()),
        notify_speed,
        platform_mode: if has_public_key { PlatformMode::PublicKey } else { PlatformMode::Certificates },
        ..Default::default()
    })
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// `template.yaml` stands at the root of the workspace that this was built from.
fn template_path() -> std::path::PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(3).unwrap_or(here).join("template.yaml")
}
