//! `BOARDS_TABLE`: the boards that operators have defined, by name (key `board`).

use super::{StoreError, item};
use crate::{
    host::{Host, HostError, dynamodb::Client},
    types::{Board, BoardId},
};

/// The table of boards.
pub struct Boards {
    client: Client,
    table: String,
}

impl Boards {
    /// Reads `BOARDS_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self { client: host.dynamodb()?, table: host.var("BOARDS_TABLE")?.to_owned() })
    }

    /// The board; `None` if no operator has defined it.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn get(&self, board: &BoardId) -> Result<Option<Board>, StoreError> {
        let request = self.client.get_item().table_name(&self.table).key("board", item::s(board.as_str()));
        let answer = request.consistent_read(true).send().await;
        let answer = answer.map_err(|error| StoreError::from_sdk("reading a board", error))?;
        answer.item.map(item::read).transpose()
    }

    /// Stores the board, whatever its rules were before.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn put(&self, board: &Board) -> Result<(), StoreError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item::write(board)?));
        put.send().await.map_err(|error| StoreError::from_sdk("storing a board", error))?;
        Ok(())
    }
}
