//! A function of the template with the code that the registry has for it.

use std::{future::Future, sync::Arc, time::Duration};

use lambda_http::Context;
use local_dynamo::FaultInjector;
use serde_json::Value;
use shared::{
    host::Host,
    runtime::{Function, InitError, Instance, Task, TaskInstance},
    telemetry,
};

use crate::{
    adapter::{Answers, Runs},
    error::CallError,
    kill,
    slot::{Slot, Start, Surroundings},
};

/// A line of the registry: the code of a folder.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) folder: &'static str,
    code: Code,
}

#[derive(Clone, Copy)]
enum Code {
    Function(Start<dyn Answers>),
    Task(Start<dyn Runs>),
}

impl Entry {
    /// What answers requests.
    pub(crate) const fn function<F: Function>() -> Self {
        let start: Start<dyn Answers> = |host| {
            Box::pin(async move {
                let instance: Arc<dyn Answers> = Arc::new(Instance::<F>::start(host).await?);
                Ok(instance)
            })
        };
        Self { folder: F::NAME, code: Code::Function(start) }
    }

    /// What runs on a schedule or behind a stream.
    pub(crate) const fn task<T: Task>() -> Self {
        let start: Start<dyn Runs> = |host| {
            Box::pin(async move {
                let instance: Arc<dyn Runs> = Arc::new(TaskInstance::<T>::start(host).await?);
                Ok(instance)
            })
        };
        Self { folder: T::NAME, code: Code::Task(start) }
    }

    /// Starts an instance and lets it go.
    pub(crate) async fn start(&self, host: Host) -> Result<(), InitError> {
        match self.code {
            Code::Function(start) => start(host).await.map(drop),
            Code::Task(start) => start(host).await.map(drop),
        }
    }

    /// What the code is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self.code {
            Code::Function(_) => "function",
            Code::Task(_) => "task",
        }
    }
}

/// See the [module](self).
pub(crate) struct Deployed {
    folder: &'static str,
    timeout: Duration,
    slot: AnySlot,
    kills: Arc<FaultInjector>,
}

enum AnySlot {
    Function(Slot<dyn Answers>),
    Task(Slot<dyn Runs>),
}

impl Deployed {
    pub(crate) fn new(
        entry: &Entry,
        timeout: Duration,
        surroundings: Surroundings,
        kills: Arc<FaultInjector>,
    ) -> Self {
        let slot = match entry.code {
            Code::Function(start) => AnySlot::Function(Slot::new(start, surroundings)),
            Code::Task(start) => AnySlot::Task(Slot::new(start, surroundings)),
        };
        Self { folder: entry.folder, timeout, slot, kills }
    }

    /// How long one call may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Answers an API Gateway event, in a task of its own: what goes wrong costs this one answer.
    pub(crate) async fn answer(
        self: &Arc<Self>,
        event: String,
        context: Context,
        limit: Duration,
    ) -> Result<Value, CallError> {
        let this = Arc::clone(self);
        self.alone(limit, async move {
            let AnySlot::Function(slot) = &this.slot else { return Err(this.unknown("function")) };
            let instance = started(slot.instance().await)?;
            instance.answer(event, context).await.map_err(CallError::Failed)
        })
        .await
    }

    /// Runs the task once, beside other runs that are under way, as Lambda does.
    pub(crate) async fn run(self: &Arc<Self>, event: Value, request_id: String) -> Result<Value, CallError> {
        let this = Arc::clone(self);
        self.alone(self.timeout, async move {
            let AnySlot::Task(slot) = &this.slot else { return Err(this.unknown("task")) };
            let instance = started(slot.instance().await)?;
            instance.run(event, request_id).await.map_err(CallError::Failed)
        })
        .await
    }

    /// What a new instance would find around it.
    pub(crate) fn host(&self) -> Host {
        match &self.slot {
            AnySlot::Function(slot) => slot.host(),
            AnySlot::Task(slot) => slot.host(),
        }
    }

    /// Makes the next call a cold start.
    pub(crate) fn restart(&self) {
        match &self.slot {
            AnySlot::Function(slot) => slot.restart(),
            AnySlot::Task(slot) => slot.restart(),
        }
    }

    /// Runs a call in a task of its own. If the call is killed, its instance is dropped with it.
    async fn alone(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<Value, CallError>> + Send + 'static,
    ) -> Result<Value, CallError> {
        let poll_limit = self.kills.draw_fault().map(kill::random_poll_limit);
        let call = tokio::spawn(kill::run_until_killed(poll_limit, call));
        let handle = call.abort_handle();
        match tokio::time::timeout(limit, call).await {
            Ok(Ok(Some(result))) => result,
            Ok(Ok(None)) => {
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

    fn unknown(&self, expected: &'static str) -> CallError {
        CallError::Unknown { folder: self.folder.to_owned(), expected }
    }
}

/// Lambda logs a failed start too.
fn started<I>(result: Result<I, InitError>) -> Result<I, CallError> {
    result.inspect_err(|error| telemetry::startup_failure(error)).map_err(CallError::from)
}
