//! The cards that users hold, and the codes that are offered to them.

use aws_sdk_dynamodb::types::{Delete, Put, ReturnValue, TransactWriteItem, Update};
use serde::{Deserialize, Serialize};

use super::{Cards, ROUNDS, code_key, key};
use crate::{
    store::{
        StoreError,
        item::{self, Cancelled, Item},
    },
    types::{CardCode, CardId, UnixSeconds, UserId},
};

/// A card that a user added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldCard {
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
pub struct Holdings {
    /// What the user added, by code.
    pub cards: Vec<HeldCard>,
    /// What the user may add.
    pub offers: Vec<Offer>,
}

impl Holdings {
    /// The code of ours that the user may add this card with.
    #[must_use]
    pub fn offered(&self, card_id: &CardId) -> Option<&CardCode> {
        self.offers.iter().find(|offer| offer.card_id == *card_id).map(|offer| &offer.code)
    }
}

/// A card that a user proved to have.
#[derive(Debug, Clone)]
pub struct Receipt<'a> {
    /// Who.
    pub user_id: &'a UserId,
    /// What.
    pub card: &'a HeldCard,
    /// Whether it is the code that we offered: the offer ends then.
    pub was_offered: bool,
    /// Whether it is a member card that was activated with it.
    pub activated: bool,
}

impl Cards {
    /// Everything of the user: one request. WeChat limits how often a card can be had, so one page is all there is.
    ///
    /// # Errors
    /// DynamoDB can't be asked.
    pub async fn of_user(&self, user_id: &UserId) -> Result<Holdings, StoreError> {
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
        let mut holdings = Holdings::default();
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
    /// DynamoDB can't be asked.
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

    /// Keeps a card as the user's, and its code as theirs: both or none. `false` if the code is another user's.
    ///
    /// Condition: the code is nobody's, or the user's already.
    ///
    /// # Errors
    /// DynamoDB can't be asked.
    pub async fn keep(&self, receipt: &Receipt<'_>) -> Result<bool, StoreError> {
        let mut parts = vec![self.claim(receipt)?, self.held(receipt)?];
        if receipt.was_offered {
            parts.push(self.end_offer(receipt)?);
        }
        for _ in 0..ROUNDS {
            let request = self.client.transact_write_items().set_transact_items(Some(parts.clone()));
            let Err(error) = request.send().await else { return Ok(true) };
            match item::cancelled(KEEPING, error)? {
                Cancelled::Conflict => item::pause(&self.host).await,
                Cancelled::Conditions(reasons) if item::failed(&reasons, 0).is_some() => return Ok(false),
                // The offer ended before, and another began.
                Cancelled::Conditions(_) => parts.truncate(2),
            }
        }
        Err(StoreError::contended(KEEPING))
    }

    fn claim(&self, receipt: &Receipt<'_>) -> Result<TransactWriteItem, StoreError> {
        let mut sets = "SET user_id = :user".to_owned();
        let mut values = Item::from([(":user".to_owned(), item::s(receipt.user_id))]);
        if receipt.was_offered || receipt.activated {
            // Of a code that was not ours, only the phone says which card it is: not enough to consume by.
            sets.push_str(", card_id = :card");
            values.insert(":card".to_owned(), item::s(receipt.card.card_id.as_str()));
        }
        if receipt.activated {
            sets.push_str(", activated_at = :now");
            values.insert(":now".to_owned(), item::n(self.host.now().get()));
        }
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(code_key(&receipt.card.code)))
            .update_expression(sets)
            .condition_expression("attribute_not_exists(user_id) OR user_id = :user")
            .set_expression_attribute_values(Some(values))
            .build()
            .map_err(|error| StoreError::new(KEEPING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn held(&self, receipt: &Receipt<'_>) -> Result<TransactWriteItem, StoreError> {
        let mut row: Item = item::write(receipt.card)?;
        row.extend(card_key(receipt.user_id, &receipt.card.code));
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(row))
            .build()
            .map_err(|error| StoreError::new(KEEPING, error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn end_offer(&self, receipt: &Receipt<'_>) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key(receipt.user_id.as_str(), offer_id(&receipt.card.card_id))))
            .condition_expression("#code = :code")
            .expression_attribute_names("#code", "code")
            .expression_attribute_values(":code", item::s(receipt.card.code.as_str()))
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
