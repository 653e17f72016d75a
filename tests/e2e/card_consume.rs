//! `POST /api/cards/verify`: staff consume a card once, also when answers are lost.

use std::time::Duration;

use e2e::{Phone, Requests, World};
use futures_util::future::join_all;
use insta::assert_snapshot;
use local_wechat::{CardStatus, Fault, NewCard};
use serde_json::{Value, json};

use crate::card::{CASH, CUSTOM, MEMBER, add, clerk, have, held, offer, set_role, verify};

const CONSUME: &str = "/card/code/consume";
const QUERY: &str = "/card/code/get";

fn lost_after(path: &str) -> Fault {
    Fault::TimeoutAfter { path: path.into(), millis: 0, times: 1 }
}

fn lost_before(path: &str, times: u32) -> Fault {
    Fault::TimeoutBefore { path: path.into(), millis: 0, times }
}

/// The row of the code in the table of cards.
async fn journal(world: &World, code: &str) -> Option<Value> {
    let rows = world.items("CardsTable").await.into_iter();
    rows.filter(|row| row["id"]["S"] == "code").find(|row| row["holder"]["S"] == format!("code#{code}"))
}

async fn state(world: &World, code: &str) -> Option<String> {
    Some(journal(world, code).await?.pointer("/state/S")?.as_str()?.to_owned())
}

async fn user_id(phone: &Phone<'_>) -> String {
    phone.get("/api/user").await.text("/user/userId")
}

#[tokio::test]
async fn a_card_is_consumed_once_and_leaves_its_holder_s_list() {
    let world = World::start().await;
    let (clerk, phone) = (clerk(&world).await, world.user().await);
    let code = have(&phone, CASH).await;
    let answer = verify(&clerk, &code).await.ok();
    assert_eq!(answer.text("/message"), "核销成功");
    assert_eq!(answer.text("/cardInfo/cardId"), CASH.to_owned());
    assert_eq!(answer.text("/cardInfo/code"), code.clone());
    assert_eq!(held(&phone).await, json!([]));
    let again = verify(&clerk, &code).await;
    assert_eq!(again.outcome(), "409 ALREADY_CONSUMED");
    let message = again.text("/message");
    let id = user_id(&clerk).await;
    assert!(
        message.contains(&format!("店员{}", &id[id.len() - 6..])) && message.contains("核销"),
        "{message}"
    );
    assert_eq!(world.calls_to(CONSUME), 1);
    assert_eq!(state(&world, &code).await.as_deref(), Some("CONSUMED"));
}

#[tokio::test]
async fn a_consumption_and_its_repetition_keep_to_their_request_budget() {
    let world = World::start().await;
    let (clerk, phone) = (clerk(&world).await, world.user().await);
    let first = have(&phone, CASH).await;
    let code = have(&phone, CASH).await;
    verify(&clerk, &first).await.ok();
    let (_, cost) = world.count_requests(verify(&clerk, &code)).await;
    assert_eq!(cost, Requests { dynamodb: 3, wechat: 2 });
    let (_, cost) = world.count_requests(verify(&clerk, &code)).await;
    assert_eq!(cost, Requests { dynamodb: 2, wechat: 0 });
}

#[tokio::test]
async fn twenty_clerks_at_once_consume_a_code_once() {
    let world = World::start().await;
    let (clerk, phone) = (clerk(&world).await, world.user().await);
    let code = have(&phone, CASH).await;
    let answers = join_all((0..20).map(|_| verify(&clerk, &code))).await;
    let outcomes: Vec<_> = answers.iter().map(e2e::Response::outcome).collect();
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "200 OK").count(), 1, "{outcomes:?}");
    let known = ["200 OK", "409 CONFLICT", "409 ALREADY_CONSUMED"];
    assert!(outcomes.iter().all(|outcome| known.contains(&outcome.as_str())), "{outcomes:?}");
    assert_eq!(world.calls_to(CONSUME), 1);
    assert_eq!(verify(&clerk, &code).await.outcome(), "409 ALREADY_CONSUMED");
}

#[tokio::test]
async fn a_custom_code_is_consumed_with_its_card_if_only_the_code_is_shown() {
    let world = World::start().await;
    let (clerk, phone) = (clerk(&world).await, world.user().await);
    let code = have(&phone, CUSTOM).await;
    assert_eq!(verify(&clerk, &code).await.ok().text("/cardInfo/cardId"), CUSTOM);
    let code = have(&phone, CUSTOM).await;
    let named = json!({ "code": code, "cardId": CUSTOM });
    clerk.post("/api/cards/verify", &named).await.ok();
}

