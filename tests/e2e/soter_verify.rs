//! `POST /api/soter/challenge`, `POST /api/verify-fingerprint`

use std::{collections::BTreeSet, time::Duration};

use e2e::{Phone, Requests, Response, World};
use futures_util::future::join_all;
use insta::assert_snapshot;
use local_wechat::Fault;
use serde_json::{Value, json};

const CHALLENGE: &str = "/api/soter/challenge";
const VERIFY: &str = "/api/verify-fingerprint";
const UPSTREAM: &str = "/cgi-bin/soter/verify_signature";

async fn challenge(phone: &Phone<'_>) -> String {
    let body = json!({ "purpose": "pay", "payload": "order 1, 200 fen" });
    phone.post(CHALLENGE, &body).await.ok().text("/challenge")
}

/// The user touches the sensor: the body that the mini program sends then.
async fn touch(phone: &Phone<'_>, challenge: &str) -> Value {
    let arguments = json!({ "requestAuthModes": ["fingerPrint"], "challenge": challenge });
    let touched = phone.wx("startSoterAuthentication", arguments).await;
    assert_eq!(touched.status, 200, "{}", touched.body);
    let touched = touched.json();
    json!({ "resultJSON": touched["resultJSON"], "resultJSONSignature": touched["resultJSONSignature"] })
}

/// A result for a new challenge.
async fn fresh(phone: &Phone<'_>) -> Value {
    touch(phone, &challenge(phone).await).await
}

async fn verify(phone: &Phone<'_>, result: &Value) -> Response {
    phone.post(VERIFY, result).await
}

#[tokio::test]
async fn a_finger_proves_what_the_challenge_was_for() {
    let world = World::start().await;
    let phone = world.user().await;
    let issued = phone.post(CHALLENGE, &json!({ "purpose": "pay", "payload": "order 1" })).await.ok();
    let challenge = issued.text("/challenge");
    assert!(challenge.len() == 64 && challenge.bytes().all(|byte| byte.is_ascii_hexdigit()), "{challenge}");
    assert_eq!(issued.text("/expiresIn"), "300");
    let verified = verify(&phone, &touch(&phone, &challenge).await).await;
    assert_snapshot!(verified.snapshot(), @r#"200 {"success":true,"message":"验证通过","purpose":"pay","payload":"order 1"}"#);
    let issued = phone.post(CHALLENGE, &json!({ "purpose": "🔑".repeat(64) })).await.ok();
    let verified = verify(&phone, &touch(&phone, &issued.text("/challenge")).await).await.ok();
    assert_eq!(verified.json().get("payload"), None);
}

#[tokio::test]
async fn challenges_differ() {
    let world = World::start().await;
    let phone = world.user().await;
    let body = json!({ "purpose": "pay" });
    let issued = join_all((0..20).map(|_| phone.post(CHALLENGE, &body))).await;
    let issued: BTreeSet<_> = issued.into_iter().map(|answer| answer.ok().text("/challenge")).collect();
    assert_eq!(issued.len(), 20);
}

#[tokio::test]
async fn a_challenge_and_a_verification_keep_to_their_request_budget() {
    let world = World::start().await;
    let phone = world.user().await;
    verify(&phone, &fresh(&phone).await).await.ok();
    let (challenge, cost) = world.count_requests(challenge(&phone)).await;
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 });
    let result = touch(&phone, &challenge).await;
    let (verified, cost) = world.count_requests(verify(&phone, &result)).await;
    assert_eq!(verified.status, 200);
    assert_eq!(cost, Requests { dynamodb: 2, wechat: 1 });
    let (refused, cost) = world.count_requests(verify(&phone, &result)).await;
    assert_eq!(refused.status, 409);
    // Who has no challenge may have no session.
    assert_eq!(cost, Requests { dynamodb: 2, wechat: 0 });
}

#[tokio::test]
async fn a_result_is_used_once_also_by_twenty_requests_at_once() {
    let world = World::start().await;
    let phone = world.user().await;
    let result = fresh(&phone).await;
    let answers = join_all((0..20).map(|_| verify(&phone, &result))).await;
    let outcomes: Vec<String> = answers.iter().map(Response::outcome).collect();
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "200 OK").count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "409 CHALLENGE_INVALID").count(), 19);
    assert_eq!(world.calls_to(UPSTREAM), 1);
    let again = verify(&phone, &result).await;
    assert_snapshot!(again.snapshot(), @r#"409 {"success":false,"code":"CHALLENGE_INVALID","message":"验证已失效，请重新发起","requestId":"…"}"#);
}

