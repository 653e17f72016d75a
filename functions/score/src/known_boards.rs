//! Boards that were read lately, so that a ranking needs no request for its rules.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use shared::types::{Board, BoardId, UnixSeconds};

/// Boards with the time at which each was read.
#[derive(Default)]
pub(crate) struct KnownBoards(Mutex<HashMap<BoardId, (Board, UnixSeconds)>>);

impl KnownBoards {
    /// The board, if it was read within [`MAX_AGE`].
    pub(crate) fn get(&self, board: &BoardId, now: UnixSeconds) -> Option<Board> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (board, read_at) = known.get(board)?;
        (now.since(*read_at) < MAX_AGE).then(|| board.clone())
    }

    pub(crate) fn add(&self, board: Board, now: UnixSeconds) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(board.board.clone(), (board, now));
    }
}

/// How long rules of before may hold.
const MAX_AGE: Duration = Duration::from_secs(60);
