//! Cards and coupons of the official account: what there is, who has it, and what became of it.
//!
//! Documentation: "Cards and coupons" (微信卡券). A card is a kind of coupon; each one a user takes is a code of
//! it. All calls need the official account's token, and the openids are those of the official account.
//!
//! ```text
//!   back end ── cardExt, signed ──▶ phone: addCard ── encrypted code ──▶ back end
//!   back end ── code/decrypt, code/get, code/consume ──▶ here
//! ```
//!
//! <https://developers.weixin.qq.com/doc/offiaccount/Cards_and_Offer/WeChat_Coupon_Interface.html>

pub(crate) mod add;
pub(crate) mod catalogue;
pub(crate) mod codes;
pub(crate) mod member;

pub use catalogue::{CardStatus, CardType, NewCard};

use std::collections::{HashMap, HashSet};

use self::catalogue::Card;
use self::codes::UserCard;
use self::member::Activations;
use super::Refusal;

/// Everything about cards.
#[derive(Debug)]
pub(crate) struct Cards {
    catalogue: Vec<Card>,
    taken: Vec<UserCard>,
    /// What the phone calls a code, by which the server learns it.
    encrypted: HashMap<String, String>,
    nonces: HashSet<String>,
    activations: Activations,
}

impl Cards {
    pub(crate) fn new(now: u64) -> Self {
        Self {
            catalogue: catalogue::built_in(now),
            taken: Vec::new(),
            encrypted: HashMap::new(),
            nonces: HashSet::new(),
            activations: Activations::default(),
        }
    }

    fn card(&self, card_id: &str) -> Option<&Card> {
        self.catalogue.iter().find(|card| card.card_id == card_id)
    }
}

const INVALID_CODE: Refusal = Refusal::new(40056, "invalid serial code");
const INVALID_CARD_TYPE: Refusal = Refusal::new(40071, "invalid card type");
const INVALID_CARD_ID: Refusal = Refusal::new(40073, "invalid card id");
const INVALID_CARD_STATUS: Refusal = Refusal::new(40078, "invalid card status");
const CONSUMED: Refusal = Refusal::new(40099, "invalid code, this code has consumed");
const ABNORMAL: Refusal = Refusal::new(40127, "invalid user-card status");
