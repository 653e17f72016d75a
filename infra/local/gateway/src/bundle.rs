//! The whole bundle, running.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

use axum::Router;
use local_dynamo::Dynamo;
use local_template::{Stack, Template};
use local_wechat::WeChat;
use serde_json::Value;
use shared::host::{Clock, Host};

use crate::{
    config::Config,
    deployment,
    error::{CallError, StartError},
    function::Entry,
    functions::Functions,
    http::{self, Gateway, Routes},
    invoke, key,
    options::Options,
    registry::REGISTRY,
    schedule, seed,
    servers::{Servers, listen},
    walk,
};

/// The whole bundle, running: gateway, functions, database and, unless configured otherwise, the simulated WeChat.
///
/// Everything belongs to it alone, so that many can run in one process. It ends with [`Bundle::stop`] or when it is dropped.
pub struct Bundle {
    address: SocketAddr,
    config: Config,
    clock: Arc<dyn Clock>,
    stack: Stack,
    dynamo: Dynamo,
    wechat: Option<WeChat>,
    functions: Functions,
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
        let Options { port, data, config, clock, notify_speed, run_schedules } = options;
        let (listener, address) = listen(port).await?;
        let mut servers = Servers::new();
        let wechat = config.uses_simulator().then(|| simulator(&config, &clock, notify_speed));
        let mut simulator_url = String::new();
        if let Some(wechat) = &wechat {
            let (listener, address) = listen(0).await?;
            simulator_url = url(address);
            servers.serve(listener, wechat.upstream());
        }

        let parameters = deployment::parameters(&config, &simulator_url, &url(address));
        let stack = template.deploy(&parameters).map_err(StartError::Template)?;
        let options = local_dynamo::Options {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            secrets: deployment::secrets(&config, &stack),
            operator_secret: key::operator_secret(data.as_deref())?,
            data,
        };
        let dynamo = Dynamo::start(&stack, options).await.map_err(StartError::Dynamo)?;
        seed::products(&stack, &dynamo).await.map_err(StartError::Seed)?;
        let (lambda, lambda_address) = listen(0).await?;
        let lambda_url = url(lambda_address);
        let functions = Functions::new(&stack, registry, &dynamo, &clock, &config.roots, &lambda_url)?;
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
        }
        Ok(Self { address, config, clock, stack, dynamo, wechat, functions, lambda_url, servers })
    }

    /// Where the API and the controls of the simulator are.
    #[must_use]
    pub fn base_url(&self) -> String {
        url(self.address)
    }

    /// What is deployed.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The database and the secrets.
    #[must_use]
    pub fn dynamo(&self) -> &Dynamo {
        &self.dynamo
    }

    /// The simulated WeChat; `None` when the configuration names others for all its parts.
    #[must_use]
    pub fn wechat(&self) -> Option<&WeChat> {
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

fn simulator(config: &Config, clock: &Arc<dyn Clock>, notify_speed: u32) -> WeChat {
    let clock = Arc::clone(clock);
    WeChat::new(local_wechat::Options {
        account: config.account.clone(),
        clock: Arc::new(move || clock.now_millis()),
        notify_speed,
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
