//! `/api/cards…` and `GET /api/user/cards`: cards offered, added and reported.

use std::{collections::BTreeSet, time::Duration};

use e2e::{Phone, Requests, Response, World};
use insta::assert_snapshot;
use local_wechat::{CardStatus, Fault, NewCard, Simulator};
use serde_json::{Value, json};

/// The simulator's own cards: one for every user, one with a custom code for one user, a member card.
pub(crate) const CASH: &str = "pLocalCash-Coupon_0000000001";
pub(crate) const CUSTOM: &str = "pLocalBound-Custom_000000002";
pub(crate) const MEMBER: &str = "pLocalMember-Card_0000000003";

/// What `GET /api/cards` says of this card.
pub(crate) async fn offer(phone: &Phone<'_>, card_id: &str) -> Value {
    let list = phone.get("/api/cards").await.ok().json();
    let cards = list["cardList"].as_array().expect("a list");
    cards.iter().find(|card| card["cardId"] == card_id).expect("the card").clone()
}

/// `wx.addCard` with what was offered: what its success callback gets, as the phone reports it.
pub(crate) async fn add(phone: &Phone<'_>, offer: &Value) -> Value {
    let answer = phone.wx("addCard", json!({ "cardList": [offer] })).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    json!({ "addedCards": answer.json()["cardList"] })
}

/// A card of this kind, added and reported: its code.
pub(crate) async fn have(phone: &Phone<'_>, card_id: &str) -> String {
    let added = add(phone, &offer(phone, card_id).await).await;
    phone.post("/api/cards/report", &added).await.ok().text("/cards/0/code")
}

pub(crate) async fn held(phone: &Phone<'_>) -> Value {
    phone.get("/api/user/cards").await.ok().json()["cardList"].clone()
}

/// A user whom an operator made staff.
pub(crate) async fn clerk(world: &World) -> Phone<'_> {
    let phone = world.user().await;
    set_role(world, &phone, "staff").await;
    phone
}

pub(crate) async fn set_role(world: &World, phone: &Phone<'_>, role: &str) {
    let user_id = phone.get("/api/user").await.text("/user/userId");
    let path = format!("/api/admin/users/{user_id}/role");
    world.operator("PUT", &path, &json!({ "role": role })).await.ok();
}

pub(crate) async fn verify(clerk: &Phone<'_>, code: &str) -> Response {
    clerk.post("/api/cards/verify", &json!({ "code": code })).await
}

fn ext(offer: &Value) -> Value {
    serde_json::from_str(offer["cardExt"].as_str().expect("a text")).expect("JSON")
}

