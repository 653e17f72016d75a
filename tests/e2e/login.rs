//! `POST /api/login`

use std::time::Duration;

use e2e::{Requests, World};
use insta::assert_snapshot;
use local_dynamo::{DynamoFault, FaultKind};
use local_wechat::Fault;
use login::LoginFunction;
use serde_json::json;
use shared::runtime::{Body, Function, Request};

const EXCHANGE: &str = "/sns/jscode2session";

#[tokio::test]
async fn a_first_login_makes_a_user_and_a_second_one_finds_it() {
    let world = World::start().await;
    let mut phone = world.stranger();
    let first = phone.log_in().await;
    assert_snapshot!(first.snapshot(), @r#"200 {"success":true,"token":"…","expiresIn":604800,"userId":"…","isNewUser":true}"#);
    let second = phone.log_in().await;
    assert_snapshot!(second.snapshot(), @r#"200 {"success":true,"token":"…","expiresIn":604800,"userId":"…","isNewUser":false}"#);
    assert_eq!(first.text("/userId"), second.text("/userId"));
}

#[tokio::test]
async fn a_login_of_a_known_user_costs_one_request_and_of_a_new_one_two() {
    let world = World::start().await;
    // Read the secrets first: they are cached for minutes.
    world.user().await;
    let mut phone = world.stranger();
    let code = json!({ "code": phone.code().await });
    let (_, cost) = world.count_requests(world.post("/api/login", &code)).await;
    assert_eq!(cost, Requests { dynamodb: 2, wechat: 1 }, "a new user");
    let code = json!({ "code": phone.code().await });
    let (_, cost) = world.count_requests(world.post("/api/login", &code)).await;
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 1 }, "a known user");
    phone.log_in().await;
}

#[tokio::test]
async fn a_start_reads_the_secrets_or_leaves_it_to_the_first_request() {
    let world = World::start().await;
    let phone = world.stranger();
    let host = world.bundle().host("login").expect("a function");
    for secrets_are_read in [true, false] {
        let fail_reading = || {
            let (caller, operation) = (Some("LoginFunction".to_owned()), Some("GetSecretValue".to_owned()));
            let kind = FaultKind::InternalError;
            world.dynamo().inject_fault(DynamoFault { caller, operation, kind, times: 9 });
        };
        if !secrets_are_read {
            fail_reading();
        }
        let function = LoginFunction::init(&host).await.expect("settings");
        let ((), cost) = world.count_requests(function.warm_up()).await;
        assert_eq!(cost, Requests { dynamodb: 0, wechat: 0 }, "a start opens connections and no more");
        if secrets_are_read {
            fail_reading();
        }
        let body = json!({ "code": phone.code().await }).to_string();
        let login = function.handle(Request::new(Body::Text(body))).await;
        assert!(login.is_ok(), "{login:?}");
        world.dynamo().clear_faults();
    }
}

#[tokio::test]
async fn twenty_first_logins_at_once_make_one_user() {
    let world = World::start().await;
    let phone = world.person(Some("union-of-twenty"));
    let mut codes = Vec::new();
    for _ in 0..20 {
        codes.push(json!({ "code": phone.code().await }));
    }
    let logins =
        futures_util::future::join_all(codes.iter().map(|code| world.post("/api/login", code))).await;
    let users: std::collections::BTreeSet<_> = logins.iter().map(|login| login.text("/userId")).collect();
    assert_eq!(users.len(), 1, "all are the same user");
    let new = logins.iter().filter(|login| login.text("/isNewUser") == "true").count();
    assert_eq!(new, 1, "one of them is the first");
    assert_eq!(world.items("SessionsTable").await.len(), 1);
    // The user and the claim of the unionid.
    assert_eq!(world.items("UsersTable").await.len(), 2);
}

#[tokio::test]
async fn one_code_used_twenty_times_at_once_logs_in_once() {
    let world = World::start().await;
    let code = json!({ "code": world.stranger().code().await });
    let logins = futures_util::future::join_all((0..20).map(|_| world.post("/api/login", &code))).await;
    let mut outcomes: Vec<_> = logins.iter().map(e2e::Response::outcome).collect();
    outcomes.sort();
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "200 OK").count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "400 CODE_INVALID").count(), 19);
}

