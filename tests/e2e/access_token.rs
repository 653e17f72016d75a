//! `access-token`, the broker: every minute, and whenever a function finds no usable token

use std::time::Duration;

use e2e::{Requests, World};
use futures_util::future::join_all;
use local_wechat::Fault;
use serde_json::{Value, json};
use shared::{
    host::{AwsCall, AwsService, Host, SystemRandomness},
    service::{AccessTokenError, AccessTokens},
    store::{LeaseOutcome, Token, TokenName, Tokens},
    types::{Secret, UnixSeconds},
};

const STABLE_TOKEN: &str = "/cgi-bin/stable_token";
const NAME: TokenName = TokenName::MiniProgram;

/// A function's view of the tokens, as a cold instance has it.
fn cold_reader(world: &World) -> AccessTokens {
    AccessTokens::new(&world.bundle().host("phone").expect("a function")).expect("its settings")
}

/// The broker's view of the table.
fn tokens(world: &World) -> Tokens {
    Tokens::new(&world.bundle().host("access-token").expect("the broker")).expect("its settings")
}

/// How often WeChat was asked for a token.
fn token_requests(world: &World) -> usize {
    world.wechat().token_calls().values().sum()
}

fn now(world: &World) -> UnixSeconds {
    UnixSeconds::new(world.now())
}

async fn get(world: &World) -> Result<Token, AccessTokenError> {
    cold_reader(world).get(NAME).await
}

#[tokio::test]
async fn two_hundred_cold_readers_at_once_make_one_upstream_call() {
    let world = World::start().await;
    // They share connections, so that what is tried is the broker and not this machine.
    let host = world.bundle().host("phone").expect("a function");
    let readers: Vec<_> = (0..200).map(|_| AccessTokens::new(&host).expect("its settings")).collect();
    let tokens = join_all(readers.iter().map(|reader| reader.get(NAME))).await;
    let values: Vec<Token> = tokens.into_iter().map(|token| token.expect("a token")).collect();
    assert!(values.iter().all(|token| token.value == values[0].value && token.version == 1));
    assert_eq!(token_requests(&world), 1);
}

#[tokio::test]
async fn a_warm_reader_reads_the_table_every_five_minutes_and_never_wechat() {
    let world = World::start().await;
    let reader = cold_reader(&world);
    reader.get(NAME).await.expect("a token");
    let (_, cost) = world.count_requests(reader.get(NAME)).await;
    assert_eq!(cost, Requests { dynamodb: 0, wechat: 0 });
    world.clock.advance(Duration::from_secs(301));
    let (_, cost) = world.count_requests(reader.get(NAME)).await;
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 });
}

#[tokio::test]
async fn the_schedule_renews_a_token_once_shortly_before_its_end() {
    let world = World::start().await;
    let first = get(&world).await.expect("a token");
    let mut versions = Vec::new();
    for _ in 0..130 {
        world.clock.advance(Duration::from_secs(60));
        world.bundle().run_task("access-token").await.expect("a report");
        let token = get(&world).await.expect("a token");
        assert!(token.is_valid_for(now(&world), Duration::from_secs(150)), "it never comes near its end");
        versions.push(token.version);
    }
    assert_eq!(versions.first(), Some(&first.version));
    assert_eq!(versions.last(), Some(&(first.version + 1)));
    assert!(token_requests(&world) <= 3, "{}", token_requests(&world));
}

#[tokio::test]
async fn a_token_revoked_under_load_is_replaced_once_and_no_request_fails() {
    let world = World::start().await;
    let mut phones = Vec::new();
    for _ in 0..30 {
        phones.push(world.user().await);
    }
    crate::phone::by_code(&phones[0]).await.ok();
    let before = token_requests(&world);
    world.wechat().revoke_tokens();
    let answers = join_all(phones.iter().map(crate::phone::by_code)).await;
    assert!(
        answers.iter().all(|answer| answer.status == 200),
        "{:?}",
        answers.iter().map(e2e::Response::outcome).collect::<Vec<_>>()
    );
    assert_eq!(get(&world).await.expect("a token").version, 2);
    assert_eq!(token_requests(&world) - before, 1);
}

