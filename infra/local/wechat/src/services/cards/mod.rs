//! Cards and coupons of the official account: the catalogue, the cards that users have, and their consumption.
//!
//! Documentation: "Cards and coupons" (微信卡券). A user who takes a card gets a code of that card. All calls need the official
//! account's access token, and all openids are those of the official account.
//!
//! ```text
//!   back end ── cardExt, signed ──▶ phone: addCard ── encrypted code ──▶ back end
//!   back end ── code/decrypt, code/get, code/consume ──▶ here
//! ```
//!
//! <https://developers.weixin.qq.com/doc/offiaccount/Cards_and_Offer/WeChat_Coupon_Interface.html>

mod add;
pub(crate) mod card;
mod card_state;
mod catalogue;
mod codes;
mod errcodes;
mod member;
pub(crate) mod service;
mod user_card;
mod wx;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use self::service::CardService;
use crate::base::platform::token_route;
use crate::core::control::{bad_request, parse_object};
use crate::core::exchange::Route;
use crate::core::persist::Keep;
use crate::core::service::Service;
use crate::core::wx_api::WxApi;

impl Service for CardService {
    fn server_routes(self: Arc<Self>) -> Vec<Route> {
        vec![
            token_route("/card/batchget", &self, catalogue::list_cards),
            token_route("/card/get", &self, catalogue::get_card),
            token_route("/card/code/get", &self, codes::get_code),
            token_route("/card/code/consume", &self, codes::consume_code),
            token_route("/card/code/decrypt", &self, codes::decrypt_code),
            token_route("/card/code/unavailable", &self, codes::make_code_unavailable),
            token_route("/card/user/getcardlist", &self, codes::list_user_cards),
            token_route("/card/membercard/activate/geturl", &self, member::get_activation_url),
            token_route("/card/membercard/activatetempinfo/get", &self, member::get_form),
            token_route("/card/membercard/activate", &self, member::activate_card),
            token_route("/card/membercard/userinfo/get", &self, member::get_member),
            token_route("/card/membercard/updateuser", &self, member::update_member),
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

    fn kept(&self) -> Vec<(&'static str, &dyn Keep)> {
        vec![("cards", self.kept_state())]
    }
}

async fn list_cards(State(cards): State<Arc<CardService>>) -> Json<Value> {
    Json(json!({"cards": cards.state().to_json()}))
}

async fn create_card(State(cards): State<Arc<CardService>>, body: Bytes) -> Response {
    match parse_object(&body).map(Value::Object).map(serde_json::from_value) {
        Ok(Ok(new)) => Json(json!({"card_id": cards.create_card(new)})).into_response(),
        Ok(Err(error)) => bad_request(&error.to_string()),
        Err(why) => bad_request(&why),
    }
}
