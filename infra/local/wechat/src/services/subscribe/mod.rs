//! Subscribe messages: the user allows them one by one, the server sends them one by one.
//!
//! Documentation: "Subscribe message" (订阅消息).
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/subscribe-message.html>

mod library;
mod send;
mod templates;
mod values;
mod wx;

pub use send::Message;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::State as Shared;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use self::templates::Templates;
use crate::base::Base;
use crate::base::platform::token_route;
use crate::core::exchange::Route;
use crate::core::lock::lock;
use crate::core::service::Service;
use crate::core::wx_api::WxApi;

/// The subscribe messages of the mini program.
pub(crate) struct SubscribeService {
    base: Arc<Base>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    templates: Templates,
    subscriptions: Subscriptions,
}

impl SubscribeService {
    pub(crate) fn new(base: &Arc<Base>) -> Self {
        Self { base: Arc::clone(base), state: Mutex::default() }
    }

    /// The messages that were sent, oldest first.
    pub(crate) fn sent(&self) -> Vec<Message> {
        self.state().subscriptions.sent.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Service for SubscribeService {
    fn server_routes(self: Arc<Self>) -> Vec<Route> {
        vec![
            token_route("/cgi-bin/message/subscribe/send", &self, send::send),
            token_route("/wxaapi/newtmpl/getcategory", &self, templates::get_category),
            token_route("/wxaapi/newtmpl/getpubtemplatetitles", &self, templates::get_titles),
            token_route("/wxaapi/newtmpl/getpubtemplatekeywords", &self, templates::get_keywords),
            token_route("/wxaapi/newtmpl/addtemplate", &self, templates::add),
            token_route("/wxaapi/newtmpl/gettemplate", &self, templates::list),
            token_route("/wxaapi/newtmpl/deltemplate", &self, templates::delete),
        ]
    }

    fn wx_apis(self: Arc<Self>) -> Vec<WxApi> {
        vec![WxApi::new("requestSubscribeMessage", &self, wx::request_subscribe_message)]
    }

    fn control(self: Arc<Self>) -> Router {
        Router::new().route("/messages", get(list_messages)).with_state(self)
    }
}

async fn list_messages(Shared(subscribe): Shared<Arc<SubscribeService>>) -> Json<Value> {
    Json(json!({"messages": subscribe.sent()}))
}

/// Who allowed what, and what was sent.
#[derive(Debug, Default)]
struct Subscriptions {
    /// How many messages may still be sent, by openid and template.
    left: HashMap<(String, String), u32>,
    sent: Vec<Message>,
}

impl Subscriptions {
    /// The user accepts: one more message of the template may be sent.
    fn accept(&mut self, openid: &str, template_id: &str) {
        *self.left.entry((openid.to_owned(), template_id.to_owned())).or_default() += 1;
    }

    /// Sends the message if the user allowed it; whether it was sent.
    fn send(&mut self, message: Message) -> bool {
        let key = (message.openid.clone(), message.template_id.clone());
        match self.left.get_mut(&key) {
            Some(left) if *left > 0 => *left -= 1,
            _ => return false,
        }
        self.sent.push(message);
        true
    }
}