#[tokio::test]
async fn every_card_that_passed_review_can_be_added_reported_and_opened() {
    let world = World::start().await;
    let phone = world.user().await;
    let list = phone.get("/api/cards").await.ok().json()["cardList"].clone();
    let ids: Vec<_> = list.as_array().expect("a list").iter().map(|card| card["cardId"].clone()).collect();
    assert_eq!(ids, [CASH, CUSTOM, MEMBER]);
    let added = phone.wx("addCard", json!({ "cardList": list })).await;
    assert_eq!(added.status, 200, "{}", added.body);
    let body = json!({ "addedCards": added.json()["cardList"] });
    let reported = phone.post("/api/cards/report", &body).await.ok().json()["cards"].clone();
    assert_eq!(reported.as_array().map(Vec::len), Some(3));
    let held = held(&phone).await;
    let opened = phone.wx("openCard", json!({ "cardList": held })).await;
    assert_eq!(opened.status, 200, "{}", opened.body);
    assert_eq!(held.as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn a_permission_holds_what_the_card_asks_for_and_nothing_else() {
    let world = World::start().await;
    let phone = world.user().await;
    let plain = ext(&offer(&phone, CASH).await);
    let keys: Vec<_> = plain.as_object().expect("an object").keys().cloned().collect();
    assert_eq!(keys, ["nonce_str", "signature", "timestamp"]);
    assert_eq!(plain["timestamp"], world.now().to_string());
    let custom = ext(&offer(&phone, CUSTOM).await);
    assert_eq!(custom["openid"], phone.openid);
    assert_eq!(custom["code"].as_str().map(str::len), Some(16));
    assert_ne!(plain["nonce_str"], ext(&offer(&phone, CASH).await)["nonce_str"]);
}

#[tokio::test]
async fn a_custom_code_stays_reserved_for_its_user_until_the_card_is_added() {
    let world = World::start().await;
    let (phone, other) = (world.user().await, world.user().await);
    let first = offer(&phone, CUSTOM).await;
    let again = offer(&phone, CUSTOM).await;
    assert_eq!(ext(&first)["code"], ext(&again)["code"]);
    assert_ne!(ext(&first)["nonce_str"], ext(&again)["nonce_str"]);
    assert_ne!(ext(&first)["code"], ext(&offer(&other, CUSTOM).await)["code"]);
    let refused = other.wx("addCard", json!({ "cardList": [first] })).await;
    assert_eq!(refused.status, 400, "the card is for one user");
    let added = add(&phone, &again).await;
    let reported = phone.post("/api/cards/report", &added).await.ok();
    assert_eq!(reported.text("/cards/0/code"), ext(&first)["code"]);
    assert_ne!(ext(&offer(&phone, CUSTOM).await)["code"], ext(&first)["code"]);
}

#[tokio::test]
async fn the_catalogue_has_all_pages_and_only_what_passed_review() {
    let world = World::start().await;
    let phone = world.user().await;
    for _ in 0..60 {
        world.wechat().create_card(NewCard::default());
    }
    for status in [CardStatus::NotVerified, CardStatus::VerifyFailed, CardStatus::Deleted] {
        world.wechat().create_card(NewCard { status, ..NewCard::default() });
    }
    world.wechat().create_card(NewCard { status: CardStatus::Dispatched, ..NewCard::default() });
    let list = phone.get("/api/cards").await.ok().json()["cardList"].clone();
    let ids: BTreeSet<_> =
        list.as_array().expect("a list").iter().map(|card| card["cardId"].as_str()).collect();
    assert_eq!(ids.len(), 64);
    assert_eq!(world.calls_to("/card/batchget"), 2);
    assert_eq!(world.calls_to("/card/get"), 64);
    let other = world.user().await;
    let (_, cost) = world.count_requests(other.get("/api/cards")).await;
    assert_eq!(
        cost,
        Requests { dynamodb: 2, wechat: 0 },
        "the user's cards, and a code for the card that needs one"
    );
    let (_, cost) = world.count_requests(other.get("/api/cards")).await;
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 });
    world.clock.advance(Duration::from_secs(301));
    phone.get("/api/cards").await.ok();
    assert_eq!(world.calls_to("/card/get"), 128);
}

#[tokio::test]
async fn a_repeated_report_makes_no_request_to_wechat() {
    let world = World::start().await;
    let phone = world.user().await;
    let added = add(&phone, &offer(&phone, CASH).await).await;
    let first = phone.post("/api/cards/report", &added).await.ok();
    assert_eq!(first.text("/cards/0/cardId"), CASH);
    let (again, cost) = world.count_requests(phone.post("/api/cards/report", &added)).await;
    assert_eq!(again.body, first.body);
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 });
    assert_eq!(held(&phone).await.as_array().map(Vec::len), Some(1));
    // A code that went through a URL.
    let mut mangled = added.clone();
    let code = added["addedCards"][0]["code"].as_str().expect("a code").replace('+', " ").replace('=', "%3D");
    mangled["addedCards"][0]["code"] = json!(code);
    let (_, cost) = world.count_requests(phone.post("/api/cards/report", &mangled)).await;
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 });
}

