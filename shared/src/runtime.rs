//! The one path of every request: event → [`Function::handle`] → answer and log line.
//!
//! [`serve`] runs a function in Lambda. The local gateway runs the same [`Instance`] behind the same event adapter.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::FutureExt;
use lambda_http::{LambdaEvent, service_fn};
use serde::{Serialize, de::DeserializeOwned};

pub use http::StatusCode;
pub use lambda_http::{Body, Request, Response};

use crate::{
    api::{ApiError, Code, FailureContext, FailureFormat, request, response},
    host::{Host, HostError},
    telemetry::{self, RequestLine, TaskLine},
    types::BoxError,
};

/// A function can't start, because a setting is missing or wrong.
#[derive(Debug, thiserror::Error)]
#[error("{function} can't start")]
pub struct InitError {
    function: &'static str,
    #[source]
    cause: BoxError,
}

/// One endpoint family: an AWS Lambda function behind routes of the HTTP API.
pub trait Function: Sized + Send + Sync + 'static {
    /// The name of the function's folder and binary, and its name in logs.
    const NAME: &'static str;

    /// Reads settings and makes clients. Makes no request, so that a start does not depend on the network.
    fn init(host: &Host) -> impl Future<Output = Result<Self, HostError>> + Send;

    /// Opens connections and reads secrets before Lambda is asked for the first request, because Lambda gives a start a whole processor
    /// and a request a part of one. A start does not depend on it: it may take a second, and what fails is done again by the request.
    fn warm_up(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Answers one request.
    fn handle(&self, request: Request) -> impl Future<Output = Result<Response<Body>, ApiError>> + Send;

    /// The format of the answer if this request fails. Only functions that WeChat calls replace this format, because WeChat expects
    /// formats of its own. The request decides on the format, because the format is needed before the outcome is known.
    fn failure_format(_request: &Request) -> FailureFormat {
        |error, context| response::failure(error, &context.request_id)
    }
}

/// A function that a schedule, a stream or another function starts with an event of its own type.
pub trait Task: Sized + Send + Sync + 'static {
    /// The name of the task's folder and binary, and its name in logs.
    const NAME: &'static str;
    /// The event that starts the task.
    type Event: DeserializeOwned + Send;
    /// The answer of the task, which its log line shows too.
    type Report: Serialize + Send;

    /// Reads settings and makes clients. Makes no request, so that a start does not depend on the network.
    fn init(host: &Host) -> impl Future<Output = Result<Self, HostError>> + Send;

    /// Does the work once.
    fn run(&self, event: Self::Event) -> impl Future<Output = Result<Self::Report, BoxError>> + Send;
}

/// A started function in a Lambda environment.
pub struct Instance<F> {
    function: F,
    host: Host,
    cold: AtomicBool,
}

impl<F: Function> Instance<F> {
    /// Starts the function on `host`.
    ///
    /// # Errors
    /// [`InitError`]: a setting is missing or wrong.
    pub async fn start(host: Host) -> Result<Self, InitError> {
        let function =
            F::init(&host).await.map_err(|error| InitError { function: F::NAME, cause: error.into() })?;
        Ok(Self { function, host, cold: AtomicBool::new(true) })
    }

    /// Answers one request. A failure is an answer too; after a panic the answer is `INTERNAL_ERROR`, and the next request is
    /// handled as usual.
    pub async fn respond(&self, request: Request) -> Response<Body> {
        let started = self.host.now_millis();
        let context = FailureContext {
            route: request::route(&request).to_owned(),
            request_id: request::request_id(&request),
        };
        // The format and the operator are read first, because the handler consumes the request.
        let failure_format = F::failure_format(&request);
        let operator = request::operator_arn(&request).map(ToOwned::to_owned);
        let handling = AssertUnwindSafe(self.function.handle(request)).catch_unwind();
        let result = match tokio::time::timeout(REQUEST_TIMEOUT, handling).await {
            Ok(handled) => handled
                .unwrap_or_else(|_| Err(ApiError::new(Code::Internal).with_cause("the handler panicked"))),
            // Dropping the handler's future is safe: Lambda may kill the process at any await point anyway, and every handler
            // must survive that.
            Err(_) => Err(ApiError::new(Code::UpstreamBusy).with_cause("the request took too long")),
        };
        let (response, error) = match result {
            Ok(response) => (response, None),
            Err(error) => (failure_format(&error, &context), Some(error)),
        };
        telemetry::log_request(&RequestLine {
            function: F::NAME,
            route: &context.route,
            status: response.status().as_u16(),
            failure: error.as_ref().map(ApiError::log_entry),
            duration_ms: self.host.now_millis().saturating_sub(started),
            request_id: &context.request_id,
            operator: operator.as_deref(),
            cold_start: self.cold.swap(false, Ordering::Relaxed),
        });
        response
    }
}

