//! The part of Lambda's Runtime API that a function uses: next event, response, error, initialization error.
//!
//! AWS: "Using the Lambda runtime API for custom runtimes"
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>).

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::IntoResponse,
    routing::{get, post},
    serve::ListenerExt,
};
use bytes::Bytes;
use shared::{
    host::{Clock, SystemClock},
    types::BoxError,
};
use std::time::Instant;
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
    task::JoinHandle,
};

use crate::clock;

/// The Runtime API of one process. Dropping it stops the server.
pub struct RuntimeApi {
    /// The value for `AWS_LAMBDA_RUNTIME_API`.
    pub address: String,
    calls: mpsc::UnboundedReceiver<RuntimeCall>,
    events: mpsc::UnboundedSender<String>,
    server: JoinHandle<()>,
    waiting: bool,
}

/// The result of one event.
pub struct InvocationResult {
    /// The body of the response or error.
    pub body: Bytes,
    /// Whether the function sent a response, and not an error.
    pub ok: bool,
    /// The time from sending the event to receiving the result, in nanoseconds.
    pub nanos: u64,
}

/// A call of the function to the Runtime API, with its time.
enum RuntimeCall {
    Next(Instant),
    Response(Instant, Bytes),
    Error(Instant, Bytes),
    InitError(Bytes),
}

struct ApiState {
    calls: mpsc::UnboundedSender<RuntimeCall>,
    events: Mutex<mpsc::UnboundedReceiver<String>>,
}