#[tokio::test]
async fn a_card_of_another_user_can_t_be_reported() {
    let world = World::start().await;
    let (phone, thief) = (world.user().await, world.user().await);
    let added = add(&phone, &offer(&phone, CASH).await).await;
    phone.post("/api/cards/report", &added).await.ok();
    assert_snapshot!(thief.post("/api/cards/report", &added).await.snapshot(), @r#"404 {"success":false,"code":"NOT_FOUND","message":"内容不存在","requestId":"…"}"#);
    assert_eq!(held(&thief).await, json!([]));
    assert_eq!(held(&phone).await.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_malformed_report_is_refused_with_the_field_s_name() {
    let world = World::start().await;
    let phone = world.user().await;
    let good = add(&phone, &offer(&phone, CASH).await).await;
    for (field, value) in [
        ("cardId", Value::Null),
        ("cardId", json!("p x")),
        ("cardId", json!("p".repeat(65))),
        ("code", Value::Null),
        ("code", json!("")),
        ("code", json!(1)),
        ("code", json!("卡")),
        ("code", json!("A".repeat(513))),
        ("code", json!("made-up")),
        ("isSuccess", Value::Null),
        ("isSuccess", json!("yes")),
        ("other", json!(1)),
    ] {
        let mut body = good.clone();
        body["addedCards"][0][field] = value;
        let answer = phone.post("/api/cards/report", &body).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{field}");
        assert!(answer.text("/message").contains(field), "{field} {}", answer.body);
    }
    let many: Vec<_> = (0..21).map(|_| good["addedCards"][0].clone()).collect();
    for body in [json!({}), json!({ "addedCards": [] }), json!({ "addedCards": many })] {
        let answer = phone.post("/api/cards/report", &body).await;
        assert!(answer.text("/message").contains("addedCards"), "{}", answer.body);
    }
    let failed =
        json!({ "addedCards": [{ "cardId": CASH, "code": "", "cardExt": "{}", "isSuccess": false }] });
    assert_eq!(phone.post("/api/cards/report", &failed).await.ok().json()["cards"], json!([]));
}

#[tokio::test]
async fn a_busy_wechat_and_a_spent_quota_have_different_codes() {
    let world = World::start().await;
    let phone = world.user().await;
    for path in ["/card/batchget", "/card/get"] {
        world.wechat().set_fault(Fault::Busy { path: path.into(), times: 30 });
        let answer = phone.get("/api/cards").await;
        assert_eq!(answer.outcome(), "503 UPSTREAM_BUSY", "{path}");
        world.wechat().clear_faults();
        world.wechat().set_fault(Fault::Quota { path: path.into(), times: 1 });
        let answer = phone.get("/api/cards").await;
        assert_eq!(answer.outcome(), "429 RATE_LIMITED", "{path}");
        assert!(answer.headers.contains_key("retry-after"));
    }
    let added = add(&phone, &offer(&phone, CASH).await).await;
    world.wechat().set_fault(Fault::Busy { path: "/card/code/decrypt".into(), times: 3 });
    assert_eq!(phone.post("/api/cards/report", &added).await.outcome(), "503 UPSTREAM_BUSY");
    world.wechat().set_fault(Fault::TokenRevoked {
        path: Some("/card/code/decrypt".into()),
        stuck: false,
        times: 1,
    });
    phone.post("/api/cards/report", &added).await.ok();
}

#[tokio::test]
async fn without_an_official_account_every_route_says_so() {
    let wechat = Simulator::new(local_wechat::SimulatorOptions::default());
    let router = wechat.upstream().nest("/_wechat", wechat.control());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let config = format!("[upstream]\nwechat_api_base = \"{address}\"\n");
    let world = World::start().with_config(&config).await;

    let openid = wechat.create_user(local_wechat::NewUser::default()).openid;
    let login = world.http().post(format!("{address}/_wechat/wx/login")).json(&json!({ "openid": openid }));
    let login: Value = login.send().await.expect("an answer").json().await.expect("JSON");
    let mut phone = world.phone(&openid);
    phone.token = world.post("/api/login", &json!({ "code": login["code"] })).await.ok().text("/token");
    for path in ["/api/cards", "/api/user/cards", "/api/cards/member/activation?cardId=p1"] {
        assert_eq!(phone.get(path).await.outcome(), "501 NOT_CONFIGURED", "{path}");
    }
    for path in ["/api/cards/report", "/api/cards/verify", "/api/cards/member/activate"] {
        assert_eq!(phone.post(path, &json!({})).await.outcome(), "501 NOT_CONFIGURED", "{path}");
    }
    let anonymous = world.send(world.request("GET", "/api/cards")).await;
    assert_eq!(anonymous.outcome(), "401 UNAUTHORIZED");
}

#[tokio::test]
async fn one_report_may_name_several_cards_and_one_card_twice() {
    let world = World::start().await;
    let phone = world.user().await;
    let first = add(&phone, &offer(&phone, CASH).await).await["addedCards"][0].clone();
    let second = add(&phone, &offer(&phone, CASH).await).await["addedCards"][0].clone();
    let body = json!({ "addedCards": [first, second, first] });
    let cards = phone.post("/api/cards/report", &body).await.ok().json()["cards"].clone();
    assert_eq!(cards[0], cards[2]);
    assert_ne!(cards[0], cards[1]);
    assert_eq!(world.calls_to("/card/code/decrypt"), 2);
    assert_ne!(have(&phone, CASH).await, cards[0]["code"].as_str().expect("a code"));
    assert_eq!(held(&phone).await.as_array().map(Vec::len), Some(3));
}
