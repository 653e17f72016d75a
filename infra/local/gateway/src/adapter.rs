//! The way into a function: the very conversions that it goes through in Lambda.
//!
//! `lambda_http`'s adapter is public but hidden from its documentation, so it is used here and nowhere else.

use std::{convert::Infallible, sync::Arc};

use futures_util::future::BoxFuture;
use lambda_http::{Adapter, Context, LambdaEvent, Service, request::LambdaRequest, service_fn};
use serde_json::Value;
use shared::{
    runtime::{Function, Instance, Task, TaskInstance},
    types::BoxError,
};

/// A started function behind routes.
pub(crate) trait Answers: Send + Sync {
    /// Answers an API Gateway event, given as JSON text; the answer is Lambda's.
    fn answer(
        self: Arc<Self>,
        event: String,
        context: Context,
    ) -> BoxFuture<'static, Result<Value, BoxError>>;
}

/// A started task.
pub(crate) trait Runs: Send + Sync {
    /// Runs it once; the answer is its report.
    fn run(self: Arc<Self>, event: Value, request_id: String) -> BoxFuture<'static, Result<Value, BoxError>>;
}

impl<F: Function> Answers for Instance<F> {
    fn answer(
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
            let Ok(answer) = adapter.call(LambdaEvent::new(payload, context)).await;
            Ok(serde_json::to_value(answer)?)
        })
    }
}

impl<T: Task> Runs for TaskInstance<T> {
    fn run(self: Arc<Self>, event: Value, request_id: String) -> BoxFuture<'static, Result<Value, BoxError>> {
        Box::pin(async move {
            let event = serde_json::from_value(event)?;
            Ok(serde_json::to_value(Self::run(&self, event, &request_id).await?)?)
        })
    }
}
