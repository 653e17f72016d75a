//! What a service is.

use std::sync::Arc;

use axum::Router;

use crate::core::exchange::{ApiRequest, ApiResponse, Route};
use crate::core::family::Family;
use crate::core::wx_api::WxApi;

/// One product of WeChat: its state, which nobody else sees, and what leads to it.
///
/// One request changes one service's state. No service's state is locked while another one or `base` is asked, so that no
/// two requests can wait for each other; the log and the fault queue may be asked at any time.
pub(crate) trait Service: Send + Sync {
    /// What the back end calls: `/sns/…`, `/cgi-bin/…`, `/wxa/…`, `/v3/…`.
    fn server_routes(self: Arc<Self>) -> Vec<Route> {
        Vec::new()
    }

    /// What a mini program calls: `wx.login`, `wx.addCard` and the like.
    fn wx_apis(self: Arc<Self>) -> Vec<WxApi> {
        Vec::new()
    }

    /// What tests and the browser call, below `/_wechat`.
    fn control(self: Arc<Self>) -> Router {
        Router::new()
    }

    /// Sees every exchange with the back end that was answered, of whatever service.
    fn observe(&self, _family: Family, _request: &ApiRequest, _response: &ApiResponse) {}
}
