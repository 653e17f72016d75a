//! The console's page of the message push: its settings, the check of the address, and pushes of any event.
//!
//! What pushes look like and how they are sent stands in `core/push`, because other services push their own events.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::base::Base;
use crate::core::control::{bad_request, parse_object};
use crate::core::push::PushSettings;
use crate::core::push::sender::PushSender;
use crate::core::service::Service;

/// Shows and changes the settings of the message push.
pub(crate) struct MessagePushService {
    base: Arc<Base>,
    pushes: Arc<PushSender>,
}

impl MessagePushService {
    pub(crate) fn new(base: &Arc<Base>, pushes: &Arc<PushSender>) -> Self {
        Self { base: Arc::clone(base), pushes: Arc::clone(pushes) }
    }
}

impl Service for MessagePushService {
    fn control(self: Arc<Self>) -> Router {
        Router::new()
            .route("/push", post(push_event))
            .route("/push/settings", get(show_settings).put(change_settings))
            .route("/push/check", post(check_url))
            .with_state(self)
    }
}

/// Pushes the fields of the body, as they are.
async fn push_event(State(service): State<Arc<MessagePushService>>, body: Bytes) -> Response {
    let mut message = match parse_object(&body) {
        Ok(message) => message,
        Err(why) => return bad_request(&why),
    };
    let Some(Value::String(openid)) = message.remove("openid") else {
        return bad_request("the body needs \"openid\": whose event is it?");
    };
    if !service.base.users.has_openid(&openid) {
        return bad_request("unknown openid: create the user first with POST /_wechat/users");
    }
    if message.is_empty() {
        return bad_request("the body needs the fields of the event, such as \"Event\"");
    }
    if service.pushes.push(&openid, message) {
        Json(json!({})).into_response()
    } else {
        bad_request("there is no address to push to: PUT /_wechat/push/settings")
    }
}

async fn show_settings(State(service): State<Arc<MessagePushService>>) -> Json<Value> {
    Json(json!(*service.pushes.settings()))
}

/// Changes the settings that the body has, and keeps the others.
async fn change_settings(State(service): State<Arc<MessagePushService>>, body: Bytes) -> Response {
    let changes = match parse_object(&body) {
        Ok(changes) => changes,
        Err(why) => return bad_request(&why),
    };
    let changed = {
        let mut settings = service.pushes.settings();
        let mut fields = json!(*settings);
        if let Some(fields) = fields.as_object_mut() {
            fields.extend(changes);
        }
        serde_json::from_value::<PushSettings>(fields).map(|changed| *settings = changed)
    };
    match changed {
        Ok(()) => show_settings(State(service)).await.into_response(),
        Err(error) => bad_request(&error.to_string()),
    }
}

async fn check_url(State(service): State<Arc<MessagePushService>>) -> Response {
    match service.pushes.check_url().await {
        Ok(()) => Json(json!({})).into_response(),
        Err(why) => bad_request(&why),
    }
}
