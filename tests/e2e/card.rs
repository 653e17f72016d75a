//! `/api/cards…` and `GET /api/user/cards`

mod consume;
mod member;
mod offer;

use e2e::{Answer, Phone, World};
use serde_json::{Value, json};

/// The simulator's own cards: for anybody; with a code of ours for a given user; a membership.
const CASH: &str = "pLocalCash-Coupon_0000000001";
const CUSTOM: &str = "pLocalBound-Custom_000000002";
const MEMBER: &str = "pLocalMember-Card_0000000003";

/// What `GET /api/cards` says of this card.
async fn offer(phone: &Phone<'_>, card_id: &str) -> Value {
    let list = phone.get("/api/cards").await.ok().json();
    let cards = list["cardList"].as_array().expect("a list");
    cards.iter().find(|card| card["cardId"] == card_id).expect("the card").clone()
}

/// `wx.addCard` with what was offered: what its success callback gets, as the phone reports it.
async fn add(phone: &Phone<'_>, offer: &Value) -> Value {
    let answer = phone.wx("addCard", json!({ "cardList": [offer] })).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    json!({ "addedCards": answer.json()["cardList"] })
}

/// A card of this kind, added and reported: its code.
async fn have(phone: &Phone<'_>, card_id: &str) -> String {
    let added = add(phone, &offer(phone, card_id).await).await;
    phone.post("/api/cards/report", &added).await.ok().text("/cards/0/code")
}

async fn held(phone: &Phone<'_>) -> Value {
    phone.get("/api/user/cards").await.ok().json()["cardList"].clone()
}

/// A user whom an operator made staff.
async fn clerk(world: &World) -> Phone<'_> {
    let phone = world.user().await;
    set_role(world, &phone, "staff").await;
    phone
}

async fn set_role(world: &World, phone: &Phone<'_>, role: &str) {
    let user_id = phone.get("/api/user").await.text("/user/userId");
    let path = format!("/api/admin/users/{user_id}/role");
    let _ = world.operator("PUT", &path, &json!({ "role": role })).await.ok();
}

async fn verify(clerk: &Phone<'_>, code: &str) -> Answer {
    clerk.post("/api/cards/verify", &json!({ "code": code })).await
}

fn called(world: &World, path: &str) -> usize {
    world.wechat().upstream_calls().iter().filter(|call| call.path == path).count()
}
