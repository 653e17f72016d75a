//! `/api/scores…`, `/api/admin/boards/…`: keeps each user's best score of a board and period, and ranks the members of a group.
//!
//! A score comes from a phone, whose owner can send any number. The bounds of the board and a limit per minute keep out the coarsest ones
//! only: no ranking is a proof, so give no prize for one that you have not looked at. API Gateway has authenticated the operators of the
//! routes under `/api/admin`.

mod boards;
mod known_boards;
mod rank;
mod submit;

use shared::{
    api::{ApiError, Code, RateLimit, request},
    host::{Host, HostError, UploadsBucket},
    runtime::{Body, Function, Request, Response},
    service::SessionTokens,
    store::{Boards, Groups, ScoreTables, Sessions},
};

use crate::known_boards::KnownBoards;

/// Keeps and ranks scores.
pub struct ScoreFunction {
    host: Host,
    boards: Boards,
    known_boards: KnownBoards,
    bucket: UploadsBucket,
    groups: Groups,
    tables: ScoreTables,
    sessions: SessionTokens,
    session_rows: Sessions,
    rate_limit: RateLimit,
}

impl Function for ScoreFunction {
    const NAME: &'static str = "score";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            boards: Boards::new(host)?,
            known_boards: KnownBoards::default(),
            bucket: UploadsBucket::new(host)?,
            groups: Groups::new(host)?,
            tables: ScoreTables::new(host)?,
            sessions: SessionTokens::new(host)?,
            session_rows: Sessions::new(host)?,
            rate_limit: RateLimit::per_minute(SCORES_PER_MINUTE),
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        match request::route(&request) {
            "POST /api/scores" => self.submit_score(&request).await,
            "GET /api/scores/rank" => self.rank_group(&request).await,
            "GET /api/admin/boards/{board}" => self.show_board(&request).await,
            "PUT /api/admin/boards/{board}" => self.define_board(&request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}

/// A user plays no round in a second.
const SCORES_PER_MINUTE: u32 = 60;