#[tokio::test]
async fn only_staff_consume_and_only_while_they_are_staff() {
    let world = World::start().await;
    let (mut clerk, phone) = (clerk(&world).await, world.user().await);
    let code = have(&phone, CASH).await;
    assert_snapshot!(verify(&phone, &code).await.snapshot(), @r#"403 {"success":false,"code":"FORBIDDEN","message":"没有权限","requestId":"…"}"#);
    let anonymous = world.post("/api/cards/verify", &json!({ "code": code })).await;
    assert_eq!(anonymous.outcome(), "401 UNAUTHORIZED");
    set_role(&world, &clerk, "user").await;
    assert_eq!(verify(&clerk, &code).await.outcome(), "403 FORBIDDEN", "the same token");
    set_role(&world, &clerk, "staff").await;

    world.clock.advance(Duration::from_secs(5));
    let update = json!({ "TableName": world.table("SessionsTable"), "Key": { "openid": { "S": clerk.openid } },
        "UpdateExpression": "SET tokens_valid_from = :now",
        "ExpressionAttributeValues": { ":now": { "N": world.now().to_string() } } });
    world.dynamo().call_as_operator("UpdateItem", update).await.expect("an update");
    assert_eq!(verify(&clerk, &code).await.outcome(), "401 UNAUTHORIZED", "the tokens were revoked");
    assert_eq!(world.calls_to(CONSUME), 0);
    clerk.log_in().await;
    verify(&clerk, &code).await.ok();
}

#[tokio::test]
async fn malformed_requests_name_the_field_and_unknown_codes_are_not_found() {
    let world = World::start().await;
    let (clerk, phone) = (clerk(&world).await, world.user().await);
    let code = have(&phone, CASH).await;
    for (field, body) in [
        ("code", json!({})),
        ("code", json!({ "code": "" })),
        ("code", json!({ "code": "1".repeat(21) })),
        ("code", json!({ "code": "卡" })),
        ("code", json!({ "code": 1 })),
        ("cardId", json!({ "code": code, "cardId": "" })),
        ("cardId", json!({ "code": code, "cardId": "p".repeat(65) })),
        ("other", json!({ "code": code, "other": 1 })),
    ] {
        let answer = clerk.post("/api/cards/verify", &body).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{body}");
        assert!(answer.text("/message").contains(field), "{}", answer.body);
    }
    assert_eq!(verify(&clerk, "000000000000").await.outcome(), "404 NOT_FOUND");
    for card_id in [MEMBER, "pUnknown"] {
        let body = json!({ "code": code, "cardId": card_id });
        assert_eq!(clerk.post("/api/cards/verify", &body).await.outcome(), "404 NOT_FOUND", "{card_id}");
    }
    assert_eq!(state(&world, &code).await, None, "nothing was consumed");
    verify(&clerk, &code).await.ok();
}

#[tokio::test]
async fn a_card_that_ended_or_was_withdrawn_is_refused() {
    let world = World::start().await;
    let (mut clerk, mut phone) = (clerk(&world).await, world.user().await);
    let expired = have(&phone, CASH).await;
    world.clock.advance(Duration::from_secs(31 * 24 * 60 * 60));
    clerk.log_in().await;
    phone.log_in().await;
    assert_eq!(verify(&clerk, &expired).await.outcome(), "409 CONFLICT");
    let code = have(&phone, CASH).await;
    let deleted =
        NewCard { card_id: Some(CASH.to_owned()), status: CardStatus::Deleted, ..NewCard::default() };
    world.wechat().create_card(deleted);
    assert_eq!(verify(&clerk, &code).await.outcome(), "409 CONFLICT");
    assert_eq!(world.calls_to(CONSUME), 0);
}

#[tokio::test]
async fn each_refusal_of_wechat_has_its_answer_and_leaves_the_code_free() {
    let world = World::start().await;
    let (clerk, phone) = (clerk(&world).await, world.user().await);
    let code = have(&phone, CASH).await;
    for (errcode, outcome) in [
        (40056, "404 NOT_FOUND"),
        (40078, "409 CONFLICT"),
        (40127, "409 CONFLICT"),
        (40147, "409 CONFLICT"),
        (40099, "409 ALREADY_CONSUMED"),
        (40146, "403 FORBIDDEN"),
        (45009, "429 RATE_LIMITED"),
        (48001, "500 INTERNAL_ERROR"),
    ] {
        for path in [CONSUME, QUERY] {
            world.wechat().set_fault(Fault::Errcode { path: path.into(), errcode, times: 1 });
            assert_eq!(verify(&clerk, &code).await.outcome(), outcome, "{path} {errcode}");
            assert_eq!(state(&world, &code).await, None, "{path} {errcode}");
        }
    }
    world.wechat().set_fault(Fault::Busy { path: CONSUME.into(), times: 3 });
    assert_eq!(verify(&clerk, &code).await.outcome(), "503 UPSTREAM_BUSY");
    world.wechat().set_fault(Fault::TokenRevoked { path: Some(CONSUME.into()), stuck: false, times: 1 });
    verify(&clerk, &code).await.ok();
}

#[tokio::test]
async fn a_consumption_whose_answer_was_lost_is_confirmed_by_a_query() {
    let world = World::start().await;
    let (clerk, phone) = (clerk(&world).await, world.user().await);
    let done = have(&phone, CASH).await;
    world.wechat().set_fault(lost_after(CONSUME));
    verify(&clerk, &done).await.ok();
    assert_eq!(verify(&clerk, &done).await.outcome(), "409 ALREADY_CONSUMED");

    let undone = have(&phone, CASH).await;
    world.wechat().set_fault(lost_before(CONSUME, 1));
    assert_eq!(verify(&clerk, &undone).await.outcome(), "503 UPSTREAM_BUSY");
    assert_eq!(state(&world, &undone).await.as_deref(), Some("PENDING"), "the request may still take effect");
    verify(&clerk, &undone).await.ok();
    assert_eq!(world.calls_to(CONSUME), 3);
}

#[tokio::test]
async fn a_retry_resolves_an_unknown_consumption_in_favour_of_the_first_clerk() {
    let world = World::start().await;
    let (first, second) = (clerk(&world).await, clerk(&world).await);
    let phone = world.user().await;
    let codes = [have(&phone, CASH).await, have(&phone, CASH).await];
    for code in &codes {
        let before = world.calls_to(CONSUME);
        world.wechat().set_fault(Fault::TimeoutAfter { path: CONSUME.into(), millis: 300, times: 1 });
        let unreachable = async {
            while world.calls_to(CONSUME) == before {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            world.wechat().set_fault(Fault::Busy { path: QUERY.into(), times: 3 });
        };
        let (answer, ()) = tokio::join!(verify(&first, code), unreachable);
        assert_eq!(answer.outcome(), "503 UPSTREAM_BUSY");
        assert_eq!(state(&world, code).await.as_deref(), Some("PENDING"));
    }
    // The state of the code is still unknown.
    world.wechat().set_fault(Fault::Busy { path: QUERY.into(), times: 3 });
    assert_eq!(verify(&second, &codes[0]).await.outcome(), "503 UPSTREAM_BUSY");
    assert_eq!(
        verify(&second, &codes[0]).await.outcome(),
        "409 ALREADY_CONSUMED",
        "the first clerk consumed it"
    );
    verify(&first, &codes[1]).await.ok();
    for code in &codes {
        assert_eq!(verify(&first, code).await.outcome(), "409 ALREADY_CONSUMED");
    }
    assert_eq!(world.calls_to(CONSUME), 2);
}

#[tokio::test]
async fn a_consumption_that_takes_effect_late_belongs_to_its_first_clerk() {
    let world = World::start().await;
    let (first, second) = (clerk(&world).await, clerk(&world).await);
    let phone = world.user().await;
    for (next, outcome) in [(&first, "200 OK"), (&second, "409 ALREADY_CONSUMED")] {
        let code = have(&phone, CASH).await;
        let before = world.calls_to(CONSUME);
        world.wechat().set_fault(Fault::LateEffect { path: CONSUME.into(), millis: 300, times: 1 });
        assert_eq!(verify(&first, &code).await.outcome(), "503 UPSTREAM_BUSY");
        assert_eq!(
            held(&phone).await,
            json!([{ "cardId": CASH, "code": code }]),
            "the query found the card unused"
        );
        while world.calls_to(CONSUME) == before {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // The journal keeps the first try, whatever WeChat answers meanwhile.
        for errcode in [40127, 45009] {
            world.wechat().set_fault(Fault::Errcode { path: QUERY.into(), errcode, times: 1 });
            assert_ne!(verify(&second, &code).await.status, 200);
            assert_eq!(state(&world, &code).await.as_deref(), Some("PENDING"), "{errcode}");
        }
        let answer = verify(next, &code).await;
        assert_eq!(answer.outcome(), outcome);
        let id = user_id(&first).await;
        let again = verify(&first, &code).await.text("/message");
        assert!(again.contains(&format!("店员{}", &id[id.len() - 6..])), "{again}");
        assert_eq!(held(&phone).await, json!([]), "the card leaves the holder's list");
        assert_eq!(world.calls_to(CONSUME) - before, 1);
    }
}

#[tokio::test]
async fn a_refused_second_try_keeps_the_journal_of_a_lost_first_try() {
    let world = World::start().await;
    let (first, second) = (clerk(&world).await, clerk(&world).await);
    let phone = world.user().await;
    let code = have(&phone, CASH).await;
    world.wechat().set_fault(lost_before(CONSUME, 1));
    assert_eq!(verify(&first, &code).await.outcome(), "503 UPSTREAM_BUSY");
    for errcode in [40127, 40147, 45009, -1] {
        world.wechat().set_fault(Fault::Errcode { path: CONSUME.into(), errcode, times: 3 });
        assert_ne!(verify(&second, &code).await.status, 200);
        assert_eq!(state(&world, &code).await.as_deref(), Some("PENDING"), "{errcode}");
        world.wechat().clear_faults();
    }
    verify(&second, &code).await.ok();
    let id = user_id(&second).await;
    let again = verify(&first, &code).await.text("/message");
    assert!(again.contains(&format!("店员{}", &id[id.len() - 6..])), "the clerk who consumed it: {again}");
}

#[tokio::test]
async fn a_code_that_is_reported_after_its_consumption_is_listed_as_used_up() {
    let world = World::start().await;
    let (clerk, phone) = (clerk(&world).await, world.user().await);
    // The card is consumed before its holder is known here.
    let added = add(&phone, &offer(&phone, CUSTOM).await).await;
    let code =
        serde_json::from_str::<Value>(offer(&phone, CUSTOM).await["cardExt"].as_str().expect("a text"))
            .expect("JSON")["code"]
            .as_str()
            .expect("a code")
            .to_owned();
    clerk.post("/api/cards/verify", &json!({ "code": code, "cardId": CUSTOM })).await.ok();
    phone.post("/api/cards/report", &added).await.ok();
    assert_eq!(held(&phone).await, json!([]));
}

#[tokio::test]
async fn a_killed_request_keeps_its_claim_on_a_code_for_half_a_minute() {
    let world = World::start().await;
    let (clerk, phone) = (clerk(&world).await, world.user().await);
    let code = have(&phone, CASH).await;
    let clerk_row = json!({ "M": { "user_id": { "S": user_id(&clerk).await } } });
    let key = json!({ "holder": { "S": format!("code#{code}") }, "id": { "S": "code" } });
    let update = json!({ "TableName": world.table("CardsTable"), "Key": key,
        "UpdateExpression": "SET #state = :pending, free_at = :free, begun_at = :now, attempt = :a, clerk = :clerk",
        "ExpressionAttributeNames": { "#state": "state" },
        "ExpressionAttributeValues": { ":pending": { "S": "PENDING" }, ":a": { "S": "another" },
            ":clerk": clerk_row, ":now": { "N": world.now().to_string() },
            ":free": { "N": (world.now() + 35).to_string() } } });
    world.dynamo().call_as_operator("UpdateItem", update).await.expect("an update");
    assert_snapshot!(verify(&clerk, &code).await.snapshot(), @r#"409 {"success":false,"code":"CONFLICT","message":"该券正在核销，请稍后查看","requestId":"…"}"#);
    world.clock.advance(Duration::from_secs(34));
    assert_eq!(verify(&clerk, &code).await.outcome(), "409 CONFLICT");
    world.clock.advance(Duration::from_secs(1));
    verify(&clerk, &code).await.ok();
}

#[tokio::test]
async fn a_card_that_was_consumed_elsewhere_is_answered_already_consumed() {
    let world = World::start().await;
    let (clerk, phone) = (clerk(&world).await, world.user().await);
    let code = have(&phone, CASH).await;
    verify(&clerk, &code).await.ok();
    // The journal is deleted, as if the card had been consumed elsewhere.
    let key = json!({ "holder": { "S": format!("code#{code}") }, "id": { "S": "code" } });
    let delete = json!({ "TableName": world.table("CardsTable"), "Key": key });
    world.dynamo().call_as_operator("DeleteItem", delete).await.expect("a deletion");
    world.wechat().set_fault(lost_after(CONSUME));
    assert_snapshot!(verify(&clerk, &code).await.snapshot(), @r#"409 {"success":false,"code":"ALREADY_CONSUMED","message":"该券已核销","requestId":"…"}"#);
    assert_eq!(world.calls_to(CONSUME), 1, "the query found it consumed");
}
