//! `POST /api/scores`: keeps the score if it is the user's best of the period.

use serde::{Deserialize, Serialize};
use shared::{
    api::{ApiError, Code, request, response},
    runtime::{Body, Request, Response},
    store::{RankProfile, ScoreOutcome, ShownUser},
    types::{BoardId, Caller, Day, Score},
};

use crate::ScoreFunction;

#[derive(Deserialize)]
struct ScoreBody {
    board: Option<String>,
    score: Option<i64>,
    level: Option<u32>,
}

/// A score that a phone sends.
struct SentScore {
    board: BoardId,
    score: i64,
    level: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ScoreAnswer {
    best: i64,
    is_best: bool,
}

impl ScoreFunction {
    pub(crate) async fn submit_score(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        let sent = parse(request::json(request)?)?;
        self.rate_limit.count(&caller.user_id, self.host.now())?;
        let (best, is_best) = self.keep_best(&caller, sent).await?;
        Ok(response::success(&ScoreAnswer { best, is_best }))
    }

    /// The best score of the period, and whether it is this one. If another request of the user was quicker, its score is compared too.
    async fn keep_best(&self, caller: &Caller, sent: SentScore) -> Result<(i64, bool), ApiError> {
        for _ in 0..MAX_ATTEMPTS {
            let now = self.host.now();
            let player = self.groups.get_player(&self.tables, caller, &sent.board).await?;
            let board =
                player.board.ok_or_else(|| ApiError::new(Code::NotFound).with_message("没有这个排行榜"))?;
            if !board.allows(sent.score) {
                return Err(ApiError::invalid("score", "超出该排行榜的范围"));
            }
            let shown = player.user.as_ref().map(ShownUser::of).unwrap_or_default();
            let new = || RankProfile::new(caller.user_id.clone(), shown.clone());
            let mut profile = player.profile.unwrap_or_else(new);
            profile.set_shown(&shown);
            let today = Day::of(now);
            let score = Score { period: board.period_of(today), score: sent.score, level: sent.level };
            match profile.set_score(&board, score, today) {
                ScoreOutcome::NotBetter { best } => return Ok((best, best == sent.score)),
                ScoreOutcome::TooMany => {
                    return Err(ApiError::new(Code::Conflict).with_message("参与的排行榜过多"));
                }
                ScoreOutcome::Best => {}
            }
            if self.groups.save(&mut profile).await? {
                return Ok((sent.score, true));
            }
        }
        Err(ApiError::new(Code::UpstreamBusy).with_cause("other writers were always quicker"))
    }
}

fn parse(body: ScoreBody) -> Result<SentScore, ApiError> {
    let board = request::required("board", body.board)?;
    let board =
        BoardId::parse(&board).map_err(|error| ApiError::invalid("board", "格式不正确").with_cause(error))?;
    let score = request::required("score", body.score)?;
    Ok(SentScore { board, score, level: body.level })
}

const MAX_ATTEMPTS: u32 = 5;
