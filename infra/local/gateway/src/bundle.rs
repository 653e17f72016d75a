//! A running bundle.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    num::NonZeroU64,
    path::Path,
    sync::{Arc, OnceLock},
};

use axum::{Router, middleware};
use local_dynamo::{Dynamo, PartitionLayout, ThroughputOptions};
use local_phone::Timeline;
use local_s3::LocalS3;
use local_template::{Stack, Template};
use local_wechat::{PlatformMode, PushSettings, ShippingSettings, Simulator, SimulatorOptions};
use serde_json::Value;
use shared::host::{Clock, Host};

use crate::{
    clock::MovableClock,
    config::Config,
    controls::{self, Controls},
    deployment_values::{self, LocalAddresses},
    error::{CallError, StartError},
    feeds,
    function::{CallHooks, RegisteredFunction, Trigger},
    functions::{DeployedFunctions, ServiceUrls},
    http::{self, Gateway, RouteTable},
    invoke::{self, AsyncInvocations},
    kill::{KilledAt, Kills},
    operator_secret,
    options::BundleOptions,
    queues::QueueStore,
    quickstart,
    registry::REGISTRY,
    schedule::{self, ScheduledTask},
    seed,
    servers::{Servers, listen},
    stream::EventSourceMappings,
    wechat_file::{self, WeChatFile},
};

/// A running bundle: gateway, functions, database and, unless configured otherwise, the simulated WeChat.
///
/// Bundles share no state, so that many can run in one process. A bundle ends with [`Bundle::stop`] or when it is dropped.
pub struct Bundle {
    address: SocketAddr,
    /// The names and addresses of all other sockets.
    inner_addresses: Vec<(&'static str, SocketAddr)>,
    config: Config,
    clock: Arc<dyn Clock>,
    stack: Stack,
    dynamo: Dynamo,
    s3: LocalS3,
    wechat: Option<Simulator>,
    /// Where WeChat is kept, if a data folder keeps it.
    wechat_file: Option<Arc<WeChatFile>>,
    functions: DeployedFunctions,
    schedules: Arc<[ScheduledTask]>,
    mappings: EventSourceMappings,
    queues: Arc<QueueStore>,
    kills: Arc<Kills>,
    background: Arc<AsyncInvocations>,
    timeline: Timeline,
    urls: ServiceUrls,
    servers: Servers,
}

impl Bundle {
    /// Deploys `template.yaml` of this workspace to this machine.
    ///
    /// # Errors
    /// [`StartError`]: the template, the registry, the data folder or a port can't be used. The message says what to change.
    pub async fn start(options: BundleOptions) -> Result<Self, StartError> {
        Self::deploy(options, template()?, REGISTRY).await
    }