#[tokio::test]
async fn a_revoked_token_that_wechat_repeats_is_force_refreshed_once_a_minute() {
    let world = World::start().await;
    let phone = world.user().await;
    crate::phone::by_code(&phone).await.ok();
    let revoked = || Fault::TokenRevoked { path: None, stuck: true, times: 1 };
    world.wechat().set_fault(revoked());
    crate::phone::by_code(&phone).await.ok();
    assert!(world.log().contains("token-renewed-by-force"));
    let forces = |world: &World| {
        let calls = world.wechat().upstream_calls();
        calls.iter().filter(|call| call.path == STABLE_TOKEN && call.request["force_refresh"] == true).count()
    };
    assert_eq!(forces(&world), 1);
    world.wechat().set_fault(revoked());
    assert_eq!(crate::phone::by_code(&phone).await.outcome(), "503 UPSTREAM_BUSY");
    assert_eq!(forces(&world), 1, "not again within a minute");
    world.clock.advance(Duration::from_secs(61));
    crate::phone::by_code(&phone).await.ok();
    assert_eq!(forces(&world), 2);
}

#[tokio::test]
async fn a_broker_killed_between_lease_and_write_is_replaced_after_its_lease() {
    let world = World::start().await;
    let dead = tokens(&world).acquire_lease(NAME, 0, "a-dead-broker", now(&world)).await.expect("a lease");
    assert!(matches!(dead, LeaseOutcome::Acquired(_)));
    let waiting = get(&world);
    let time_passes = async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert_eq!(token_requests(&world), 0, "the lease is respected");
        world.clock.advance(Tokens::LEASE);
    };
    let (token, ()) = futures_util::join!(waiting, time_passes);
    assert_eq!(token.expect("a token").version, 1);
    assert_eq!(token_requests(&world), 1);
}

#[tokio::test]
async fn a_slow_old_answer_that_arrives_late_changes_nothing() {
    let world = World::start().await;
    let tokens = tokens(&world);
    let LeaseOutcome::Acquired(slow) =
        tokens.acquire_lease(NAME, 0, "slow", now(&world)).await.expect("a lease")
    else {
        panic!()
    };
    world.clock.advance(Tokens::LEASE);
    let token = get(&world).await.expect("a token");
    let late = Secret::new("an-old-answer-that-comes-late".to_owned());
    let ends = UnixSeconds::new(world.now() + 7200);
    assert!(!tokens.store_value(&slow, &late, ends).await.expect("an answer"));
    assert!(!tokens.record_force(&slow, now(&world)).await.expect("an answer"));
    assert!(!tokens.release_lease(&slow).await.expect("an answer"));
    assert_eq!(get(&world).await.expect("a token").value, token.value);
    let LeaseOutcome::HeldElsewhere =
        tokens.acquire_lease(NAME, 0, "slow", now(&world)).await.expect("an answer")
    else {
        panic!("a lease for a version that is gone")
    };
}

#[tokio::test]
async fn a_valid_token_is_served_while_the_broker_can_t_reach_wechat() {
    let world = World::start().await;
    let phone = world.user().await;
    crate::phone::by_code(&phone).await.ok();
    world.wechat().set_fault(Fault::HttpStatus { path: STABLE_TOKEN.into(), status: 502, times: 1000 });
    world.clock.advance(Duration::from_secs(7200 - 200));
    let report = world.bundle().run_task("access-token").await.expect("a report");
    assert_eq!(report["versions"], json!([["mini_program", 1]]), "{report}");
    crate::phone::by_code(&phone).await.ok();
    world.clock.advance(Duration::from_secs(200));
    let report = world.bundle().run_task("access-token").await.expect("a report");
    assert_eq!(report["failed"], json!(["mini_program"]));
    assert_eq!(crate::phone::by_code(&phone).await.outcome(), "503 UPSTREAM_BUSY");
    world.wechat().clear_faults();
    crate::phone::by_code(&phone).await.ok();
}

