//! `GET /api/scores/rank?board=&openGId=`: the ranking of a group by the best scores of the period, for its members.
//!
//! One request reads the group, as for steps (`functions/werun/src/rank.rs`). The rules of the board are read once a minute.

use serde::Serialize;
use shared::{
    api::{ApiError, Code, group_ranking, request, response},
    runtime::{Body, Request, Response},
    types::{Board, BoardId, Day},
};

use crate::ScoreFunction;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RankAnswer {
    /// `null` if the caller has no score of the period.
    my_rank: Option<usize>,
    my_score: Option<i64>,
    rank_list: Vec<Row>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    rank: usize,
    nickname: String,
    avatar_url: String,
    score: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<u32>,
    is_me: bool,
}

impl ScoreFunction {
    pub(crate) async fn rank_group(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        let board = request::required("board", request::query(request, "board"))?;
        let board = BoardId::parse(&board)
            .map_err(|error| ApiError::invalid("board", "格式不正确").with_cause(error))?;
        let group_id = group_ranking::group_id(request)?;
        let board = self.board(&board).await?;
        let group = self.groups.members_for(&caller.user_id, &group_id).await?;
        let Some(group) = group else {
            // An erased user is in no group.
            self.session_rows.check(&caller).await?;
            return Err(ApiError::new(Code::Forbidden).with_message("仅群成员可以查看排行"));
        };
        let today = Day::of(self.host.now());
        let ranking = group_ranking::rank(&group, &caller.user_id, |member| {
            let score = board.current(member.score_on(&board.board)?, today)?;
            Some(board.merit(score.score))
        });
        let row = |place: group_ranking::Place<'_, i64>| Row {
            rank: place.rank,
            nickname: place.nickname(),
            avatar_url: place.avatar_url(&self.bucket),
            // The merit of a merit is the score.
            score: board.merit(place.value),
            level: place.member.score_on(&board.board).and_then(|score| score.level),
            is_me: place.is_me,
        };
        Ok(response::success(&RankAnswer {
            my_rank: ranking.own.as_ref().and_then(|own| own.rank),
            my_score: ranking.own.map(|own| board.merit(own.value)),
            rank_list: ranking.places.into_iter().map(row).collect(),
        }))
    }

    async fn board(&self, board: &BoardId) -> Result<Board, ApiError> {
        let now = self.host.now();
        if let Some(board) = self.known_boards.get(board, now) {
            return Ok(board);
        }
        let board = self.boards.get(board).await?;
        let board = board.ok_or_else(|| ApiError::new(Code::NotFound).with_message("没有这个排行榜"))?;
        self.known_boards.add(board.clone(), now);
        Ok(board)
    }
}
