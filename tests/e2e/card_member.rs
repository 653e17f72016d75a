//! `/api/cards/member/…`: member cards activated.

use e2e::{Phone, Requests, World};
use local_wechat::Fault;
use serde_json::{Value, json};

use crate::card::{CASH, MEMBER, add, clerk, have, held, offer};

const ACTIVATE: &str = "/api/cards/member/activate";
const ACTIVATION: &str = "/api/cards/member/activation";

/// The user fills in WeChat's form: what the mini program sends us then.
async fn fill_in(phone: &Phone<'_>) -> Value {
    let answer = phone.get(&format!("{ACTIVATION}?cardId={MEMBER}")).await.ok().json();
    let back = phone
        .wx("navigateToMiniProgram", json!({ "appId": answer["appId"], "extraData": answer["extraData"] }))
        .await;
    assert_eq!(back.status, 200, "{}", back.body);
    let back = back.json()["extraData"].clone();
    json!({ "activateTicket": back["activate_ticket"], "cardId": back["card_id"], "code": back["code"] })
}

#[tokio::test]
async fn a_member_card_is_activated_once_and_keeps_its_number() {
    let world = World::start().await;
    let phone = world.user().await;
    let filled = fill_in(&phone).await;
    let number = phone.post(ACTIVATE, &filled).await.ok().text("/membershipNumber");
    assert!(number.len() == 16 && number.bytes().all(|byte| byte.is_ascii_digit()), "{number}");
    let (again, cost) = world.count_requests(phone.post(ACTIVATE, &filled)).await;
    assert_eq!(again.ok().text("/membershipNumber"), number);
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 });
    assert_eq!(held(&phone).await, json!([{ "cardId": MEMBER, "code": filled["code"] }]));
}

#[tokio::test]
async fn the_member_number_stays_the_same_when_answers_are_lost() {
    let world = World::start().await;
    let phone = world.user().await;
    let filled = fill_in(&phone).await;
    let path = "/card/membercard/activate";
    world.wechat().set_fault(Fault::TimeoutAfter { path: path.into(), millis: 0, times: 3 });
    assert_eq!(phone.post(ACTIVATE, &filled).await.outcome(), "503 UPSTREAM_BUSY");
    let kept = world
        .items("CardsTable")
        .await
        .into_iter()
        .find_map(|row| Some(row.pointer("/membership_number/S")?.as_str()?.to_owned()));
    let number = phone.post(ACTIVATE, &filled).await.ok().text("/membershipNumber");
    assert_eq!(kept, Some(number));
    assert_eq!(world.calls_to(path), 4);
}

#[tokio::test]
async fn a_membership_of_another_user_is_not_found() {
    let world = World::start().await;
    let (phone, thief) = (world.user().await, world.user().await);
    let filled = fill_in(&phone).await;
    phone.post(ACTIVATE, &filled).await.ok();
    assert_eq!(thief.post(ACTIVATE, &filled).await.outcome(), "404 NOT_FOUND");
    let code = have(&phone, CASH).await;
    let mut theirs = fill_in(&thief).await;
    theirs["code"] = json!(code);
    assert_eq!(thief.post(ACTIVATE, &theirs).await.outcome(), "404 NOT_FOUND");
}

#[tokio::test]
async fn a_stranger_s_activation_gives_no_ownership_and_the_sealed_code_wins() {
    let world = World::start().await;
    let (phone, thief, other) = (world.user().await, world.user().await, world.user().await);
    // The card is the user's at WeChat, and was not reported here yet.
    let added = add(&phone, &offer(&phone, MEMBER).await).await;
    let filled = fill_in(&phone).await;
    let mut guessed = fill_in(&thief).await;
    guessed["code"] = filled["code"].clone();
    for stolen in [&filled, &guessed] {
        let outcome = thief.post(ACTIVATE, stolen).await.outcome();
        assert!(["200 OK", "404 NOT_FOUND"].contains(&outcome.as_str()), "{outcome}");
        assert!(!held(&thief).await.to_string().contains(filled["code"].as_str().expect("a code")));
    }
    assert_eq!(other.post(ACTIVATE, &filled).await.outcome(), "404 NOT_FOUND");
    assert_eq!(phone.post("/api/cards/report", &added).await.ok().text("/cards/0/code"), filled["code"]);
    assert_eq!(held(&phone).await, json!([{ "cardId": MEMBER, "code": filled["code"] }]));
    let number = phone.post(ACTIVATE, &filled).await.ok().text("/membershipNumber");
    assert_eq!(number.len(), 16);
    for stolen in [&filled, &guessed] {
        assert_eq!(thief.post(ACTIVATE, stolen).await.outcome(), "404 NOT_FOUND");
    }
    assert_eq!(phone.post(ACTIVATE, &filled).await.ok().text("/membershipNumber"), number);
    assert_eq!(held(&thief).await, json!([]));
}

#[tokio::test]
async fn the_user_who_asked_for_a_card_can_activate_it_after_a_stranger() {
    let world = World::start().await;
    let (phone, thief) = (world.user().await, world.user().await);
    let filled = fill_in(&phone).await;
    thief.post(ACTIVATE, &filled).await.ok();
    let number = phone.post(ACTIVATE, &filled).await.ok().text("/membershipNumber");
    assert_eq!(held(&phone).await, json!([{ "cardId": MEMBER, "code": filled["code"] }]));
    assert_eq!(held(&thief).await, json!([]));
    assert_eq!(phone.post(ACTIVATE, &filled).await.ok().text("/membershipNumber"), number);
    assert_eq!(thief.post(ACTIVATE, &filled).await.outcome(), "404 NOT_FOUND");
}

