//! `SESSIONS_TABLE` and `SUBSCRIPTIONS_TABLE`: rows under the openids of the person.

use super::PersonEraser;
use crate::{
    store::{StoreError, inbox::ErasedPerson, item, sessions},
    types::{OpenId, UnixSeconds},
};

impl PersonEraser {
    /// The sessions went when the erasure began, but for those of a person with very many openids.
    pub(super) async fn delete_sessions(&self, person: &ErasedPerson) -> Result<(), StoreError> {
        for openid in &person.openids {
            let delete = self
                .client
                .delete_item()
                .table_name(&self.sessions)
                .key("openid", item::s(openid.as_str()))
                .condition_expression("user_id = :user")
                .expression_attribute_values(":user", item::s(&person.user_id));
            super::delete("erasing a session", delete).await?;
        }
        Ok(())
    }

    pub(super) async fn delete_subscriptions(
        &self,
        person: &ErasedPerson,
        erased_at: UnixSeconds,
    ) -> Result<(), StoreError> {
        for openid in &person.openids {
            let session = sessions::get(&self.client, &self.sessions, openid).await?;
            // What a new user of the openid has accepted since then is theirs.
            self.delete_subscriptions_of(openid, session.map(|_| erased_at)).await?;
        }
        Ok(())
    }

    async fn delete_subscriptions_of(
        &self,
        openid: &OpenId,
        until: Option<UnixSeconds>,
    ) -> Result<(), StoreError> {
        let rows = self
            .client
            .query()
            .table_name(&self.subscriptions)
            .key_condition_expression("openid = :openid")
            .expression_attribute_values(":openid", item::s(openid.as_str()))
            .consistent_read(true);
        self.for_each_row(ERASING, rows, async |mut row| {
            let Some(template) = row.remove("template_id") else { return Ok(()) };
            let delete = self
                .client
                .delete_item()
                .table_name(&self.subscriptions)
                .key("openid", item::s(openid.as_str()))
                .key("template_id", template);
            let delete = match until {
                Some(until) => delete
                    .condition_expression("attribute_not_exists(updated_at) OR updated_at <= :until")
                    .expression_attribute_values(":until", item::n(until.get())),
                None => delete,
            };
            super::delete(ERASING, delete).await
        })
        .await
    }
}

const ERASING: &str = "erasing subscriptions";
