//! The cards that users hold, and the codes that are offered to them.

use aws_sdk_dynamodb::types::{
    Delete, Put, ReturnValue, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update,
};
use serde::{Deserialize, Serialize};

use super::{Cards, ROUNDS, code_key, key};
use crate::{
    store::{
        StoreError,
        item::{self, Item, TransactionCancelled},
    },
    types::{CardCode, CardId, UnixSeconds, UserId},
};

/// A card that a user added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserCard {
    /// Which card.
    pub card_id: CardId,
    /// Its code, in clear.
    pub code: CardCode,
    /// The digest of the sealed code that the phone reported last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<String>,
    /// When it was used up here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumed_at: Option<UnixSeconds>,
}

/// A code of ours that a user may add a card with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Offer {
    /// Which card.
    pub card_id: CardId,
    /// The code.
    pub code: CardCode,
}

/// Everything of one user.
#[derive(Debug, Default)]
pub struct UserCards {
    /// What the user added, by code.
    pub cards: Vec<UserCard>,
    /// What the user may add.
    pub offers: Vec<Offer>,
}

impl UserCards {
    /// The code of ours that the user may add this card with.
    #[must_use]
    pub fn offered(&self, card_id: &CardId) -> Option<&CardCode> {
        self.offers.iter().find(|offer| offer.card_id == *card_id).map(|offer| &offer.code)
    }
}

/// A card that a user proved to have, by its sealed code.
#[derive(Debug, Clone)]
pub struct CardReport<'a> {
    /// Who.
    pub user_id: &'a UserId,
    /// What.
    pub card: &'a UserCard,
    /// Whether it is the code that we offered: the offer ends then.
    pub was_offered: bool,
}

/// What of a code's row decides whether a user's card can be kept.
#[derive(Debug, Default, Deserialize)]
struct CodeRow {
    user_id: Option<UserId>,
    listed_by: Option<UserId>,
    consumed_at: Option<UnixSeconds>,
}

