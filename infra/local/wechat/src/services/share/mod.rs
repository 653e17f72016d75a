//! Sharing: cards in chats and in Moments, who opens them, which group that was, and WeChat's figures of past days.
//!
//! A mini program can't share by itself: a button or the menu of WeChat does (`<button open-type="share">`). So `shareToGroup`,
//! `shareToTimeline` and `enterByShare` are the simulator's own names for what the user does.

mod analysis;
mod chats;
mod figures;
pub(crate) mod service;
mod wx;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use self::service::ShareService;
use crate::base::platform::token_route;
use crate::core::control::bad_request;
use crate::core::exchange::Route;
use crate::core::persist::Keep;
use crate::core::service::Service;
use crate::core::wx_api::WxApi;

impl Service for ShareService {
    fn server_routes(self: Arc<Self>) -> Vec<Route> {
        vec![
            token_route("/datacube/getweanalysisappiddailysummarytrend", &self, analysis::daily_summary),
            token_route("/datacube/getweanalysisappiddailyvisittrend", &self, analysis::daily_visits),
            token_route("/datacube/getweanalysisappidvisitpage", &self, analysis::visited_pages),
        ]
    }

    fn wx_apis(self: Arc<Self>) -> Vec<WxApi> {
        vec![
            WxApi::new("shareToGroup", &self, wx::share_to_group),
            WxApi::new("shareToTimeline", &self, wx::share_to_timeline),
            WxApi::new("enterByShare", &self, wx::enter_by_share),
            WxApi::new("getShareInfo", &self, wx::get_share_info),
            WxApi::new("getGroupEnterInfo", &self, wx::get_group_enter_info),
        ]
    }

    fn control(self: Arc<Self>) -> Router {
        Router::new().route("/groups/leave", post(leave_group)).with_state(self)
    }

    fn kept(&self) -> Vec<(&'static str, &dyn Keep)> {
        vec![("chats", self.kept_state())]
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LeaveBody {
    openid: String,
    group: String,
}

async fn leave_group(State(share): State<Arc<ShareService>>, body: Bytes) -> Response {
    let LeaveBody { openid, group } = match serde_json::from_slice(&body) {
        Ok(leave) => leave,
        Err(error) => return bad_request(&error.to_string()),
    };
    if share.state().chats.leave(&group, &openid) {
        Json(json!({})).into_response()
    } else {
        bad_request("the user is not in this chat: share to it first with wx/shareToGroup")
    }
}
