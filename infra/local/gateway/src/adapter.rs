//! Calls a function's instance through the same conversions of event and response as in Lambda.
//!
//! Only this file uses `lambda_http`'s adapter, because the adapter is public but hidden from the documentation.

use std::{convert::Infallible, sync::Arc};

use futures_util::future::BoxFuture;
use lambda_http::{Adapter, Context, LambdaEvent, Service, request::LambdaRequest, service_fn};
use serde_json::Value;
use shared::{
    runtime::{Function, Instance, Task, TaskInstance},
    types::BoxError,
};

/// A running instance of a function with routes.
pub(crate) trait HttpResponder: Send + Sync {
    /// Handles an API Gateway event, given as JSON text. Returns the response in Lambda's form.
    fn handle_event(
        self: Arc<Self>,
        event: String,
        context: Context,
    ) -> BoxFuture<'static, Result<Value, BoxError>>;
}

/// A running instance of a task.
pub(crate) trait TaskRunner: Send + Sync {
    /// Runs the task once. Returns its report.
    fn run_task(
        self: Arc<Self>,
        event: Value,
        request_id: String,
    ) -> BoxFuture<'static, Result<Value, BoxError>>;
}

impl<F: Function> HttpResponder for Instance<F> {
    fn handle_event(
        self: Arc<Self>,
        event: String,
        context: Context,
    ) -> BoxFuture<'static, Result<Value, BoxError>> {
        Box::pin(async move {
            let payload: LambdaRequest = serde_json::from_str(&event)?;
            let mut adapter = Adapter::from(service_fn(|request| {
                let instance = Arc::clone(&self);
                async move { Ok::<_, Infallible>(instance.respond(request).await) }
            }));
            let Ok(response) = adapter.call(LambdaEvent::new(payload, context)).await;
            Ok(serde_json::to_value(response)?)
        })
    }
}

impl<T: Task> TaskRunner for TaskInstance<T> {
    fn run_task(
        self: Arc<Self>,
        event: Value,
        request_id: String,
    ) -> BoxFuture<'static, Result<Value, BoxError>> {
        Box::pin(async move {
            let event = serde_json::from_value(event)?;
            Ok(serde_json::to_value(Self::run(&self, event, &request_id).await?)?)
        })
    }
}