#[tokio::test]
async fn a_later_sealed_report_takes_the_card_from_the_user_who_activated_it() {
    let world = World::start().await;
    let (one, two) = (world.user().await, world.user().await);
    let added = add(&one, &offer(&one, MEMBER).await).await;
    let filled = fill_in(&one).await;
    let number = one.post(ACTIVATE, &filled).await.ok().text("/membershipNumber");
    let list = json!([{ "cardId": MEMBER, "code": filled["code"] }]);
    assert_eq!(held(&one).await, list);
    two.post("/api/cards/report", &added).await.ok();
    assert_eq!(held(&one).await, json!([]));
    assert_eq!(held(&two).await, list);
    assert_eq!(one.post(ACTIVATE, &filled).await.outcome(), "404 NOT_FOUND");
    assert_eq!(one.post("/api/cards/report", &added).await.outcome(), "404 NOT_FOUND");
    assert_eq!(two.post(ACTIVATE, &filled).await.ok().text("/membershipNumber"), number);
}

#[tokio::test]
async fn a_refused_activation_leaves_the_code_free() {
    let world = World::start().await;
    let (phone, thief) = (world.user().await, world.user().await);
    let filled = fill_in(&phone).await;
    let theirs = fill_in(&thief).await;
    let mut guessed = theirs.clone();
    guessed["code"] = filled["code"].clone();
    guessed["cardId"] = json!(CASH);
    assert_eq!(thief.post(ACTIVATE, &guessed).await.outcome(), "404 NOT_FOUND");
    phone.post(ACTIVATE, &filled).await.ok();
    thief.post(ACTIVATE, &theirs).await.ok();
}

#[tokio::test]
async fn a_refused_retry_of_an_activation_with_a_lost_answer_succeeds() {
    let world = World::start().await;
    let phone = world.user().await;
    let filled = fill_in(&phone).await;
    let path = "/card/membercard/activate";
    world.wechat().set_fault(Fault::TimeoutAfter { path: path.into(), millis: 0, times: 1 });
    world.wechat().set_fault(Fault::Errcode { path: path.into(), errcode: 40127, times: 1 });
    let number = phone.post(ACTIVATE, &filled).await.ok().text("/membershipNumber");
    assert_eq!(phone.post(ACTIVATE, &filled).await.ok().text("/membershipNumber"), number);
    let other = world.user().await;
    let filled = fill_in(&other).await;
    world.wechat().set_fault(Fault::Errcode { path: path.into(), errcode: 40127, times: 1 });
    assert_eq!(other.post(ACTIVATE, &filled).await.outcome(), "409 CONFLICT");
    other.post(ACTIVATE, &filled).await.ok();
}

#[tokio::test]
async fn a_malformed_activation_is_refused_with_the_field_s_name() {
    let world = World::start().await;
    let phone = world.user().await;
    let filled = fill_in(&phone).await;
    for (field, value) in [
        ("activateTicket", Value::Null),
        ("activateTicket", json!("")),
        ("activateTicket", json!("t".repeat(513))),
        ("cardId", Value::Null),
        ("cardId", json!("p x")),
        ("code", Value::Null),
        ("code", json!("1".repeat(21))),
        ("other", json!(1)),
    ] {
        let mut body = filled.clone();
        body[field] = value;
        let answer = phone.post(ACTIVATE, &body).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{field}");
        assert!(answer.text("/message").contains(field), "{}", answer.body);
    }
    let mut unknown = filled;
    unknown["activateTicket"] = json!("made-up");
    assert_eq!(phone.post(ACTIVATE, &unknown).await.outcome(), "400 CODE_INVALID");
    for query in ["", "?cardId=", "?cardId=p%20x"] {
        let answer = phone.get(&format!("{ACTIVATION}{query}")).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{query}");
    }
    for card_id in [CASH, "pUnknown"] {
        let answer = phone.get(&format!("{ACTIVATION}?cardId={card_id}")).await;
        assert_eq!(answer.outcome(), "404 NOT_FOUND", "{card_id}");
    }
}

#[tokio::test]
async fn a_busy_wechat_and_a_spent_quota_are_answered_by_their_codes() {
    let world = World::start().await;
    let phone = clerk(&world).await;
    for path in ["/card/membercard/activate/geturl"] {
        world.wechat().set_fault(Fault::Busy { path: path.into(), times: 3 });
        let answer = phone.get(&format!("{ACTIVATION}?cardId={MEMBER}")).await;
        assert_eq!(answer.outcome(), "503 UPSTREAM_BUSY");
    }
    let filled = fill_in(&phone).await;
    for path in ["/card/membercard/activatetempinfo/get", "/card/membercard/activate"] {
        world.wechat().set_fault(Fault::Quota { path: path.into(), times: 1 });
        assert_eq!(phone.post(ACTIVATE, &filled).await.outcome(), "429 RATE_LIMITED", "{path}");
    }
    phone.post(ACTIVATE, &filled).await.ok();
}
