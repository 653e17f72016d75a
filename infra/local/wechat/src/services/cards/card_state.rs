//! The cards there are, the cards that users have, and the activations that have begun.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::card::{self, Card, NewCard};
use super::errcodes::{INVALID_CARD_ID, INVALID_CARD_STATUS, INVALID_CODE};
use super::user_card::UserCard;
use crate::base::platform::Errcode;
use crate::core::persist::Kept;

/// The state of all cards.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CardState {
    pub(super) catalogue: Vec<Card>,
    pub(super) user_cards: Vec<UserCard>,
    /// Codes by their encrypted form, which the phone gives to the server.
    pub(super) encrypted: HashMap<String, String>,
    pub(super) nonces: HashSet<String>,
    pub(super) activations: Activations,
}

impl Kept for CardState {}

impl CardState {
    pub(super) fn new(now: u64) -> Self {
        Self {
            catalogue: card::built_in(now),
            user_cards: Vec::new(),
            encrypted: HashMap::new(),
            nonces: HashSet::new(),
            activations: Activations::default(),
        }
    }

    pub(super) fn card(&self, card_id: &str) -> Option<&Card> {
        self.catalogue.iter().find(|card| card.card_id == card_id)
    }

    /// Creates a card, or replaces the card with this id; returns the card id.
    pub(super) fn create_card(&mut self, new: NewCard, now: u64) -> String {
        let card = Card::new(new, now);
        let card_id = card.card_id.clone();
        self.catalogue.retain(|known| known.card_id != card_id);
        self.catalogue.push(card);
        card_id
    }

    /// Every card as `/card/get` shows it.
    pub(super) fn to_json(&self) -> Vec<Value> {
        self.catalogue.iter().map(Card::to_json).collect()
    }

    /// Finds the user's card by its code. A code that the merchant chose is unique within its card only, so the request must name
    /// the `card_id`. An empty `card_id` does not count as absent.
    pub(super) fn find_user_card(
        &mut self,
        code: Option<&str>,
        card_id: Option<&str>,
    ) -> Result<&mut UserCard, Errcode> {
        if card_id.is_some_and(|id| self.card(id).is_none()) {
            return Err(INVALID_CARD_ID);
        }
        let code = code.unwrap_or_default();
        let at = self
            .user_cards
            .iter()
            .position(|user_card| {
                user_card.code == code
                    && match card_id {
                        Some(card_id) => user_card.card_id == card_id,
                        None => self.card(&user_card.card_id).is_some_and(|card| !card.use_custom_code),
                    }
            })
            .ok_or(INVALID_CODE)?;
        let card = self.user_cards.get(at).and_then(|user_card| self.card(&user_card.card_id));
        if !card.is_some_and(|card| card.is_open()) {
            return Err(INVALID_CARD_STATUS);
        }
        self.user_cards.get_mut(at).ok_or(INVALID_CODE)
    }
}

/// Activations that have begun and are not finished.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Activations {
    /// Card id and `outer_str`, by `encrypt_card_id`.
    pub(super) links: HashMap<String, (String, String)>,
    /// The user card's code, by `activate_ticket`.
    pub(super) tickets: HashMap<String, String>,
}