    pub(crate) async fn deploy(
        options: BundleOptions,
        template: &Template,
        registry: &[RegisteredFunction],
    ) -> Result<Self, StartError> {
        let BundleOptions {
            listen: address,
            data,
            config,
            parameters,
            clock,
            notify_speed,
            push_subscribe_events,
            trade_managed,
            throughput_scale,
            run_schedules,
        } = options;
        let movable_clock = Arc::new(MovableClock::new(clock));
        let clock: Arc<dyn Clock> = movable_clock.clone();
        let (listener, address) = listen(address).await?;
        let mut servers = Servers::new();
        let push = PushSettings {
            mode: config.push_mode.unwrap_or_default(),
            subscribe_events: push_subscribe_events,
            ..PushSettings::default()
        };
        let shipping = ShippingSettings { managed: trade_managed, ..ShippingSettings::default() };
        let wechat = if config.uses_simulator() {
            let options = simulator_options(&config, &clock, notify_speed, (push, shipping));
            Some(wechat_file::start_simulator(options, data.as_deref())?)
        } else {
            None
        };
        let mut addresses =
            LocalAddresses { platform: String::new(), pay: String::new(), gateway: url(address) };
        let mut roots = config.roots.clone();
        let mut inner_addresses = Vec::new();
        if let Some(wechat) = &wechat {
            let (listener, address) = listen(ANY_PORT).await?;
            addresses.platform = url(address);
            inner_addresses.push(("WeChat", address));
            servers.serve(listener, wechat.upstream());
            // WeChat Pay needs TLS, because it authenticates merchants by their client certificates.
            let (listener, address) = listen(ANY_PORT).await?;
            addresses.pay = format!("https://{address}");
            inner_addresses.push(("WeChat Pay", address));
            servers.serve_pay(listener, wechat);
            roots.push(wechat.ca_certificate());
        }

        let mut all_parameters = deployment_values::parameters(&config, template, &addresses, trade_managed);
        all_parameters.extend(parameters);
        let stack = template.deploy_with_plain_http(&all_parameters).map_err(StartError::Template)?;
        if let Some(wechat) = &wechat {
            let base = config.public_base_url.as_ref().unwrap_or(&addresses.gateway);
            let url = has_route(&stack, PUSH_PATH).then(|| format!("{base}{PUSH_PATH}"));
            wechat.set_push_settings(PushSettings { url, ..wechat.push_settings() });
            wechat.set_complaint_url(
                has_route(&stack, COMPLAINT_PATH).then(|| format!("{base}{COMPLAINT_PATH}")),
            );
        }
        let options = local_dynamo::DynamoOptions {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            secrets: deployment_values::secrets(&config, &stack),
            operator_secret: operator_secret::load_or_create(data.as_deref())?,
            data: data.clone(),
            throughput: throughput_scale.map(|scale| partition_throughput(scale, &clock)),
        };
        let dynamo = Dynamo::start(&stack, options).await.map_err(StartError::Dynamo)?;
        seed::seed_products(&stack, &dynamo).await.map_err(StartError::Seed)?;
        let (lambda, lambda_address) = listen(ANY_PORT).await?;
        let s3 = LocalS3::new(&stack, &dynamo, data.as_deref()).map_err(StartError::S3)?;
        // Phones upload there.
        let (s3_listener, s3_address) = listen(SocketAddr::new(address.ip(), 0)).await?;
        servers.serve(s3_listener, s3.router());
        let urls = ServiceUrls { lambda: url(lambda_address), s3: url(s3_address) };
        inner_addresses.extend([
            ("DynamoDB", dynamo.address()),
            ("Lambda", lambda_address),
            ("S3", s3_address),
        ]);
        let kills = Arc::new(Kills::default());
        let timeline = Timeline::new(Arc::clone(&clock), feeds::masker(&stack, &dynamo, wechat.as_ref()));
        feeds::record_aws(&timeline, &dynamo, &stack);
        if let Some(wechat) = &wechat {
            feeds::record_wechat(&timeline, wechat);
        }
        let hooks = CallHooks { kills: Arc::clone(&kills), timeline: timeline.clone() };
        let functions = DeployedFunctions::new(&stack, registry, &dynamo, &clock, &roots, &urls, &hooks)?;
        let schedules: Arc<[ScheduledTask]> = schedule::all(&stack, &functions).into();
        let queues = Arc::new(QueueStore::default());
        let mappings =
            EventSourceMappings::new(&stack, &functions, &dynamo, &clock, &queues, data.as_deref()).await?;
        let background = Arc::new(AsyncInvocations::default());
        servers.serve(lambda, invoke::router(&stack, &functions, &dynamo, &timeline, &background));

        let routes = RouteTable::new(&stack, &functions)?;
        let gateway =
            Arc::new(Gateway::new(routes, Arc::clone(&movable_clock), address.port(), timeline.clone()));
        let controls = Controls {
            clock: movable_clock,
            gateway: Arc::clone(&gateway),
            schedules: Arc::clone(&schedules),
            pay_api: stack.functions.iter().find_map(|function| function.environment.get("PAY_API")).cloned(),
        };
        let wechat_controls = wechat.as_ref().map(Simulator::control).unwrap_or_default();
        let controls = controls::router(controls)
            .merge(wechat_controls)
            .layer(middleware::from_fn_with_state(timeline.clone(), local_phone::record_controls))
            .merge(local_phone::page_router(&urls.s3))
            .merge(local_phone::timeline_router(timeline.clone(), servers.stopped()))
            .layer(middleware::from_fn(local_phone::refuse_other_origins));
        servers.serve(listener, Router::new().nest("/_wechat", controls).merge(http::router(gateway)));
        let wechat_file = data.as_deref().zip(wechat.clone());
        let wechat_file = wechat_file.map(|(folder, wechat)| Arc::new(WeChatFile::new(folder, wechat)));
        if let Some(file) = &wechat_file {
            servers.await_at_stop(vec![file.spawn(servers.stopped())]);
        }
        if run_schedules {
            servers.await_at_stop(schedule::spawn_all(&schedules, &clock, &servers.stopped()));
            servers.await_at_stop(mappings.spawn_all(&servers.stopped()));
        }
        Ok(Self {
            address,
            inner_addresses,
            config,
            clock,
            stack,
            dynamo,
            s3,
            wechat,
            wechat_file,
            functions,
            schedules,
            mappings,
            queues,
            kills,
            background,
            timeline,
            urls,
            servers,
        })
    }