impl RuntimeApi {
    /// Listens on a free port of this machine.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start() -> Result<Self, BoxError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?.to_string();
        let (call_sender, calls) = mpsc::unbounded_channel();
        let (events, taken) = mpsc::unbounded_channel();
        let state = Arc::new(ApiState { calls: call_sender, events: Mutex::new(taken) });
        let app = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(send_next))
            .route("/2018-06-01/runtime/invocation/{id}/{what}", post(receive_result))
            .route("/2018-06-01/runtime/init/error", post(receive_init_error))
            .with_state(state);
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let server = tokio::spawn(async move {
            // Ends with the task.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self { address, calls, events, server, waiting: false })
    }

    /// Waits until the function asks for an event, which means that it has started. Returns the time of that call.
    ///
    /// # Errors
    /// The function reports that it can't start, or makes no call within 20 seconds.
    pub async fn wait_for_next(&mut self) -> Result<Instant, BoxError> {
        match self.receive_call().await? {
            RuntimeCall::Next(at) => {
                self.waiting = true;
                Ok(at)
            }
            RuntimeCall::InitError(why) => {
                Err(format!("it can't start: {}", String::from_utf8_lossy(&why)).into())
            }
            RuntimeCall::Response(..) | RuntimeCall::Error(..) => Err("a response without an event".into()),
        }
    }

    /// Sends the function an event and waits for the result.
    ///
    /// # Errors
    /// The function sends no result within 20 seconds.
    pub async fn invoke(&mut self, event: &str) -> Result<InvocationResult, BoxError> {
        self.invoke_within(event, CALL_TIMEOUT).await
    }

    /// As [`RuntimeApi::invoke`], with another time limit than 20 seconds.
    ///
    /// # Errors
    /// The function sends no result within `limit`.
    pub async fn invoke_within(
        &mut self,
        event: &str,
        limit: Duration,
    ) -> Result<InvocationResult, BoxError> {
        if !self.waiting {
            self.wait_for_next().await?;
        }
        self.waiting = false;
        let sent = clock::now();
        self.events.send(event.to_owned())?;
        let (at, body, ok) = match self.receive_call_within(limit).await? {
            RuntimeCall::Response(at, body) => (at, body, true),
            RuntimeCall::Error(at, body) => (at, body, false),
            RuntimeCall::Next(_) | RuntimeCall::InitError(_) => {
                return Err("the function asks for the next event before it answered".into());
            }
        };
        let nanos = u64::try_from(at.saturating_duration_since(sent).as_nanos())?;
        Ok(InvocationResult { body, ok, nanos })
    }

    async fn receive_call(&mut self) -> Result<RuntimeCall, BoxError> {
        self.receive_call_within(CALL_TIMEOUT).await
    }

    async fn receive_call_within(&mut self, limit: Duration) -> Result<RuntimeCall, BoxError> {
        let call = tokio::time::timeout(limit, self.calls.recv()).await;
        Ok(call.map_err(|_| "the function makes no call")?.ok_or("the Runtime API has ended")?)
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn send_next(State(state): State<Arc<ApiState>>) -> impl IntoResponse {
    let _ = state.calls.send(RuntimeCall::Next(clock::now()));
    let event = state.events.lock().await.recv().await;
    let deadline = SystemClock.now_millis().saturating_add(29_000).to_string();
    let headers = [
        ("content-type", "application/json"),
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("lambda-runtime-deadline-ms", deadline.as_str()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:bench"),
        (
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0",
        ),
    ];
    let headers = headers.map(|(name, value)| (name, value.to_owned()));
    match event {
        Some(event) => (StatusCode::OK, axum::response::AppendHeaders(headers), event).into_response(),
        None => StatusCode::GONE.into_response(),
    }
}

async fn receive_result(
    State(state): State<Arc<ApiState>>,
    Path((_, what)): Path<(String, String)>,
    body: Bytes,
) -> StatusCode {
    let at = clock::now();
    let call =
        if what == "response" { RuntimeCall::Response(at, body) } else { RuntimeCall::Error(at, body) };
    let _ = state.calls.send(call);
    StatusCode::ACCEPTED
}

async fn receive_init_error(State(state): State<Arc<ApiState>>, body: Bytes) -> StatusCode {
    let _ = state.calls.send(RuntimeCall::InitError(body));
    StatusCode::ACCEPTED
}

const CALL_TIMEOUT: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    /// A function that answers each event with `answer`, on the path that ends with `what`.
    async fn function(address: String, what: &'static str, answer: &'static str) {
        let client = shared_client();
        loop {
            let url = format!("http://{address}/2018-06-01/runtime/invocation");
            let event = client.get(format!("{url}/next")).send().await.expect("an event");
            let id = event.headers()["lambda-runtime-aws-request-id"].to_str().expect("an id").to_owned();
            assert!(
                event.headers()["lambda-runtime-deadline-ms"]
                    .to_str()
                    .expect("a time")
                    .parse::<u64>()
                    .is_ok()
            );
            let event = event.text().await.expect("a text");
            let answer = answer.replace("{event}", &event);
            let post =
                client.post(format!("{url}/{id}/{what}")).body(answer).send().await.expect("an answer");
            assert_eq!(post.status(), 202);
        }
    }

    fn shared_client() -> reqwest::Client {
        local_wechat::http_client(CALL_TIMEOUT).expect("a client")
    }

    #[tokio::test]
    async fn events_are_answered_one_after_the_other() {
        let mut api = RuntimeApi::start().await.expect("a port");
        let before = clock::now();
        let running = tokio::spawn(function(api.address.clone(), "response", "got {event}"));
        assert!(api.wait_for_next().await.expect("it starts") >= before);
        for event in ["1", "2", "3"] {
            let answered = api.invoke(event).await.expect("an answer");
            assert_eq!((answered.body, answered.ok), (Bytes::from(format!("got {event}")), true));
            assert!(answered.nanos > 0);
        }
        running.abort();
    }

    #[tokio::test]
    async fn an_error_is_distinguished_from_a_response() {
        let mut api = RuntimeApi::start().await.expect("a port");
        let running = tokio::spawn(function(api.address.clone(), "error", "{}"));
        assert!(!api.invoke("1").await.expect("an answer").ok);
        running.abort();
    }

    #[tokio::test]
    async fn a_start_failure_has_its_reason() {
        let mut api = RuntimeApi::start().await.expect("a port");
        let url = format!("http://{}/2018-06-01/runtime/init/error", api.address);
        let response = shared_client().post(url).body("no setting").send().await.expect("an answer");
        assert_eq!(response.status(), 202);
        let error = api.wait_for_next().await.expect_err("it does not start");
        assert_eq!(error.to_string(), "it can't start: no setting");
    }
}
