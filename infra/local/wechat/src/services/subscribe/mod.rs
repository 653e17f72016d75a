//! Subscribe messages: each consent of the user allows the server to send one message.
//!
//! Documentation: "Subscribe message" (订阅消息).
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/subscribe-message.html>

mod account_templates;
mod library;
pub(crate) mod message;
mod send;
pub(crate) mod service;
mod subscriptions;
mod templates;
mod values;
mod wx;

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use self::service::SubscribeService;
use crate::base::platform::token_route;
use crate::core::exchange::Route;
use crate::core::service::Service;
use crate::core::wx_api::WxApi;

impl Service for SubscribeService {
    fn server_routes(self: Arc<Self>) -> Vec<Route> {
        vec![
            token_route("/cgi-bin/message/subscribe/send", &self, send::handle_send),
            token_route("/wxaapi/newtmpl/getcategory", &self, templates::get_category),
            token_route("/wxaapi/newtmpl/getpubtemplatetitles", &self, templates::get_titles),
            token_route("/wxaapi/newtmpl/getpubtemplatekeywords", &self, templates::get_keywords),
            token_route("/wxaapi/newtmpl/addtemplate", &self, templates::add_template),
            token_route("/wxaapi/newtmpl/gettemplate", &self, templates::list_templates),
            token_route("/wxaapi/newtmpl/deltemplate", &self, templates::delete_template),
        ]
    }

    fn wx_apis(self: Arc<Self>) -> Vec<WxApi> {
        vec![WxApi::new("requestSubscribeMessage", &self, wx::request_subscribe_message)]
    }

    fn control(self: Arc<Self>) -> Router {
        Router::new().route("/messages", get(list_messages)).with_state(self)
    }
}

async fn list_messages(State(subscribe): State<Arc<SubscribeService>>) -> Json<Value> {
    Json(json!({"messages": subscribe.sent()}))
}
