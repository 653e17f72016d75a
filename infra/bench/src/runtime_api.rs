//! Lambda's Runtime API, as far as a function needs it: it asks for an event, answers it, and asks again.
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

/// The Runtime API of one process; it ends when this is dropped.
pub struct RuntimeApi {
    /// What `AWS_LAMBDA_RUNTIME_API` should say.
    pub address: String,
    said: mpsc::UnboundedReceiver<Said>,
    events: mpsc::UnboundedSender<String>,
    server: JoinHandle<()>,
    waiting: bool,
}

/// What became of an event.
pub struct Answered {
    /// What the function answered.
    pub body: Bytes,
    /// Whether it was an answer and not a failure.
    pub ok: bool,
    /// From the event's leaving to the answer's being here, in nanoseconds.
    pub nanos: u64,
}

/// What the function said, and when.
enum Said {
    Asks(Instant),
    Answers(Instant, Bytes),
    Fails(Instant, Bytes),
    CannotStart(Bytes),
}

struct Side {
    says: mpsc::UnboundedSender<Said>,
    events: Mutex<mpsc::UnboundedReceiver<String>>,
}

impl RuntimeApi {
    /// Listens on a free port of this machine.
    ///
    /// # Errors
    /// There is none.
    pub async fn start() -> Result<Self, BoxError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?.to_string();
        let (says, said) = mpsc::unbounded_channel();
        let (events, taken) = mpsc::unbounded_channel();
        let side = Arc::new(Side { says, events: Mutex::new(taken) });
        let app = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{what}", post(answer))
            .route("/2018-06-01/runtime/init/error", post(cannot_start))
            .with_state(side);
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let server = tokio::spawn(async move {
            // Ends with the task.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self { address, said, events, server, waiting: false })
    }

    /// Waits until the function asks for an event: it has started. Says when that was.
    ///
    /// # Errors
    /// It says that it can't start, or nothing at all.
    pub async fn asked(&mut self) -> Result<Instant, BoxError> {
        match self.hear().await? {
            Said::Asks(at) => {
                self.waiting = true;
                Ok(at)
            }
            Said::CannotStart(why) => {
                Err(format!("it can't start: {}", String::from_utf8_lossy(&why)).into())
            }
            Said::Answers(..) | Said::Fails(..) => Err("it answers what nobody asked".into()),
        }
    }

    /// Gives the function an event and waits for its answer.
    ///
    /// # Errors
    /// There is none.
    pub async fn invoke(&mut self, event: &str) -> Result<Answered, BoxError> {
        if !self.waiting {
            self.asked().await?;
        }
        self.waiting = false;
        let sent = clock::now();
        self.events.send(event.to_owned())?;
        let (at, body, ok) = match self.hear().await? {
            Said::Answers(at, body) => (at, body, true),
            Said::Fails(at, body) => (at, body, false),
            Said::Asks(_) | Said::CannotStart(_) => return Err("it asks again and has not answered".into()),
        };
        let nanos = u64::try_from(at.saturating_duration_since(sent).as_nanos())?;
        Ok(Answered { body, ok, nanos })
    }

    async fn hear(&mut self) -> Result<Said, BoxError> {
        let said = tokio::time::timeout(PATIENCE, self.said.recv()).await;
        Ok(said.map_err(|_| "the function says nothing")?.ok_or("the Runtime API has ended")?)
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(State(side): State<Arc<Side>>) -> impl IntoResponse {
    let _ = side.says.send(Said::Asks(clock::now()));
    let event = side.events.lock().await.recv().await;
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

async fn answer(
    State(side): State<Arc<Side>>,
    Path((_, what)): Path<(String, String)>,
    body: Bytes,
) -> StatusCode {
    let at = clock::now();
    let said = if what == "response" { Said::Answers(at, body) } else { Said::Fails(at, body) };
    let _ = side.says.send(said);
    StatusCode::ACCEPTED
}

async fn cannot_start(State(side): State<Arc<Side>>, body: Bytes) -> StatusCode {
    let _ = side.says.send(Said::CannotStart(body));
    StatusCode::ACCEPTED
}

const PATIENCE: Duration = Duration::from_secs(20);

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
        let host = shared::host::Host::new(
            std::collections::BTreeMap::new(),
            Arc::new(SystemClock),
            Arc::new(shared::host::SystemRandomness),
            Vec::new(),
        );
        host.http().expect("a client")
    }

    #[tokio::test]
    async fn events_are_answered_one_after_the_other() {
        let mut api = RuntimeApi::start().await.expect("a port");
        let before = clock::now();
        let running = tokio::spawn(function(api.address.clone(), "response", "got {event}"));
        assert!(api.asked().await.expect("it starts") >= before);
        for event in ["1", "2", "3"] {
            let answered = api.invoke(event).await.expect("an answer");
            assert_eq!((answered.body, answered.ok), (Bytes::from(format!("got {event}")), true));
            assert!(answered.nanos > 0);
        }
        running.abort();
    }

    #[tokio::test]
    async fn a_failure_is_told_from_an_answer() {
        let mut api = RuntimeApi::start().await.expect("a port");
        let running = tokio::spawn(function(api.address.clone(), "error", "{}"));
        assert!(!api.invoke("1").await.expect("an answer").ok);
        running.abort();
    }

    #[tokio::test]
    async fn a_function_that_can_t_start_says_why() {
        let mut api = RuntimeApi::start().await.expect("a port");
        let url = format!("http://{}/2018-06-01/runtime/init/error", api.address);
        let told = shared_client().post(url).body("no setting").send().await.expect("an answer");
        assert_eq!(told.status(), 202);
        let error = api.asked().await.expect_err("it does not start");
        assert_eq!(error.to_string(), "it can't start: no setting");
    }
}
