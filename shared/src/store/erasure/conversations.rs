//! `CONVERSATIONS_TABLE`: what the person and customer service wrote to each other, and the ledger of windows.

use super::PersonEraser;
use crate::{
    store::{StoreError, inbox::ErasedPerson, item},
    types::UnixSeconds,
};

impl PersonEraser {
    /// What somebody writes to customer service after the erasure is another conversation, with or without a login.
    pub(super) async fn delete_conversations(
        &self,
        person: &ErasedPerson,
        erased_at: UnixSeconds,
    ) -> Result<(), StoreError> {
        for openid in &person.openids {
            let rows = self
                .client
                .query()
                .table_name(&self.conversations)
                .key_condition_expression("openid = :openid")
                .expression_attribute_values(":openid", item::s(openid.as_str()))
                .consistent_read(true);
            self.for_each_row(ERASING, rows, async |mut row| {
                let Some(key) = row.remove("item") else { return Ok(()) };
                let delete = self
                    .client
                    .delete_item()
                    .table_name(&self.conversations)
                    .key("openid", item::s(openid.as_str()))
                    .key("item", key)
                    .condition_expression(
                        "(attribute_not_exists(created_at) OR created_at <= :until) \
                         AND (attribute_not_exists(user_message_at) OR user_message_at <= :until)",
                    )
                    .expression_attribute_values(":until", item::n(erased_at.get()));
                super::delete(ERASING, delete).await
            })
            .await?;
        }
        Ok(())
    }
}

const ERASING: &str = "erasing conversations";
