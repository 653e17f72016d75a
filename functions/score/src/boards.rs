//! `GET /api/admin/boards/{board}`, `PUT /api/admin/boards/{board}`: the rules of a board.

use serde::{Deserialize, Serialize};
use shared::{
    api::{ApiError, Code, request, response},
    runtime::{Body, Request, Response},
    types::{Board, BoardId, BoardOrder, BoardPeriod, MAX_SCORE, OperatorArn},
};

use crate::ScoreFunction;

#[derive(Deserialize)]
struct BoardBody {
    order: Option<BoardOrder>,
    period: Option<BoardPeriod>,
    min: Option<i64>,
    max: Option<i64>,
}

#[derive(Serialize)]
struct BoardAnswer {
    board: BoardView,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BoardView {
    board: BoardId,
    order: BoardOrder,
    period: BoardPeriod,
    min: i64,
    max: i64,
    changed_by: OperatorArn,
}

impl ScoreFunction {
    pub(crate) async fn show_board(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        // There is no board of another name.
        let board = BoardId::parse(&request::path(request, "board")?).map_err(|_| Code::NotFound)?;
        let board = self.boards.get(&board).await?.ok_or(Code::NotFound)?;
        Ok(response::success(&BoardAnswer { board: view(board) }))
    }

    pub(crate) async fn define_board(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let board = BoardId::parse(&request::path(request, "board")?).map_err(|error| {
            ApiError::invalid("board", "须为 1 到 32 个字母、数字、- 或 _").with_cause(error)
        })?;
        let board = parse(board, request::json(request)?, request::operator(request)?)?;
        self.boards.put(&board).await?;
        Ok(response::success(&BoardAnswer { board: view(board) }))
    }
}

fn parse(board: BoardId, body: BoardBody, changed_by: OperatorArn) -> Result<Board, ApiError> {
    let order = request::required("order", body.order)?;
    let period = request::required("period", body.period)?;
    let bound = |name: &str, bound: Option<i64>| {
        let bound = request::required(name, bound)?;
        if (-MAX_SCORE..=MAX_SCORE).contains(&bound) {
            Ok(bound)
        } else {
            Err(ApiError::invalid(name, "绝对值不能超过一万亿"))
        }
    };
    let (min, max) = (bound("min", body.min)?, bound("max", body.max)?);
    if min > max {
        return Err(ApiError::invalid("min", "不能大于 max"));
    }
    Ok(Board { board, order, period, min, max, changed_by })
}

fn view(board: Board) -> BoardView {
    let Board { board, order, period, min, max, changed_by } = board;
    BoardView { board, order, period, min, max, changed_by }
}
