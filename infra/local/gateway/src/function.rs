//! A function of the template together with its code from the registry.

use std::{future::Future, sync::Arc, time::Duration};

use lambda_http::Context;
use local_phone::{Event, Timeline};
use serde_json::Value;
use shared::{
    host::Host,
    runtime::{Function, InitError, Instance, Task, TaskInstance},
    telemetry,
    types::error_chain,
};
use tokio::time::Instant;

use crate::{
    adapter::{HttpResponder, TaskRunner},
    error::CallError,
    kill::{CallOutcome, Kills},
    lazy_instance::{InstanceEnv, LazyInstance, StartInstance},
};

/// A line of the registry: a folder below `functions/` and the code that starts its instances.
#[derive(Clone, Copy)]
pub(crate) struct RegisteredFunction {
    pub(crate) folder: &'static str,
    starter: Starter,
}

/// Starts instances of a function or of a task.
#[derive(Clone, Copy)]
enum Starter {
    Function(StartInstance<dyn HttpResponder>),
    Task(StartInstance<dyn TaskRunner>),
}

impl RegisteredFunction {
    /// The entry of a function that serves routes.
    pub(crate) const fn function<F: Function>() -> Self {
        let start: StartInstance<dyn HttpResponder> = |host| {
            Box::pin(async move {
                let instance: Arc<dyn HttpResponder> = Arc::new(Instance::<F>::start(host).await?);
                Ok(instance)
            })
        };
        Self { folder: F::NAME, starter: Starter::Function(start) }
    }

    /// The entry of a task, which a schedule, a stream or another function starts.
    pub(crate) const fn task<T: Task>() -> Self {
        let start: StartInstance<dyn TaskRunner> = |host| {
            Box::pin(async move {
                let instance: Arc<dyn TaskRunner> = Arc::new(TaskInstance::<T>::start(host).await?);
                Ok(instance)
            })
        };
        Self { folder: T::NAME, starter: Starter::Task(start) }
    }

    /// Starts an instance and drops it.
    pub(crate) async fn start_once(&self, host: Host) -> Result<(), InitError> {
        match self.starter {
            Starter::Function(start) => start(host).await.map(drop),
            Starter::Task(start) => start(host).await.map(drop),
        }
    }

    /// Starts an instance that answers requests; `None` of a task.
    pub(crate) async fn start_responder(
        &self,
        host: Host,
    ) -> Option<Result<Arc<dyn HttpResponder>, InitError>> {
        match self.starter {
            Starter::Function(start) => Some(start(host).await),
            Starter::Task(_) => None,
        }
    }

    /// `function` or `task`, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self.starter {
            Starter::Function(_) => "function",
            Starter::Task(_) => "task",
        }
    }
}

/// A deployed function: its timeout from the template, and its running instance.
pub(crate) struct DeployedFunction {
    folder: &'static str,
    timeout: Duration,
    instance: AnyInstance,
    hooks: CallHooks,
}

/// What takes part in every call of a function: kills, and the timeline.
#[derive(Clone)]
pub(crate) struct CallHooks {
    pub(crate) kills: Arc<Kills>,
    pub(crate) timeline: Timeline,
}

/// Why a task runs.
pub(crate) enum Trigger {
    /// Another function invoked the task. The request id is that of its call, if it is known.
    Invoke { parent: Option<String> },
    /// A developer asked for it.
    Page,
    /// A schedule.
    Schedule,
    /// A stream with so many records.
    Stream { records: usize },
}

/// The running instance of a function or of a task.
enum AnyInstance {
    Function(LazyInstance<dyn HttpResponder>),
    Task(LazyInstance<dyn TaskRunner>),
}

impl DeployedFunction {
    pub(crate) fn new(
        entry: &RegisteredFunction,
        timeout: Duration,
        env: InstanceEnv,
        hooks: CallHooks,
    ) -> Self {
        let instance = match entry.starter {
            Starter::Function(start) => AnyInstance::Function(LazyInstance::new(start, env)),
            Starter::Task(start) => AnyInstance::Task(LazyInstance::new(start, env)),
        };
        Self { folder: entry.folder, timeout, instance, hooks }
    }