/// A started task in a Lambda environment.
pub struct TaskInstance<T> {
    task: T,
    host: Host,
    cold: AtomicBool,
}

impl<T: Task> TaskInstance<T> {
    /// Starts the task on `host`.
    ///
    /// # Errors
    /// [`InitError`]: a setting is missing or wrong.
    pub async fn start(host: Host) -> Result<Self, InitError> {
        let task =
            T::init(&host).await.map_err(|error| InitError { function: T::NAME, cause: error.into() })?;
        Ok(Self { task, host, cold: AtomicBool::new(true) })
    }

    /// Runs the task once.
    ///
    /// # Errors
    /// The task failed or panicked. The error makes Lambda repeat an event that was sent asynchronously.
    pub async fn run(&self, event: T::Event, request_id: &str) -> Result<T::Report, BoxError> {
        let started = self.host.now_millis();
        // Boxed, because the unboxed future of a large task nests deeper than rustc's limit on the length of a type.
        let handled = AssertUnwindSafe(self.task.run(event).boxed()).catch_unwind().await;
        let result = handled.unwrap_or_else(|_| Err("the task panicked".into()));
        telemetry::log_task(&TaskLine {
            function: T::NAME,
            report: result.as_ref().map(|report| serde_json::to_string(report).unwrap_or_default()),
            duration_ms: self.host.now_millis().saturating_sub(started),
            request_id,
            cold_start: self.cold.swap(false, Ordering::Relaxed),
        });
        result
    }
}

/// Runs the function `F` in Lambda, for as long as the environment lives.
///
/// # Errors
/// The function can't start, or Lambda's Runtime API does not answer.
pub fn serve<F: Function>() -> Result<(), BoxError> {
    build_tokio_runtime()?.block_on(async {
        let host = Host::lambda();
        install_telemetry(&host);
        let instance = log_start_error(Instance::<F>::start(host).await)?;
        // Whether it ends in time is nothing to wait for or to report.
        let _ = tokio::time::timeout(WARM_UP, instance.function.warm_up()).await;
        let instance = &instance;
        lambda_http::run(service_fn(move |request| async move {
            Ok::<_, Infallible>(instance.respond(request).await)
        }))
        .await
    })
}

/// Runs the task `T` in Lambda, for as long as the environment lives.
///
/// # Errors
/// The task can't start, or Lambda's Runtime API does not answer.
pub fn serve_task<T: Task>() -> Result<(), BoxError> {
    build_tokio_runtime()?.block_on(async {
        let host = Host::lambda();
        install_telemetry(&host);
        let instance = log_start_error(TaskInstance::<T>::start(host).await)?;
        let instance = &instance;
        lambda_runtime::run(service_fn(move |event: LambdaEvent<T::Event>| async move {
            instance.run(event.payload, &event.context.request_id).await
        }))
        .await
    })
}

/// Begins the log. Reads `AWS_LAMBDA_FUNCTION_NAME`, which Lambda sets, and `STACK_NAME`, which the template sets.
fn install_telemetry(host: &Host) {
    let function_name = host.optional_var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or("local");
    telemetry::install(function_name, host.optional_var("STACK_NAME").unwrap_or("local"));
}

fn log_start_error<I>(result: Result<I, InitError>) -> Result<I, BoxError> {
    result.map_err(|error| {
        telemetry::log_start_failure(&error);
        BoxError::from(error)
    })
}

fn build_tokio_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    // A Lambda environment handles one request at a time, so one thread is enough, and it starts sooner.
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// How long a request may take. It is less than the 30 seconds after which API Gateway would answer by itself.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(26);
/// How long a start may open connections and read secrets.
const WARM_UP: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use super::*;
    use crate::host::{SystemClock, SystemRandomness};

    struct Panics;

    impl Function for Panics {
        const NAME: &'static str = "panics";

        async fn init(_: &Host) -> Result<Self, HostError> {
            Ok(Self)
        }

        async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
            assert!(request.uri().path() != "/panic", "as it must");
            Ok(response::success(&serde_json::json!({})))
        }
    }

    #[tokio::test]
    async fn a_panic_costs_one_answer_in_the_usual_form() {
        let host = Host::new(BTreeMap::new(), Arc::new(SystemClock), Arc::new(SystemRandomness), Vec::new());
        let instance = Instance::<Panics>::start(host).await.unwrap();
        let ask = |path: &str| {
            let mut request = Request::new(Body::Empty);
            *request.uri_mut() = path.parse().unwrap();
            instance.respond(request)
        };
        let failed = ask("/panic").await;
        assert_eq!(failed.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let Body::Text(body) = failed.body() else { panic!("not a text") };
        assert!(body.contains(r#""code":"INTERNAL_ERROR""#) && !body.contains("as it must"), "{body}");
        assert_eq!(failed.headers()["cache-control"], "no-store");
        assert_eq!(ask("/other").await.status(), StatusCode::OK);
    }
}
