//! `/api/werun…`: stores and summarizes the user's steps, and ranks those of a group.
//!
//! WeChat: 微信运动步数 (`wx.getWeRunData`). WeChat gives the last 31 days, encrypted. Steps are stored per day of Beijing, and a day
//! keeps the larger number, so that syncing a day twice changes nothing.

mod rank;
mod summary;
mod sync;

use shared::{
    api::{ApiError, Code, request},
    host::{Host, HostError, UploadsBucket},
    runtime::{Body, Function, Request, Response},
    service::{SessionTokens, WeChatSessions},
    store::{Groups, Sessions, Steps},
};

/// Stores and summarizes steps.
pub struct WerunFunction {
    host: Host,
    wechat_sessions: WeChatSessions,
    sessions: SessionTokens,
    session_rows: Sessions,
    steps: Steps,
    bucket: UploadsBucket,
    groups: Groups,
}

impl Function for WerunFunction {
    const NAME: &'static str = "werun";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            wechat_sessions: WeChatSessions::new(host)?,
            sessions: SessionTokens::new(host)?,
            session_rows: Sessions::new(host)?,
            steps: Steps::new(host)?,
            bucket: UploadsBucket::new(host)?,
            groups: Groups::new(host)?,
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(&request).await?;
        match request::route(&request) {
            "POST /api/werun/decrypt" => self.sync_steps(&caller, &request).await,
            "GET /api/werun/summary" => self.summarize_steps(&caller, &request).await,
            "GET /api/werun/rank" => self.rank_group(&caller, &request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}