    /// The function's folder below `functions/`.
    pub(crate) fn folder(&self) -> &'static str {
        self.folder
    }

    /// How long one call may take, from the template.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Handles an API Gateway event within `limit`. Runs in a task of its own, so that a panic fails only this call.
    ///
    /// # Errors
    /// [`CallError`]. Except after a failed start the function may have done its work.
    pub(crate) async fn respond(
        self: &Arc<Self>,
        event: String,
        context: Context,
        limit: Duration,
    ) -> Result<Value, CallError> {
        let this = Arc::clone(self);
        let _open = self.hooks.timeline.open_invocation(self.folder, &context.request_id, None);
        self.run_isolated(limit, async move {
            let AnyInstance::Function(lazy) = &this.instance else { return Err(this.wrong_kind("function")) };
            let instance = log_start_failure(lazy.get_or_start().await)?;
            instance.handle_event(event, context).await.map_err(CallError::Failed)
        })
        .await
    }

    /// Runs the task once. Several runs can be active at a time, as in Lambda.
    ///
    /// # Errors
    /// [`CallError`]. Except after a failed start the task may have done its work.
    pub(crate) async fn run_task(
        self: &Arc<Self>,
        event: Value,
        request_id: String,
        trigger: Trigger,
    ) -> Result<Value, CallError> {
        let timeline = &self.hooks.timeline;
        let started = Instant::now();
        let open = timeline.open_invocation(self.folder, &request_id, trigger.parent());
        let task_event = trigger.event().with("function", self.folder).with("requestId", request_id.as_str());
        let result = self.run_task_isolated(event, request_id).await;
        drop(open);
        let task_event = match &result {
            Ok(report) => task_event.with("report", report.clone()),
            Err(failure) => task_event.with("error", error_chain(failure)),
        };
        timeline.record(task_event.lasting(started.elapsed()));
        result
    }

    async fn run_task_isolated(
        self: &Arc<Self>,
        event: Value,
        request_id: String,
    ) -> Result<Value, CallError> {
        let this = Arc::clone(self);
        self.run_isolated(self.timeout, async move {
            let AnyInstance::Task(lazy) = &this.instance else { return Err(this.wrong_kind("task")) };
            let instance = log_start_failure(lazy.get_or_start().await)?;
            instance.run_task(event, request_id).await.map_err(CallError::Failed)
        })
        .await
    }

    /// The host that a new instance would get.
    pub(crate) fn host(&self) -> Host {
        match &self.instance {
            AnyInstance::Function(lazy) => lazy.host(),
            AnyInstance::Task(lazy) => lazy.host(),
        }
    }

    /// Makes the next call a cold start.
    pub(crate) fn restart(&self) {
        match &self.instance {
            AnyInstance::Function(lazy) => lazy.restart(),
            AnyInstance::Task(lazy) => lazy.restart(),
        }
    }

    /// Runs a call in a task of its own. If the call is killed, its instance is dropped with it.
    async fn run_isolated(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<Value, CallError>> + Send + 'static,
    ) -> Result<Value, CallError> {
        let (kills, folder) = (Arc::clone(&self.hooks.kills), self.folder);
        let call = tokio::spawn(async move { kills.run(folder, call).await });
        let handle = call.abort_handle();
        match tokio::time::timeout(limit, call).await {
            Ok(Ok(CallOutcome::Answered(result))) => result,
            Ok(Ok(CallOutcome::Killed(_))) => {
                self.restart();
                Err(CallError::Killed)
            }
            Ok(Err(_)) => Err(CallError::Panicked),
            Err(_) => {
                handle.abort();
                Err(CallError::TimedOut)
            }
        }
    }

    fn wrong_kind(&self, expected: &'static str) -> CallError {
        CallError::Unknown { folder: self.folder.to_owned(), expected }
    }
}

impl Trigger {
    fn event(&self) -> Event {
        let event = Event::new("task");
        match self {
            Self::Invoke { parent } => event.with("trigger", "invoke").with_some("parent", parent.as_deref()),
            Self::Page => event.with("trigger", "page"),
            Self::Schedule => event.with("trigger", "schedule"),
            Self::Stream { records } => event.with("trigger", "stream").with("records", *records),
        }
    }

    fn parent(&self) -> Option<String> {
        match self {
            Self::Invoke { parent } => parent.clone(),
            Self::Page | Self::Schedule | Self::Stream { .. } => None,
        }
    }
}

/// Logs a failed start, as Lambda does.
fn log_start_failure<I>(result: Result<I, InitError>) -> Result<I, CallError> {
    result.inspect_err(|error| telemetry::log_start_failure(error)).map_err(CallError::from)
}
