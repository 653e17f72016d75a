//! `GET /api/message/callback`, `POST /api/message/callback`: the one door of WeChat's message push.
//!
//! WeChat: 消息推送. A push is verified and kept in the inbox before it is answered, because WeChat waits for five seconds and takes
//! `success` for the end of its duty. What a push means follows from the inbox's stream, in `push-events`. A push that WeChat repeats has
//! the same key in the inbox, so it is kept once.
//!
//! In the plain mode no signature covers the body, so an event that carries a verdict, money or consent is not believed: it is dropped with
//! an alert.

mod answer;
mod unknown_events;

use shared::{
    api::{ApiError, Code, FailureContext, FailureFormat, request, response},
    host::{Host, HostError},
    runtime::{Body, Function, Request, Response, StatusCode},
    store::{Inbox, KeepOutcome},
    telemetry::{self, Metric},
    wechat::push::{PushQuery, PushReceiver, VerifiedPush, carries_fact},
};

use crate::{answer::hand_over, unknown_events::UnknownEvents};

/// Receives pushes.
pub struct MessagePushFunction {
    inbox: Inbox,
    receiver: PushReceiver,
    hands_over: bool,
    unknown_events: UnknownEvents,
}

impl Function for MessagePushFunction {
    const NAME: &'static str = "message-push";

    /// Reads `CUSTOMER_SERVICE_HAND_OVER`.
    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            inbox: Inbox::new(host)?,
            receiver: PushReceiver::new(host)?,
            hands_over: host.parsed_var("CUSTOMER_SERVICE_HAND_OVER", "true or false", str::parse::<bool>)?,
            unknown_events: UnknownEvents::default(),
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        match request::route(&request) {
            "GET /api/message/callback" => self.check_url(&request).await,
            "POST /api/message/callback" => self.receive_push(&request).await,
            _ => Err(Code::NotFound.into()),
        }
    }

    /// WeChat looks at the status alone, so the text is for whoever reads a log.
    fn failure_format(_: &Request) -> FailureFormat {
        |error: &ApiError, _: &FailureContext| {
            response::with_content_type(error.code().status(), PLAIN_TEXT, error.code().name())
        }
    }
}

impl MessagePushFunction {
    async fn check_url(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        self.receiver.check_url(&query_of(request)).await?;
        let echostr = request::required("echostr", request::query(request, "echostr"))?;
        Ok(response::with_content_type(StatusCode::OK, PLAIN_TEXT, echostr))
    }

    async fn receive_push(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let received = self.receiver.receive(&query_of(request), request::bytes(request)).await;
        let push = received.inspect_err(|error| {
            let outcome = if error.is_genuine() { "unreadable" } else { "refused" };
            telemetry::record_metric(Metric::Push(outcome));
            if error.is_genuine() {
                telemetry::operator_alert("push-unreadable", error);
            }
        })?;
        self.act_on_push(&push).await?;
        let answer = match self.hands_over.then(|| hand_over(push.message())).flatten() {
            Some(reply) => self.receiver.write_reply(&push, &reply)?,
            None => SUCCESS.to_owned(),
        };
        let content_type = if answer == SUCCESS { PLAIN_TEXT } else { push.form().content_type() };
        Ok(response::with_content_type(StatusCode::OK, content_type, answer))
    }

    /// Keeps a push that `push-events` acts on. Others are named in the log.
    async fn act_on_push(&self, push: &VerifiedPush) -> Result<(), ApiError> {
        let message = push.message();
        let outcome = if carries_fact(message.event()) && !message.is_authenticated() {
            telemetry::operator_alert("push-not-authenticated", &message.name());
            "not-authenticated"
        } else if message.topic().is_none() {
            if self.unknown_events.is_first(message.name()) {
                telemetry::unusual_event("push-not-processed", &message.name());
            }
            "not-processed"
        } else {
            match self.inbox.keep(message).await? {
                KeepOutcome::Kept => "kept",
                KeepOutcome::AlreadyKept => "already-kept",
            }
        };
        telemetry::record_metric(Metric::Push(outcome));
        Ok(())
    }
}

fn query_of(request: &Request) -> PushQuery {
    let parameter = |name| request::query(request, name);
    PushQuery {
        signature: parameter("signature"),
        msg_signature: parameter("msg_signature"),
        timestamp: parameter("timestamp"),
        nonce: parameter("nonce"),
    }
}

const SUCCESS: &str = "success";
const PLAIN_TEXT: &str = "text/plain; charset=utf-8";
