//! Subscribe messages: each consent of the user allows the server to send one message.
//!
//! Documentation: "Subscribe message" (订阅消息).
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/subscribe-message.html>

mod account_templates;
mod events;
mod library;
pub(crate) mod message;
mod send;
pub(crate) mod service;
mod subscriptions;
mod templates;
mod values;
mod wx;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use self::service::SubscribeService;
use crate::base::platform::token_route;
use crate::core::control::bad_request;
use crate::core::exchange::Route;
use crate::core::persist::Keep;
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
        Router::new()
            .route("/messages", get(list_messages))
            .route("/subscriptions/withdraw", post(withdraw))
            .with_state(self)
    }

    fn kept(&self) -> Vec<(&'static str, &dyn Keep)> {
        vec![("subscriptions", self.kept_state())]
    }
}

async fn list_messages(State(subscribe): State<Arc<SubscribeService>>) -> Json<Value> {
    Json(json!({"messages": subscribe.sent()}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WithdrawBody {
    openid: String,
    template_id: String,
}

/// The user switches the messages of a template off in the settings of the mini program.
async fn withdraw(State(subscribe): State<Arc<SubscribeService>>, body: Bytes) -> Response {
    let WithdrawBody { openid, template_id } = match serde_json::from_slice(&body) {
        Ok(withdraw) => withdraw,
        Err(error) => return bad_request(&error.to_string()),
    };
    if !subscribe.base.users.has_openid(&openid) {
        return bad_request("unknown openid: create the user first with POST /_wechat/users");
    }
    subscribe.withdraw(&openid, &template_id);
    Json(json!({})).into_response()
}