    /// The address of the API and of the simulator's controls.
    #[must_use]
    pub fn base_url(&self) -> String {
        url(self.address)
    }

    /// The names and addresses of all other sockets. They listen on 127.0.0.1 only, but S3, where phones upload, at the address of the
    /// API. Each requires a signature or a key. No other socket is open beside these and [`Self::base_url`].
    #[must_use]
    pub fn inner_addresses(&self) -> &[(&'static str, SocketAddr)] {
        &self.inner_addresses
    }

    /// The deployed stack.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The database, the event bus and the secrets.
    #[must_use]
    pub fn dynamo(&self) -> &Dynamo {
        &self.dynamo
    }

    /// The buckets.
    #[must_use]
    pub fn s3(&self) -> &LocalS3 {
        &self.s3
    }

    /// The simulated WeChat; `None` when the configuration names another open platform and another WeChat Pay.
    #[must_use]
    pub fn wechat(&self) -> Option<&Simulator> {
        self.wechat.as_ref()
    }

    /// The address of the phone in the browser.
    #[must_use]
    pub fn phone_url(&self) -> String {
        format!("{}/_wechat/phone", self.base_url())
    }

    /// Shell commands that buy something, to paste.
    #[must_use]
    pub fn quickstart(&self) -> String {
        quickstart::commands(&self.base_url(), &self.config)
    }

    /// Runs the task in `functions/<folder>` once, now, with the event of its first schedule. Returns its report.
    ///
    /// # Errors
    /// [`CallError::Unknown`]: there is no such task. After any other [`CallError`] the task may have done its work.
    pub async fn run_task(&self, folder: &str) -> Result<Value, CallError> {
        let unknown = || CallError::Unknown { folder: folder.to_owned(), expected: "task" };
        let task = self.schedules.iter().find(|task| task.folder == folder).ok_or_else(unknown)?;
        task.run(self.clock.now_millis(), Trigger::Schedule).await
    }

    /// Waits until the asynchronous invocations of the task in `functions/<folder>` have ended. Returns the reports of those that nobody
    /// has waited for yet.
    ///
    /// # Errors
    /// [`CallError`] of an invocation that failed; the others have ended too.
    pub async fn wait_for_invocations(&self, folder: &str) -> Result<Vec<Value>, CallError> {
        self.background.wait_for(folder).await.into_iter().collect()
    }

    /// What happened so far, as its readers see it.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Delivers all outstanding records of the streams that the task in `functions/<folder>` reads, with every retry that the
    /// template allows and without the waits between retries. Returns the response of each call; a failed call has Lambda's form
    /// `{"errorType": …, "errorMessage": …}`.
    ///
    /// # Errors
    /// [`CallError::Unknown`]: no task in this folder reads a stream. [`CallError::Failed`]: the stream can't be read.
    /// [`CallError::Stuck`]: the stream does not come to an end.
    pub async fn drain_stream(&self, folder: &str) -> Result<Vec<Value>, CallError> {
        self.mappings.drain(folder).await
    }

    /// The messages in the queue with this logical id, oldest first.
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
        self.kills.random.start(seed, rate_per_mille);
    }

    /// Stops the random kills.
    pub fn stop_random_kills(&self) {
        self.kills.random.stop();
    }