#[tokio::test]
async fn codes_that_are_used_expired_or_invented_ask_for_a_new_login() {
    let world = World::start().await;
    let phone = world.stranger();
    let used = json!({ "code": phone.code().await });
    world.post("/api/login", &used).await.ok();
    assert_snapshot!(world.post("/api/login", &used).await.snapshot(), @r#"400 {"success":false,"code":"CODE_INVALID","message":"登录凭证已失效，请重试","requestId":"…"}"#);
    let expired = json!({ "code": phone.code().await });
    world.clock.advance(Duration::from_secs(301));
    assert_eq!(world.post("/api/login", &expired).await.outcome(), "400 CODE_INVALID");
    assert_eq!(
        world.post("/api/login", &json!({ "code": "0a1B2c3D4e5F" })).await.outcome(),
        "400 CODE_INVALID"
    );
    let foreign = phone.wx("login", json!({ "appId": "wx00000000000000ff" })).await.text("/code");
    assert_eq!(world.post("/api/login", &json!({ "code": foreign })).await.outcome(), "400 CODE_INVALID");
}

#[tokio::test]
async fn a_malformed_body_is_refused_with_the_field_s_name() {
    let world = World::start().await;
    for (body, field) in [
        ("", "body"),
        ("[]", "body"),
        ("{", "body"),
        ("{}", "code"),
        (r#"{"code":null}"#, "code"),
        (r#"{"code":""}"#, "code"),
        (r#"{"code":7}"#, "code"),
        (r#"{"code":"有 空格"}"#, "code"),
        (r#"{"code":"a","code":"b"}"#, "body"),
        (r#"{"code":"abc","rawData":"{}"}"#, "rawData"),
        (r#"{"code":"abc"} x"#, "body"),
    ] {
        let answer = world.send(world.request("POST", "/api/login").body(body)).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{body}");
        assert!(answer.text("/message").contains(field), "{body} {}", answer.body);
    }
    let large = format!(r#"{{"code":"{}"}}"#, "x".repeat(70_000));
    assert_eq!(
        world.send(world.request("POST", "/api/login").body(large)).await.outcome(),
        "413 PAYLOAD_TOO_LARGE"
    );
    assert!(world.wechat().upstream_calls().is_empty(), "WeChat was not asked");
}

#[tokio::test]
async fn a_login_is_retried_once_after_busy_and_not_after_a_lost_answer() {
    let world = World::start().await;
    let mut phone = world.stranger();
    let asked = || world.wechat().upstream_calls().len();
    let gateway = |status, times| Fault::HttpStatus { path: EXCHANGE.into(), times, status };
    let busy = |times| Fault::Busy { path: EXCHANGE.into(), times };
    for fault in [busy(1), gateway(502, 1), gateway(503, 1), gateway(504, 1)] {
        let before = asked();
        world.wechat().set_fault(fault);
        phone.log_in().await;
        assert_eq!(asked() - before, 2);
    }
    let lost = |millis| Fault::TimeoutBefore { path: EXCHANGE.into(), times: 1, millis };
    for (fault, calls) in [
        (busy(5), 2),
        (gateway(502, 5), 2),
        (gateway(500, 5), 1),
        (gateway(404, 5), 1),
        (lost(0), 1),
        (lost(5500), 1),
        (Fault::Garbage { path: EXCHANGE.into(), times: 1 }, 1),
        (Fault::Body { path: EXCHANGE.into(), times: 1, body: String::new() }, 1),
    ] {
        let before = asked();
        world.wechat().set_fault(fault.clone());
        let code = json!({ "code": phone.code().await });
        let answer = world.post("/api/login", &code).await;
        assert_eq!(answer.outcome(), "503 UPSTREAM_BUSY", "{fault:?}");
        assert_eq!(asked() - before, calls, "{fault:?}");
        world.wechat().clear_faults();
        // The code was not spent.
        world.post("/api/login", &code).await.ok();
    }
    let log = world.log();
    for code in ["-1", "502", "500", "outcome-unknown"] {
        assert!(log.contains(&format!("\"code\":\"{code}\"")) || code == "500", "{code} is counted");
    }
}

#[tokio::test]
async fn a_code_that_was_spent_by_a_lost_login_asks_for_a_new_one() {
    let world = World::start().await;
    let phone = world.stranger();
    world.wechat().set_fault(Fault::TimeoutAfter { path: EXCHANGE.into(), times: 1, millis: 0 });
    let code = json!({ "code": phone.code().await });
    assert_eq!(world.post("/api/login", &code).await.outcome(), "503 UPSTREAM_BUSY");
    assert_eq!(world.post("/api/login", &code).await.outcome(), "400 CODE_INVALID");

    // A gateway that gave up on a login which took effect.
    for errcode in [40163, 40029] {
        world.wechat().set_fault(Fault::HttpStatus { path: EXCHANGE.into(), times: 1, status: 504 });
        world.wechat().set_fault(Fault::Errcode { path: EXCHANGE.into(), errcode, times: 1 });
        let code = json!({ "code": phone.code().await });
        assert_eq!(world.post("/api/login", &code).await.outcome(), "400 CODE_INVALID", "{errcode}");
    }
}

#[tokio::test]
async fn an_answer_in_wechat_s_looser_json_is_understood() {
    let world = World::start().await;
    let phone = world.stranger();
    for (body, outcome) in [
        ("{\"errcode\":40226,\"errmsg\":\"high risk user\n rid: 1\"}", "403 LOGIN_BLOCKED"),
        ("\u{feff}{\"errcode\":40029,\"errmsg\":\"invalid code\"}", "400 CODE_INVALID"),
        ("{\"errcode\":45011,\"errmsg\":\"x\\ud83d\"}\0\0", "429 RATE_LIMITED"),
        ("{\"errcode\":40226,}", "503 UPSTREAM_BUSY"),
        (
            "{\"openid\":\"oLoose\",\"session_key\":\"AAECAwQFBgcICQoLDA0ODw==\",\"unionid\":\"\u{1}\",\"x\":\"\t\"}\n\0",
            "200 OK",
        ),
    ] {
        let path = EXCHANGE.into();
        world.wechat().set_fault(Fault::Body { path, body: body.to_owned(), times: 1 });
        let answer = world.post("/api/login", &json!({ "code": phone.code().await })).await;
        assert_eq!(answer.outcome(), outcome, "{body}");
    }
}

#[tokio::test]
async fn line_separators_of_javascript_are_escaped_in_the_name_of_a_field() {
    let world = World::start().await;
    let body = json!({ "code": "x", "a\u{2028}b\u{2029}": 1 });
    let answer = world.post("/api/login", &body).await;
    assert_eq!(answer.outcome(), "400 INVALID_INPUT");
    assert!(answer.body.contains("a\\u2028b\\u2029"), "{}", answer.body);
    assert!(!answer.body.contains(['\u{2028}', '\u{2029}']));
}

#[tokio::test]
async fn blocked_users_quotas_and_wrong_settings_have_answers_of_their_own() {
    let world = World::start().await;
    let phone = world.stranger();
    for (errcode, outcome) in [
        (40226, "403 LOGIN_BLOCKED"),
        (45011, "429 RATE_LIMITED"),
        (45009, "429 RATE_LIMITED"),
        (40125, "500 INTERNAL_ERROR"),
        (40013, "500 INTERNAL_ERROR"),
        (99999, "500 INTERNAL_ERROR"),
    ] {
        world.wechat().set_fault(Fault::Errcode { path: EXCHANGE.into(), errcode, times: 1 });
        let answer = world.post("/api/login", &json!({ "code": phone.code().await })).await;
        assert_eq!(answer.outcome(), outcome, "{errcode}");
        assert_eq!(answer.headers.contains_key("retry-after"), outcome.starts_with("429"));
    }
    assert!(world.log().contains("errcode 40125 (rid "), "the operator finds WeChat's id of the request");
}

#[tokio::test]
async fn a_login_that_was_overtaken_does_not_overwrite_the_newer_session() {
    let world = World::start().await;
    let mut phone = world.stranger();
    phone.log_in().await;
    let newer = world.items("SessionsTable").await[0].clone();
    // The same user on an instance whose clock is behind.
    let table = world.table("SessionsTable");
    let future = json!({ ":at": { "N": (world.now() * 1000 + 60_000).to_string() } });
    let update = json!({ "TableName": table, "Key": { "openid": newer["openid"] },
        "UpdateExpression": "SET login_at = :at", "ExpressionAttributeValues": future });
    world.dynamo().call_as_operator("UpdateItem", update).await.expect("an update");
    let answer = phone.log_in().await;
    assert_eq!(answer.text("/isNewUser"), "false");
    assert_eq!(world.items("SessionsTable").await[0]["session_key"], newer["session_key"]);
}

#[tokio::test]
async fn the_previous_session_key_is_kept_beside_the_new_one() {
    let world = World::start().await;
    let mut phone = world.stranger();
    phone.log_in().await;
    let first = world.items("SessionsTable").await[0]["session_key"].clone();
    world.clock.advance(Duration::from_secs(1));
    phone.log_in().await;
    let session = world.items("SessionsTable").await[0].clone();
    assert_eq!(session["previous_session_key"], first);
    assert_ne!(session["session_key"], first);
}

#[tokio::test]
async fn a_unionid_that_appears_later_is_kept_after_it_vanishes() {
    let world = World::start().await;
    let mut phone = world.stranger();
    phone.log_in().await;
    let again = |unionid: Option<&str>| local_wechat::NewUser {
        openid: Some(phone.openid.clone()),
        unionid: unionid.map(str::to_owned),
        ..Default::default()
    };
    let with = again(Some("union-of-one"));
    let without = again(None);
    world.wechat().create_user(with);
    phone.log_in().await;
    let claimed =
        |items: &[serde_json::Value]| items.iter().any(|item| item["id"]["S"] == "unionid#union-of-one");
    assert!(claimed(&world.items("UsersTable").await));
    world.wechat().create_user(without);
    phone.log_in().await;
    assert_eq!(world.items("SessionsTable").await[0]["unionid"]["S"], "union-of-one");
}

#[tokio::test]
async fn a_second_openid_with_a_known_unionid_joins_its_user_with_a_record() {
    let world = World::start().await;
    let mut one = world.person(Some("union-of-two"));
    let mut two = world.person(Some("union-of-two"));
    let first = one.log_in().await;
    let second = two.log_in().await;
    assert_eq!(first.text("/userId"), second.text("/userId"));
    assert_eq!(second.text("/isNewUser"), "false");
    let users = world.items("UsersTable").await;
    assert!(users.iter().any(|item| item["state"]["S"] == "JOINED"));
    let openids = users.iter().find_map(|item| item["openids"]["SS"].as_array()).expect("the user");
    assert_eq!(openids.len(), 2);
}

#[tokio::test]
async fn two_users_with_one_unionid_stay_two_until_an_operator_decides() {
    let world = World::start().await;
    let mut one = world.person(Some("union-of-late"));
    let mut two = world.stranger();
    let first = one.log_in().await.text("/userId");
    let second = two.log_in().await.text("/userId");
    world.wechat().create_user(local_wechat::NewUser {
        openid: Some(two.openid.clone()),
        unionid: Some("union-of-late".to_owned()),
        ..Default::default()
    });
    assert_eq!(two.log_in().await.text("/userId"), second);
    assert_ne!(first, second);
    let users = world.items("UsersTable").await;
    let merge = users.iter().find(|item| item["state"]["S"] == "PENDING").expect("a record of the collision");
    assert_eq!(merge["same_person_as"]["S"].as_str(), Some(first.as_str()));
    assert!(world.log().contains("two-users-with-one-unionid"));
    // It is noted once: the next login is an ordinary one.
    let (_, cost) = world.count_requests(two.log_in()).await;
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 1 });
}

#[tokio::test]
async fn a_busy_database_is_answered_503_and_a_lost_write_is_repeated() {
    use local_dynamo::{DynamoFault, FaultKind};
    let world = World::start().await;
    let mut phone = world.stranger();
    phone.log_in().await;
    world.dynamo().inject_fault(DynamoFault {
        caller: Some("LoginFunction".to_owned()),
        operation: Some("UpdateItem".to_owned()),
        kind: FaultKind::Throttle,
        times: 10,
    });
    let code = json!({ "code": phone.code().await });
    assert_eq!(world.post("/api/login", &code).await.outcome(), "503 UPSTREAM_BUSY");
    world.dynamo().clear_faults();
    world.dynamo().inject_fault(DynamoFault {
        caller: Some("LoginFunction".to_owned()),
        operation: Some("UpdateItem".to_owned()),
        kind: FaultKind::TimeoutAfter,
        times: 1,
    });
    phone.log_in().await;
}

#[tokio::test]
async fn a_user_whose_session_was_deleted_logs_in_again() {
    let world = World::start().await;
    let mut phone = world.stranger();
    let first = phone.log_in().await.text("/userId");
    let key = json!({ "openid": { "S": phone.openid } });
    let delete = json!({ "TableName": world.table("SessionsTable"), "Key": key });
    world.dynamo().call_as_operator("DeleteItem", delete).await.expect("a deletion");
    let again = phone.log_in().await;
    assert_eq!(again.text("/userId"), first);
    assert_eq!(again.text("/isNewUser"), "false");
    assert_eq!(world.items("UsersTable").await.len(), 1);
}

#[tokio::test]
async fn a_login_waits_for_a_transaction_that_holds_the_session() {
    use local_dynamo::{DynamoFault, FaultKind};
    let world = World::start().await;
    let mut phone = world.stranger();
    for known in [false, true] {
        for operation in ["UpdateItem", "TransactWriteItems"] {
            let caller = Some("LoginFunction".to_owned());
            let operation = Some(operation.to_owned());
            world.dynamo().inject_fault(DynamoFault {
                caller,
                operation,
                kind: FaultKind::TransactionConflict,
                times: 2,
            });
            phone.log_in().await;
            world.dynamo().clear_faults();
            if !known {
                phone = world.stranger();
            }
        }
    }
}

#[tokio::test]
async fn a_secret_that_was_never_filled_is_answered_not_configured() {
    let world = World::start().await;
    world.dynamo().set_secret("MiniProgramSecret", "{}").expect("a secret");
    let code = json!({ "code": world.stranger().code().await });
    assert_eq!(world.post("/api/login", &code).await.outcome(), "501 NOT_CONFIGURED");
    assert!(world.wechat().upstream_calls().is_empty(), "the code is still good");
}
