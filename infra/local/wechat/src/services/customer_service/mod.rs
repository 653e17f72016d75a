//! Customer service: users write to the mini program, and its server answers within WeChat's windows.
//!
//! Documentation: "Customer service messages" (客服消息). A user's message opens a window of 48 hours for five messages, and entering the
//! conversation one of a minute for two. Pictures are temporary media, which are kept for three days.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/customer-message/customer-message.html>

mod media;
mod media_api;
pub(crate) mod message;
mod multipart;
mod send;
pub(crate) mod service;
mod typing;
mod windows;
mod wx;

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use self::service::CustomerService;
use crate::base::platform::token_route;
use crate::core::exchange::Route;
use crate::core::family::Family;
use crate::core::persist::Keep;
use crate::core::service::Service;
use crate::core::wx_api::WxApi;

impl Service for CustomerService {
    fn server_routes(self: Arc<Self>) -> Vec<Route> {
        vec![
            token_route("/cgi-bin/message/custom/send", &self, send::handle_send),
            token_route("/cgi-bin/message/custom/typing", &self, typing::handle_typing),
            Route::new(
                "/cgi-bin/media/upload",
                Family::Token,
                media_api::upload_summary,
                &self,
                media_api::handle_upload,
            ),
            token_route("/cgi-bin/media/get", &self, media_api::handle_get),
        ]
    }

    fn wx_apis(self: Arc<Self>) -> Vec<WxApi> {
        vec![
            WxApi::new("openCustomerServiceConversation", &self, wx::open_conversation),
            WxApi::new("sendCustomerMessage", &self, wx::send_message),
        ]
    }

    fn control(self: Arc<Self>) -> Router {
        Router::new().route("/customer_messages", get(list_messages)).with_state(self)
    }

    fn kept(&self) -> Vec<(&'static str, &dyn Keep)> {
        vec![("customer_service", self.kept_state())]
    }
}

async fn list_messages(State(customer): State<Arc<CustomerService>>) -> Json<Value> {
    Json(json!({"messages": customer.sent(), "typing": customer.typing()}))
}
