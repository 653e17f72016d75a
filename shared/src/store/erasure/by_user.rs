//! `CHALLENGES_TABLE`, `IDEMPOTENCY_TABLE` and `STEPS_TABLE`: rows that belong to the user as a whole.

use super::PersonEraser;
use crate::store::{StoreError, inbox::ErasedPerson, item};

impl PersonEraser {
    pub(super) async fn delete_steps(&self, person: &ErasedPerson) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.steps);
        super::delete("erasing steps", delete.key("user_id", item::s(&person.user_id))).await
    }

    /// Deletes the user's rows of a table with an index `by_user` (`user_id`). `key` is the table's key.
    pub(super) async fn delete_by_user(
        &self,
        table: &str,
        key: &'static str,
        person: &ErasedPerson,
    ) -> Result<(), StoreError> {
        let rows = self
            .client
            .query()
            .table_name(table)
            .index_name("by_user")
            .key_condition_expression("user_id = :user")
            .expression_attribute_values(":user", item::s(&person.user_id));
        self.for_each_row(ERASING, rows, async |mut row| {
            let Some(value) = row.remove(key) else { return Ok(()) };
            super::delete(ERASING, self.client.delete_item().table_name(table).key(key, value)).await
        })
        .await
    }
}

const ERASING: &str = "erasing what a user began";