    /// Kills the next call of the function in `functions/<folder>` at its await with this number: when it has been pending so many times, or
    /// when it ends, but before it answers.
    pub fn kill_next_call(&self, folder: &str, polls: NonZeroU64) {
        self.kills.plan(folder, polls);
    }

    /// Where the call was killed that [`Self::kill_next_call`] has named last; `None` if no call came. Later calls are not killed.
    pub fn take_kill(&self, folder: &str) -> Option<KilledAt> {
        self.kills.take(folder)
    }

    /// Runs the task in `functions/<folder>` once, now, with the given event. Returns its report.
    ///
    /// # Errors
    /// [`CallError::Unknown`]: there is no such task. After any other [`CallError`] the task may have done its work.
    pub async fn run_task_with(&self, folder: &str, event: Value) -> Result<Value, CallError> {
        let unknown = || CallError::Unknown { folder: folder.to_owned(), expected: "task" };
        let task = self.functions.by_folder(folder).ok_or_else(unknown)?;
        task.run_task(event, format!("operator-{:x}", self.clock.now_millis()), Trigger::Page).await
    }

    /// The address of the Lambda API, with which functions invoke each other.
    #[must_use]
    pub fn lambda_url(&self) -> String {
        self.urls.lambda.clone()
    }

    /// The host that a new instance of the function in `functions/<folder>` would get, with its variables and its access key.
    #[must_use]
    pub fn host(&self, folder: &str) -> Option<Host> {
        self.functions.by_folder(folder).map(|function| function.host())
    }

    /// Makes the next call of the function in `functions/<folder>` a cold start. Returns whether there is such a function.
    pub async fn restart_function(&self, folder: &str) -> bool {
        self.functions.by_folder(folder).map(|function| function.restart()).is_some()
    }

    /// Stops listening, lets running calls finish, saves what WeChat knows, and closes the database.
    pub async fn stop(self) {
        self.servers.stop().await;
        if let Some(file) = &self.wechat_file {
            file.save_in_background().await;
        }
        self.dynamo.shutdown().await;
    }
}

fn simulator_options(
    config: &Config,
    clock: &Arc<dyn Clock>,
    notify_speed: u32,
    (push, shipping): (PushSettings, ShippingSettings),
) -> SimulatorOptions {
    let clock = Arc::clone(clock);
    // WeChat Pay signs with the public key's private part for merchants that use it, and with a certificate's for the others.
    let has_public_key = config.platform_keys.iter().any(|key| key.id.starts_with("PUB_KEY_ID_"));
    SimulatorOptions {
        account: config.account.clone(),
        clock: Arc::new(move || clock.now_millis()),
        notify_speed,
        platform_mode: if has_public_key { PlatformMode::PublicKey } else { PlatformMode::Certificates },
        push,
        shipping,
        ..SimulatorOptions::default()
    }
}

/// The throughput of a new table's partitions, by the bundle's clock.
fn partition_throughput(scale: u32, clock: &Arc<dyn Clock>) -> ThroughputOptions {
    let clock = Arc::clone(clock);
    ThroughputOptions {
        scale,
        burst_seconds: 0,
        layout: PartitionLayout::NewTable,
        clock: Arc::new(move || clock.now_millis()),
    }
}

/// Whether a function has a route of this path.
fn has_route(stack: &Stack, path: &str) -> bool {
    stack.functions.iter().flat_map(|function| &function.routes).any(|route| route.path == path)
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// `template.yaml` at the root of the workspace that this program was built from. It is read once, because tests start hundreds of bundles.
fn template() -> Result<&'static Template, StartError> {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    if let Some(template) = TEMPLATE.get() {
        return Ok(template);
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = here.ancestors().nth(3).unwrap_or(here).join("template.yaml");
    let read = Template::read(&path).map_err(StartError::Template)?;
    Ok(TEMPLATE.get_or_init(|| read))
}

/// Any free port, for what only this machine calls.
const ANY_PORT: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));
/// The path that WeChat pushes messages to.
const PUSH_PATH: &str = "/api/message/callback";

/// The path that WeChat Pay sends notices of complaints to.
const COMPLAINT_PATH: &str = "/api/pay/complaint-notify";
