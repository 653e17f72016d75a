//! The cards that users added, and the codes that are offered to them.

use aws_sdk_dynamodb::types::{
    Delete, Put, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update,
};
use serde::{Deserialize, Serialize};

use super::{Cards, ROUNDS, code_key, key};
use crate::{
    store::{
        CallerError, StoreError,
        item::{self, Item},
    },
    types::{Caller, CardCode, CardId, UnixSeconds, UserId},
};

/// A card that a user added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserCard {
    /// The kind of card.
    pub card_id: CardId,
    /// The card's code, in clear.
    pub code: CardCode,
    /// The digest of the sealed code that the phone reported last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<String>,
    /// When the card was consumed through this back end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumed_at: Option<UnixSeconds>,
}

/// A merchant-defined code, made here, with which a user may add a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The kind of card.
    pub card_id: CardId,
    /// The code.
    pub code: CardCode,
}

/// The cards and offers of one user.
#[derive(Debug, Default)]
pub struct UserCards {
    /// The cards that the user added, sorted by code.
    pub cards: Vec<UserCard>,
    /// The cards that the user may add.
    pub offers: Vec<Offer>,
}

impl UserCards {
    /// The offered code with which the user may add this card.
    #[must_use]
    pub fn offered(&self, card_id: &CardId) -> Option<&CardCode> {
        self.offers.iter().find(|offer| offer.card_id == *card_id).map(|offer| &offer.code)
    }
}

/// A card of which a user has reported the sealed code, which proves that the user has the card.
#[derive(Debug, Clone)]
pub struct CardReport<'a> {
    /// The user.
    pub caller: &'a Caller,
    /// The card.
    pub card: &'a UserCard,
    /// Whether the code was offered to this user. The offer ends then.
    pub was_offered: bool,
}

/// The attributes of a code's row that decide whether a user's card can be stored.
#[derive(Debug, Default, Deserialize)]
struct CodeRow {
    user_id: Option<UserId>,
    listed_by: Option<UserId>,
    consumed_at: Option<UnixSeconds>,
}

impl Cards {
    /// The cards and offers of the user, by one request. They fit on one page, because WeChat limits how many cards a user can add.
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
        let mut user_cards = UserCards::default();
        for row in page.items.unwrap_or_default() {
            let id = row.get("id").and_then(|id| id.as_s().ok()).cloned().unwrap_or_default();
            if id.starts_with("card#") {
                user_cards.cards.push(item::read(row)?);
            } else if id.starts_with("offer#") {
                user_cards.offers.push(item::read(row)?);
            }
        }
        Ok(user_cards)
    }

    /// Offers the user a code to add the card with: `fresh`, or the code that was offered before.
    ///
    /// Condition: the caller's session honours the token.
    ///
    /// # Errors
    /// [`CallerError`]; `is_transient()` of its [`StoreError`] says whether to retry. After a timeout the write may have been applied.
    pub async fn offer(
        &self,
        caller: &Caller,
        card_id: &CardId,
        fresh: &CardCode,
    ) -> Result<CardCode, CallerError> {
        let offer = Offer { card_id: card_id.clone(), code: fresh.clone() };
        let mut row: Item = item::write(&offer)?;
        row.extend(key(caller.user_id.as_str(), offer_id(card_id)));
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(row))
            .condition_expression("attribute_not_exists(id)")
            .return_values_on_condition_check_failure(AllOld)
            .build()
            .map_err(|error| StoreError::new(OFFERING, error))?;
        let parts = vec![TransactWriteItem::builder().put(put).build()];
        let Some(reasons) = self.transact_for(caller, OFFERING, parts).await? else { return Ok(offer.code) };
        // There is an offer by now, made by a request at the same time, or by an attempt of this one whose answer was lost.
        let known = item::failed_condition(&reasons, 0).flatten();
        Ok(item::read::<Offer>(known.unwrap_or_default())?.code)
    }

    /// Stores the card with the user, and the user as the owner of its code, in one transaction. `false` if another user has
    /// reported the code. If an activation has listed the card with another user, it is removed there. A consumed code stays
    /// consumed.
    ///
    /// Condition: the code has no owner, or this user is the owner, and the code's row is as it was read. The caller's session honours the
    /// token.
    ///
    /// # Errors
    /// [`CallerError`]; `is_transient()` of its [`StoreError`] says whether to retry. After a timeout the write may have been applied.
    pub async fn store_card(&self, report: &CardReport<'_>) -> Result<bool, CallerError> {
        let user_id = &report.caller.user_id;
        let mut card = report.card.clone();
        let mut known = CodeRow { consumed_at: card.consumed_at, ..CodeRow::default() };
        let mut ends_offer = report.was_offered;
        for _ in 0..ROUNDS {
            let mut parts = vec![self.claim_code_part(report, &known)?, self.card_part(user_id, &card)?];
            if ends_offer {
                parts.push(self.end_offer_part(report)?);
            }
            if let Some(other) = known.listed_by.as_ref().filter(|other| *other != user_id) {
                parts.push(self.unlist_part(other, &card.code)?);
            }
            let failed = self.transact_for(report.caller, STORING, parts).await?;
            let Some(reasons) = failed else { return Ok(true) };
            let Some(row) = item::failed_condition(&reasons, 0) else {
                // The offer of this code has ended before, so it is not deleted. The user may have a new offer by now.
                ends_offer = false;
                continue;
            };
            known = row.map(item::read).transpose()?.unwrap_or_default();
            if known.user_id.as_ref().is_some_and(|owner| owner != user_id) {
                return Ok(false);
            }
            card.consumed_at = known.consumed_at;
        }
        Err(StoreError::contended(STORING).into())
    }

    fn claim_code_part(
        &self,
        report: &CardReport<'_>,
        known: &CodeRow,
    ) -> Result<TransactWriteItem, StoreError> {
        let user_id = &report.caller.user_id;
        let mut sets = "SET user_id = :user".to_owned();
        let mut values = Item::from([(":user".to_owned(), item::s(user_id))]);
        if report.was_offered {
            // The card of an offered code is known. Of any other code only the phone names the card, and consuming needs more than
            // that.
            sets.push_str(", card_id = :card");
            values.insert(":card".to_owned(), item::s(report.card.card_id.as_str()));
        }
        let mut conditions = vec!["(attribute_not_exists(user_id) OR user_id = :user)"];
        conditions.push(match &known.listed_by {
            Some(other) if other != user_id => {
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
            .map_err(|error| StoreError::new(STORING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// The part that puts the card into the user's list.
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
            .map_err(|error| StoreError::new(STORING, error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// The part that removes the card from the list of a user who is not its owner.
    fn unlist_part(&self, user_id: &UserId, code: &CardCode) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder().table_name(&self.table).set_key(Some(card_key(user_id, code)));
        let delete = delete.build().map_err(|error| StoreError::new(STORING, error))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    fn end_offer_part(&self, report: &CardReport<'_>) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key(report.caller.user_id.as_str(), offer_id(&report.card.card_id))))
            .condition_expression("#code = :code")
            .expression_attribute_names("#code", "code")
            .expression_attribute_values(":code", item::s(report.card.code.as_str()))
            .build()
            .map_err(|error| StoreError::new(STORING, error))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}

pub(super) fn card_key(user_id: &UserId, code: &CardCode) -> Item {
    key(user_id.as_str(), format!("card#{}", code.as_str()))
}

fn offer_id(card_id: &CardId) -> String {
    format!("offer#{card_id}")
}

const OFFERING: &str = "offering a code";
const STORING: &str = "storing a card";
