//! `CARDS_TABLE`: the user's cards and offers go, and so do the codes of those cards. The journal of a consumption stays, without the
//! person: the shop accounts for what it gave.

use aws_sdk_dynamodb::types::AttributeValue;

use super::PersonEraser;
use crate::{
    store::{
        StoreError,
        cards::{code_key, key},
        inbox::ErasedPerson,
        item::{self, Item, UpdateOutcome},
    },
    types::{CardCode, UserId},
};

impl PersonEraser {
    pub(super) async fn erase_cards(&self, person: &ErasedPerson) -> Result<(), StoreError> {
        let rows = self
            .client
            .query()
            .table_name(&self.cards)
            .key_condition_expression("holder = :user")
            .expression_attribute_values(":user", item::s(&person.user_id))
            .consistent_read(true);
        self.for_each_row(ERASING, rows, async |mut row| {
            let Some(AttributeValue::S(id)) = row.remove("id") else { return Ok(()) };
            let code = id.split_once('#').and_then(|(kind, code)| Some((kind, CardCode::parse(code).ok()?)));
            // First the code, because the row leads to it.
            match &code {
                Some(("card" | "member", code)) => self.release_code(code, &person.user_id).await?,
                Some(("clerk", code)) => self.forget_clerk(code, &person.user_id).await?,
                _ => {}
            }
            let row = self.client.delete_item().table_name(&self.cards);
            super::delete(ERASING, row.set_key(Some(key(person.user_id.as_str(), id)))).await
        })
        .await
    }

    /// Removes the person from the row of the code, or the row itself, if it has no journal and nobody else. If the row changes meanwhile, it is
    /// read again.
    async fn release_code(&self, code: &CardCode, user_id: &UserId) -> Result<(), StoreError> {
        for _ in 0..item::MAX_ATTEMPTS {
            let get = self.client.get_item().table_name(&self.cards).set_key(Some(code_key(code)));
            let answer = get.consistent_read(true).send().await;
            let Some(row) = answer.map_err(|error| StoreError::from_sdk(ERASING, error))?.item else {
                return Ok(());
            };
            let (own, others): (Vec<&str>, Vec<&str>) = PEOPLE
                .into_iter()
                .filter(|name| row.contains_key(*name))
                .partition(|name| is(&row, name, user_id));
            if own.is_empty() {
                return Ok(());
            }
            let is_released = if others.is_empty() && !row.contains_key("state") {
                self.delete_code(code, user_id, &own).await?
            } else {
                self.remove_people(code, user_id, &own).await?
            };
            if is_released {
                return Ok(());
            }
            item::sleep_jittered(&self.host).await;
        }
        Err(StoreError::contended(ERASING))
    }

    /// Deletes the row, if `own` still name the user and it has no journal; whether it was deleted.
    async fn delete_code(&self, code: &CardCode, user_id: &UserId, own: &[&str]) -> Result<bool, StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.cards)
            .set_key(Some(code_key(code)))
            .condition_expression(format!("attribute_not_exists(#state) AND {}", all_are_user(own)))
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":user", item::s(user_id));
        match delete.send().await {
            Err(error) if super::is_condition(&error) => Ok(false),
            Err(error) => Err(StoreError::from_sdk(ERASING, error)),
            Ok(_) => Ok(true),
        }
    }

    /// Removes the attributes `own`, if they still name the user; whether they were removed.
    async fn remove_people(
        &self,
        code: &CardCode,
        user_id: &UserId,
        own: &[&str],
    ) -> Result<bool, StoreError> {
        let membership = if own.contains(&JOINED_BY) { ", membership_number, activated_at" } else { "" };
        let update = self
            .client
            .update_item()
            .table_name(&self.cards)
            .set_key(Some(code_key(code)))
            .update_expression(format!("REMOVE {}{membership}", own.join(", ")))
            .condition_expression(all_are_user(own))
            .expression_attribute_values(":user", item::s(user_id));
        let updated = item::update(&self.host, ERASING, update).await?;
        Ok(matches!(updated, UpdateOutcome::Done(_)))
    }

    /// The journal of a consumption keeps that a clerk made it, and not who.
    async fn forget_clerk(&self, code: &CardCode, user_id: &UserId) -> Result<(), StoreError> {
        let nobody = AttributeValue::M([("user_id".to_owned(), item::s(ERASED_CLERK))].into());
        let update = self
            .client
            .update_item()
            .table_name(&self.cards)
            .set_key(Some(code_key(code)))
            .update_expression("SET clerk = :nobody")
            .condition_expression("clerk.user_id = :user")
            .expression_attribute_values(":nobody", nobody)
            .expression_attribute_values(":user", item::s(user_id));
        item::update(&self.host, ERASING, update).await.map(drop)
    }
}

fn is(row: &Item, name: &str, user_id: &UserId) -> bool {
    row.get(name).and_then(|value| value.as_s().ok()).is_some_and(|id| id == user_id.as_str())
}

fn all_are_user(names: &[&str]) -> String {
    names.iter().map(|name| format!("{name} = :user")).collect::<Vec<_>>().join(" AND ")
}

/// The attributes of a code's row that name people.
const PEOPLE: [&str; 3] = ["user_id", "listed_by", JOINED_BY];
const JOINED_BY: &str = "joined_by";
/// The id of a clerk who was erased.
const ERASED_CLERK: &str = "erased";
const ERASING: &str = "erasing cards";