#[tokio::test]
async fn a_foreign_or_unknown_challenge_is_refused_and_kept_for_its_owner() {
    let world = World::start().await;
    let (one, two) = (world.user().await, world.user().await);
    let challenge = challenge(&one).await;
    let theirs = touch(&two, &challenge).await;
    assert_eq!(verify(&two, &theirs).await.outcome(), "409 CHALLENGE_INVALID");
    for unknown in ["challenge", &"0".repeat(64), &challenge.to_uppercase(), &format!("{challenge}0")] {
        let result = touch(&one, unknown).await;
        assert_eq!(verify(&one, &result).await.outcome(), "409 CHALLENGE_INVALID", "{unknown}");
    }
    assert_eq!(world.calls_to(UPSTREAM), 0);
    verify(&one, &touch(&one, &challenge).await).await.ok();
}

#[tokio::test]
async fn the_key_of_a_stored_counter_is_no_challenge() {
    let world = World::start().await;
    let phone = world.user().await;
    verify(&phone, &fresh(&phone).await).await.ok();
    let rows = world.items("ChallengesTable").await;
    let count = rows[0]["challenge"]["S"].as_str().expect("a key").to_owned();
    assert!(rows.len() == 1 && count.starts_with("count#"), "{rows:?}");
    let result = touch(&phone, &count).await;
    assert_eq!(verify(&phone, &result).await.outcome(), "409 CHALLENGE_INVALID");
    assert_eq!(world.items("ChallengesTable").await.len(), 1);
}

#[tokio::test]
async fn a_challenge_lives_five_minutes_and_not_a_second_more() {
    let world = World::start().await;
    let phone = world.user().await;
    let (timely, late) = (fresh(&phone).await, fresh(&phone).await);
    world.clock.advance(Duration::from_secs(299));
    verify(&phone, &timely).await.ok();
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(verify(&phone, &late).await.outcome(), "409 CHALLENGE_INVALID");
    let row = &world.items("ChallengesTable").await;
    assert!(row.iter().all(|row| row.get("expires_at").is_some()), "{row:?}");
}