impl Cards {
    /// Everything of the user: one request. WeChat limits how often a card can be had, so one page is all there is.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn list_for_user(&self, user_id: &UserId) -> Result<UserCards, StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("holder = :user")
            .expression_attribute_values(":user", item::s(user_id))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("listing a user's cards", error))?;
        let mut holdings = UserCards::default();
        for row in page.items.unwrap_or_default() {
            let id = row.get("id").and_then(|id| id.as_s().ok()).cloned().unwrap_or_default();
            if id.starts_with("card#") {
                holdings.cards.push(item::read(row)?);
            } else {
                holdings.offers.push(item::read(row)?);
            }
        }
        Ok(holdings)
    }

    /// The code that the user may add the card with: `fresh`, or the one offered before.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn offer(
        &self,
        user_id: &UserId,
        card_id: &CardId,
        fresh: &CardCode,
    ) -> Result<CardCode, StoreError> {
        let answer = self
            .update(key(user_id.as_str(), offer_id(card_id)))
            .update_expression("SET card_id = :card, #code = if_not_exists(#code, :fresh)")
            .expression_attribute_names("#code", "code")
            .expression_attribute_values(":card", item::s(card_id.as_str()))
            .expression_attribute_values(":fresh", item::s(fresh.as_str()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("offering a code", error))?;
        Ok(item::read::<Offer>(answer.attributes.unwrap_or_default())?.code)
    }

    /// Keeps a card as the user's, and its code as theirs: both or none. `false` if another user has reported the code. With whom
    /// an activation has listed the card, from them it is taken. A code that was consumed here is kept as consumed.
    ///
    /// Condition: the code is nobody's or the user's already, and its row is as it was read before.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn store_card(&self, report: &CardReport<'_>) -> Result<bool, StoreError> {
        let mut card = report.card.clone();
        let mut known = CodeRow { consumed_at: card.consumed_at, ..CodeRow::default() };
        let mut ends_offer = report.was_offered;
        for _ in 0..ROUNDS {
            let mut parts =
                vec![self.claim_code_part(report, &known)?, self.card_part(report.user_id, &card)?];
            if ends_offer {
                parts.push(self.end_offer_part(report)?);
            }
            if let Some(other) = known.listed_by.as_ref().filter(|other| *other != report.user_id) {
                parts.push(self.unlist_part(other, &card.code)?);
            }
            let request = self.client.transact_write_items().set_transact_items(Some(parts));
            let Err(error) = request.send().await else { return Ok(true) };
            let reasons = match item::cancellation(KEEPING, error)? {
                TransactionCancelled::Conflict => {
                    item::sleep_jittered(&self.host).await;
                    continue;
                }
                TransactionCancelled::ConditionsFailed(reasons) => reasons,
            };
            let Some(row) = item::failed_condition(&reasons, 0) else {
                // The offer ended before, and another began.
                ends_offer = false;
                continue;
            };
            known = row.map(item::read).transpose()?.unwrap_or_default();
            if known.user_id.as_ref().is_some_and(|owner| owner != report.user_id) {
                return Ok(false);
            }
            card.consumed_at = known.consumed_at;
        }
        Err(StoreError::contended(KEEPING))
    }

    fn claim_code_part(
        &self,
        report: &CardReport<'_>,
        known: &CodeRow,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut sets = "SET user_id = :user".to_owned();
        let mut values = Item::from([(":user".to_owned(), item::s(report.user_id))]);
        if report.was_offered {
            // Of a code that was not ours, only the phone says which card it is: not enough to consume by.
            sets.push_str(", card_id = :card");
            values.insert(":card".to_owned(), item::s(report.card.card_id.as_str()));
        }
        let mut conditions = vec!["(attribute_not_exists(user_id) OR user_id = :user)"];
        conditions.push(match &known.listed_by {
            Some(other) if other != report.user_id => {
                values.insert(":other".to_owned(), item::s(other));
                "listed_by = :other"
            }
            _ => "(attribute_not_exists(listed_by) OR listed_by = :user)",
        });
        conditions.push(match known.consumed_at {
            Some(at) => {
                values.insert(":at".to_owned(), item::n(at.get()));
                "consumed_at = :at"
            }
            None => "attribute_not_exists(consumed_at)",
        });
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(code_key(&report.card.code)))
            .update_expression(format!("{sets} REMOVE listed_by"))
            .condition_expression(conditions.join(" AND "))
            .set_expression_attribute_values(Some(values))
            .return_values_on_condition_check_failure(AllOld)
            .build()
            .map_err(|error| StoreError::new(KEEPING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// The card in the user's list.
    pub(super) fn card_part(
        &self,
        user_id: &UserId,
        card: &UserCard,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut row: Item = item::write(card)?;
        row.extend(card_key(user_id, &card.code));
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(row))
            .build()
            .map_err(|error| StoreError::new(KEEPING, error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// The card no more in the list of the user, whose it was not.
    fn unlist_part(&self, user_id: &UserId, code: &CardCode) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder().table_name(&self.table).set_key(Some(card_key(user_id, code)));
        let delete = delete.build().map_err(|error| StoreError::new(KEEPING, error))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    fn end_offer_part(&self, report: &CardReport<'_>) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key(report.user_id.as_str(), offer_id(&report.card.card_id))))
            .condition_expression("#code = :code")
            .expression_attribute_names("#code", "code")
            .expression_attribute_values(":code", item::s(report.card.code.as_str()))
            .build()
            .map_err(|error| StoreError::new(KEEPING, error))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}

pub(super) fn card_key(user_id: &UserId, code: &CardCode) -> Item {
    key(user_id.as_str(), format!("card#{}", code.as_str()))
}

fn offer_id(card_id: &CardId) -> String {
    format!("offer#{card_id}")
}

const KEEPING: &str = "keeping a card";
