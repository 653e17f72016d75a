//! The trait that every service of the simulator implements.

use std::sync::Arc;

use axum::Router;

use crate::core::exchange::{ApiRequest, ApiResponse, Route};
use crate::core::family::Family;
use crate::core::persist::Keep;
use crate::core::wx_api::WxApi;

/// One product of WeChat: its private state, and the routes and functions that lead to it.
///
/// A request changes the state of one service only. A service that calls another service or `base` must not hold its own lock, so
/// that no two requests can wait for each other. The log and the fault queue may be used at any time.
pub(crate) trait Service: Send + Sync {
    /// The APIs that the back end calls: `/sns/…`, `/cgi-bin/…`, `/wxa/…`, `/v3/…`.
    fn server_routes(self: Arc<Self>) -> Vec<Route> {
        Vec::new()
    }

    /// The APIs that a mini program calls, such as `wx.login` and `wx.addCard`.
    fn wx_apis(self: Arc<Self>) -> Vec<WxApi> {
        Vec::new()
    }

    /// The controls that tests and the browser call, below `/_wechat`.
    fn control(self: Arc<Self>) -> Router {
        Router::new()
    }

    /// The states that outlive the program, with their names in a snapshot.
    fn kept(&self) -> Vec<(&'static str, &dyn Keep)> {
        Vec::new()
    }

    /// Called after every answered request of the back end, also those of other services.
    fn observe(&self, _family: Family, _request: &ApiRequest, _response: &ApiResponse) {}
}