#[tokio::test]
async fn a_foreign_or_altered_signature_is_refused_and_spends_the_challenge() {
    let world = World::start().await;
    let (one, two) = (world.user().await, world.user().await);
    // Another user's phone signs this user's challenge.
    let stolen = touch(&two, &challenge(&one).await).await;
    let refused = verify(&one, &stolen).await;
    assert_snapshot!(refused.snapshot(), @r#"403 {"success":false,"code":"FORBIDDEN","message":"生物认证未通过，请重试","requestId":"…"}"#);
    let mut result = fresh(&one).await;
    let text = result["resultJSON"].as_str().expect("a text").to_owned();
    result["resultJSON"] = json!(text.replacen('{', "{ ", 1));
    assert_eq!(verify(&one, &result).await.outcome(), "403 FORBIDDEN");
    result["resultJSON"] = json!(text);
    assert_eq!(verify(&one, &result).await.outcome(), "409 CHALLENGE_INVALID");
    // The signature of another result.
    let mut mixed = fresh(&one).await;
    mixed["resultJSONSignature"] = result["resultJSONSignature"].clone();
    assert_eq!(verify(&one, &mixed).await.outcome(), "403 FORBIDDEN");
    verify(&one, &fresh(&one).await).await.ok();
}

#[tokio::test]
async fn a_result_that_was_signed_before_a_later_one_is_refused() {
    let world = World::start().await;
    let (one, two) = (world.user().await, world.user().await);
    let (older, newer) = (fresh(&one).await, fresh(&one).await);
    verify(&one, &newer).await.ok();
    assert_eq!(verify(&one, &older).await.outcome(), "403 FORBIDDEN");
    // Each user has a counter of their own.
    verify(&two, &fresh(&two).await).await.ok();
    verify(&one, &fresh(&one).await).await.ok();
}

#[tokio::test]
async fn a_refused_result_leaves_the_stored_counter_unchanged() {
    let world = World::start().await;
    let phone = world.user().await;
    let honest = fresh(&phone).await;
    let mut forged = fresh(&phone).await;
    let text = forged["resultJSON"].as_str().expect("a text").to_owned();
    let mut fields: Value = serde_json::from_str(&text).expect("JSON");
    fields["counter"] = json!(4_000_000_000_u32);
    forged["resultJSON"] = json!(fields.to_string());
    assert_eq!(verify(&phone, &forged).await.outcome(), "403 FORBIDDEN");
    verify(&phone, &honest).await.ok();
}

#[tokio::test]
async fn a_counter_that_was_unused_for_a_month_is_forgotten() {
    let world = World::start().await;
    let mut phone = world.user().await;
    verify(&phone, &fresh(&phone).await).await.ok();
    // The phone has a new key whose counter begins at 0, so that the stored counter is ahead.
    let rows = world.items("ChallengesTable").await;
    let update = json!({ "TableName": world.table("ChallengesTable"), "Key": { "challenge": rows[0]["challenge"] },
        "UpdateExpression": "SET counted = :ahead",
        "ExpressionAttributeValues": { ":ahead": { "N": "4000000000" } } });
    world.dynamo().call_as_operator("UpdateItem", update).await.expect("an update");
    assert_eq!(verify(&phone, &fresh(&phone).await).await.outcome(), "403 FORBIDDEN");
    world.clock.advance(Duration::from_secs(30 * 24 * 60 * 60));
    phone.log_in().await;
    verify(&phone, &fresh(&phone).await).await.ok();
}

#[tokio::test]
async fn a_failure_of_wechat_verifies_nothing_and_spends_the_challenge() {
    let world = World::start().await;
    let phone = world.user().await;
    let errcode = |errcode| Fault::Errcode { path: UPSTREAM.to_owned(), errcode, times: 1 };
    for (fault, outcome, calls) in [
        (Fault::Busy { path: UPSTREAM.to_owned(), times: 2 }, "503 UPSTREAM_BUSY", 2),
        (Fault::TimeoutBefore { path: UPSTREAM.to_owned(), millis: 0, times: 2 }, "503 UPSTREAM_BUSY", 2),
        (Fault::TimeoutAfter { path: UPSTREAM.to_owned(), millis: 0, times: 2 }, "503 UPSTREAM_BUSY", 2),
        (Fault::Garbage { path: UPSTREAM.to_owned(), times: 2 }, "503 UPSTREAM_BUSY", 2),
        (Fault::HttpStatus { path: UPSTREAM.to_owned(), status: 502, times: 2 }, "503 UPSTREAM_BUSY", 2),
        (Fault::Quota { path: UPSTREAM.to_owned(), times: 1 }, "429 RATE_LIMITED", 1),
        (errcode(48001), "500 INTERNAL_ERROR", 1),
        (errcode(40003), "403 FORBIDDEN", 1),
        (errcode(47001), "403 FORBIDDEN", 1),
    ] {
        let name = format!("{fault:?}");
        let result = fresh(&phone).await;
        let before = world.calls_to(UPSTREAM);
        world.wechat().set_fault(fault);
        assert_eq!(verify(&phone, &result).await.outcome(), outcome, "{name}");
        assert_eq!(world.calls_to(UPSTREAM) - before, calls, "{name}");
        world.wechat().clear_faults();
        assert_eq!(verify(&phone, &result).await.outcome(), "409 CHALLENGE_INVALID", "{name}");
    }
}

#[tokio::test]
async fn a_failed_verification_is_retried_once_with_a_new_token_if_needed() {
    let world = World::start().await;
    let phone = world.user().await;
    let path = || UPSTREAM.to_owned();
    for fault in [
        Fault::Busy { path: path(), times: 1 },
        Fault::TimeoutAfter { path: path(), millis: 0, times: 1 },
        Fault::TokenRevoked { path: Some(path()), stuck: false, times: 1 },
    ] {
        let result = fresh(&phone).await;
        world.wechat().set_fault(fault);
        verify(&phone, &result).await.ok();
    }
}

#[tokio::test]
async fn a_lost_answer_of_the_database_spends_a_challenge_and_no_counter() {
    use local_dynamo::{DynamoFault, FaultKind};
    let world = World::start().await;
    let phone = world.user().await;
    let lost = |operation: &str| {
        let (caller, operation) = (Some("SoterVerifyFunction".to_owned()), Some(operation.to_owned()));
        world.dynamo().inject_fault(DynamoFault {
            caller,
            operation,
            kind: FaultKind::TimeoutAfter,
            times: 1,
        });
    };
    lost("PutItem");
    let result = fresh(&phone).await;
    lost("UpdateItem");
    verify(&phone, &result).await.ok();
    let result = fresh(&phone).await;
    lost("DeleteItem");
    assert_eq!(verify(&phone, &result).await.outcome(), "409 CHALLENGE_INVALID");
    assert_eq!(world.calls_to(UPSTREAM), 1);
}

#[tokio::test]
async fn the_text_that_the_phone_signed_reaches_wechat_unchanged() {
    let world = World::start().await;
    let phone = world.user().await;
    let result = fresh(&phone).await;
    verify(&phone, &result).await.ok();
    let calls = world.wechat().upstream_calls();
    let call = calls.iter().find(|call| call.path == UPSTREAM).expect("the call");
    assert_eq!(call.request["json_string"], result["resultJSON"]);
    assert_eq!(call.request["json_signature"], result["resultJSONSignature"]);
}

#[tokio::test]
async fn a_signature_with_a_longer_salt_is_left_to_wechat() {
    let world = World::start().await;
    let phone = world.user().await;
    let arguments =
        json!({ "requestAuthModes": ["facial"], "challenge": challenge(&phone).await, "saltLength": 32 });
    let touched = phone.wx("startSoterAuthentication", arguments).await.json();
    let result =
        json!({ "resultJSON": touched["resultJSON"], "resultJSONSignature": touched["resultJSONSignature"] });
    verify(&phone, &result).await.ok();
}

#[tokio::test]
async fn a_malformed_request_names_the_field_and_spends_no_challenge() {
    let world = World::start().await;
    let phone = world.user().await;
    for (body, field) in [
        (json!({}), "purpose"),
        (json!({ "purpose": "" }), "purpose"),
        (json!({ "purpose": 1 }), "purpose"),
        (json!({ "purpose": "p".repeat(65) }), "purpose"),
        (json!({ "purpose": "pay", "payload": "p".repeat(513) }), "payload"),
        (json!({ "purpose": "pay", "payload": {} }), "payload"),
        (json!({ "purpose": "pay", "userId": "u1" }), "userId"),
    ] {
        let answer = phone.post(CHALLENGE, &body).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{body}");
        assert!(answer.text("/message").contains(field), "{body} {}", answer.body);
    }
    let longest = json!({ "purpose": "支".repeat(64), "payload": "付".repeat(512) });
    phone.post(CHALLENGE, &longest).await.ok();

    let whole = fresh(&phone).await;
    let raw =
        serde_json::from_str::<Value>(whole["resultJSON"].as_str().expect("a text")).expect("JSON")["raw"]
            .clone();
    for (field, value) in [
        ("resultJSON", Value::Null),
        ("resultJSON", json!("")),
        ("resultJSON", json!("not json")),
        ("resultJSON", json!([])),
        ("resultJSON", json!({ "raw": raw })),
        ("resultJSON", json!(json!([raw]).to_string())),
        ("resultJSON", json!(json!({ "challenge": raw }).to_string())),
        ("resultJSON", json!(json!({ "raw": raw, "counter": "many" }).to_string())),
        ("resultJSON", json!(format!(r#"{{"raw":{raw},"raw":{raw}}}"#))),
        ("resultJSON", json!(json!({ "raw": raw, "fid": "x".repeat(4096) }).to_string())),
        ("resultJSONSignature", Value::Null),
        ("resultJSONSignature", json!("")),
        ("resultJSONSignature", json!("not Base64")),
        ("resultJSONSignature", json!("A".repeat(700))),
        ("openid", json!(phone.openid)),
    ] {
        let mut body = whole.clone();
        body[field] = value.clone();
        let answer = verify(&phone, &body).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{field} {value}");
        assert!(answer.text("/message").contains(field), "{field} {value} {}", answer.body);
    }
    assert_eq!(world.calls_to(UPSTREAM), 0);
    verify(&phone, &whole).await.ok();
}

#[tokio::test]
async fn both_routes_are_for_users() {
    let world = World::start().await;
    let phone = world.user().await;
    assert_eq!(world.post(CHALLENGE, &json!({ "purpose": "pay" })).await.outcome(), "401 UNAUTHORIZED");
    let result = fresh(&phone).await;
    assert_eq!(world.post(VERIFY, &result).await.outcome(), "401 UNAUTHORIZED");
    verify(&phone, &result).await.ok();
}