#[tokio::test]
async fn an_address_that_is_not_on_wechat_s_list_is_named_in_the_log() {
    let world = World::start().await;
    let address = "203.0.113.77".to_owned();
    world.wechat().set_fault(Fault::IpRefused { path: STABLE_TOKEN.into(), address, times: 1 });
    assert!(get(&world).await.is_err());
    assert!(world.log().contains("address-not-on-ip-list") && world.log().contains("203.0.113.77"));
    assert_eq!(token_requests(&world), 1, "asking again can't help");
}

#[tokio::test]
async fn tickets_are_the_official_account_s_and_are_kept_like_tokens() {
    let world = World::start().await;
    for name in [TokenName::JsapiTicket, TokenName::CardTicket] {
        let tickets =
            join_all((0..20).map(async |_| cold_reader(&world).get(name).await.expect("a ticket"))).await;
        assert!(tickets.iter().all(|ticket| ticket.value == tickets[0].value));
    }
    let calls = world.wechat().upstream_calls();
    let of = |path: &str| calls.iter().filter(|call| call.path == path).count();
    assert_eq!(of(STABLE_TOKEN), 1);
    assert_eq!(of("/cgi-bin/ticket/getticket"), 2);
}

#[tokio::test]
async fn a_ticket_is_fetched_although_the_account_s_token_was_revoked() {
    let world = World::start().await;
    let reader = cold_reader(&world);
    reader.get(TokenName::JsapiTicket).await.expect("a ticket");
    world.wechat().revoke_tokens();
    reader.get(TokenName::CardTicket).await.expect("a ticket");
}

#[tokio::test]
async fn only_the_broker_and_login_can_read_the_app_secret() {
    let world = World::start().await;
    let stack = world.bundle().stack();
    let secret =
        stack.secrets.iter().find(|secret| secret.logical_id == "MiniProgramSecret").expect("the secret");
    let readers: Vec<_> = stack
        .functions
        .iter()
        .filter(|function| {
            function.statements.iter().any(|statement| statement.resources.contains(&secret.arn))
        })
        .map(|function| function.folder.as_str())
        .collect();
    assert_eq!(readers, ["access-token", "login"]);
}

#[tokio::test]
async fn a_function_without_the_permission_can_t_start_the_broker() {
    let world = World::start().await;
    let cases = world
        .bundle()
        .stack()
        .functions
        .iter()
        .find(|function| function.folder == "cases")
        .expect("a function");
    let mut environment = cases.environment.clone();
    environment.extend(
        [
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", cases.logical_id.clone()),
            ("AWS_SECRET_ACCESS_KEY", world.dynamo().secret_access_key(&cases.logical_id)),
            ("AWS_ENDPOINT_URL_LAMBDA", world.bundle().lambda_url()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    let clock = std::sync::Arc::new(world.clock.clone());
    let randomness = std::sync::Arc::new(SystemRandomness);
    let host = Host::new(environment, clock, randomness, Vec::new());
    let broker = world.bundle().stack().functions.iter().find(|function| function.folder == "access-token");
    let path = format!("/2015-03-31/functions/{}/invocations", broker.expect("the broker").name);
    let lambda = host.aws(AwsService::Lambda).expect("a client");
    let refused = lambda.call(&AwsCall::post(&path, &json!({}), Duration::from_secs(5))).await;
    assert!(refused.expect_err("a refusal").is("AccessDeniedException"));
    assert!(
        world
            .dynamo()
            .denied_permissions()
            .iter()
            .any(|denied| format!("{denied:?}").contains("lambda:InvokeFunction"))
    );
}

#[tokio::test]
async fn an_official_account_that_is_not_configured_has_no_tokens() {
    let world = World::start().with_config("[upstream]\nwechat_api_base = \"http://127.0.0.1:9\"\n").await;
    let report: Value = world.bundle().run_task("access-token").await.expect("a report");
    assert_eq!(
        report["failed"],
        json!(["mini_program"]),
        "WeChat is not there, and the official account is not asked for"
    );
}
