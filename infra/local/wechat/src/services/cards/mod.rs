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

mod add;
mod catalogue;
mod codes;
mod member;
mod wx;

pub use catalogue::{CardStatus, CardType, NewCard};

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use self::catalogue::Card;
use self::codes::UserCard;
use self::member::Activations;
use crate::base::Base;
use crate::base::platform::{Refusal, token_route};
use crate::core::control::{read_object, refuse};
use crate::core::exchange::Route;
use crate::core::lock::lock;
use crate::core::service::Service;
use crate::core::wx_api::WxApi;

/// The cards of the official account.
pub(crate) struct CardService {
    base: Arc<Base>,
    cards: Mutex<Cards>,
}

impl CardService {
    pub(crate) fn new(base: &Arc<Base>) -> Self {
        Self { base: Arc::clone(base), cards: Mutex::new(Cards::new(base.now())) }
    }

    /// Makes a card; its id. One with the same id is replaced.
    pub(crate) fn create(&self, new: NewCard) -> String {
        self.cards().create(new, self.base.now())
    }

    fn cards(&self) -> MutexGuard<'_, Cards> {
        lock(&self.cards)
    }
}

impl Service for CardService {
    fn server_routes(self: Arc<Self>) -> Vec<Route> {
        vec![
            token_route("/card/batchget", &self, catalogue::batch_get),
            token_route("/card/get", &self, catalogue::get),
            token_route("/card/code/get", &self, codes::get),
            token_route("/card/code/consume", &self, codes::consume),
            token_route("/card/code/decrypt", &self, codes::decrypt),
            token_route("/card/code/unavailable", &self, codes::unavailable),
            token_route("/card/user/getcardlist", &self, codes::list),
            token_route("/card/membercard/activate/geturl", &self, member::get_url),
            token_route("/card/membercard/activatetempinfo/get", &self, member::get_temporary_info),
            token_route("/card/membercard/activate", &self, member::activate),
            token_route("/card/membercard/userinfo/get", &self, member::get_user_info),
            token_route("/card/membercard/updateuser", &self, member::update_user),
        ]
    }

    fn wx_apis(self: Arc<Self>) -> Vec<WxApi> {
        vec![
            WxApi::new("addCard", &self, wx::add_card),
            WxApi::new("openCard", &self, wx::open_card),
            WxApi::new("navigateToMiniProgram", &self, wx::navigate_to_mini_program),
        ]
    }

    fn control(self: Arc<Self>) -> Router {
        Router::new().route("/cards", get(list_cards).post(create_card)).with_state(self)
    }
}

async fn list_cards(State(cards): State<Arc<CardService>>) -> Json<Value> {
    Json(json!({"cards": cards.cards().list()}))
}

async fn create_card(State(cards): State<Arc<CardService>>, body: Bytes) -> Response {
    match read_object(&body).map(Value::Object).map(serde_json::from_value) {
        Ok(Ok(new)) => Json(json!({"card_id": cards.create(new)})).into_response(),
        Ok(Err(error)) => refuse(&error.to_string()),
        Err(why) => refuse(&why),
    }
}

/// Everything about cards.
#[derive(Debug)]
struct Cards {
    catalogue: Vec<Card>,
    taken: Vec<UserCard>,
    /// What the phone calls a code, by which the server learns it.
    encrypted: HashMap<String, String>,
    nonces: HashSet<String>,
    activations: Activations,
}

impl Cards {
    fn new(now: u64) -> Self {
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
