//! `/api/werun…`: the user's steps.
//!
//! WeChat: 微信运动步数 (`wx.getWeRunData`). WeChat gives the last 31 days, encrypted; they are kept per day of Beijing, so that two
//! syncs of a day are one, and a day never gets fewer steps than it had.

mod rank;
mod summary;
mod sync;

use shared::{
    error::{ApiError, Code},
    host::{Host, HostError},
    http::extract,
    runtime::{Body, Function, Request, Response},
    session::{LiveSessions, Sessions},
    store::Steps,
};

/// Keeps and shows steps.
pub struct WerunFunction {
    host: Host,
    live: LiveSessions,
    sessions: Sessions,
    steps: Steps,
}

impl Function for WerunFunction {
    const NAME: &'static str = "werun";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            live: LiveSessions::new(host)?,
            sessions: Sessions::new(host)?,
            steps: Steps::new(host)?,
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(&request).await?;
        match extract::route(&request) {
            "POST /api/werun/decrypt" => self.sync(&caller, &request).await,
            "GET /api/werun/summary" => self.summary(&caller, &request).await,
            "GET /api/werun/rank" => self.rank(&request),
            _ => Err(Code::NotFound.into()),
        }
    }
}
