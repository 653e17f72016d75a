//! Access tokens and tickets, as a back end that holds them sees them.

use serde_json::{Value, json};

use super::world::{World, read_json};
use crate::base::tokens::Owner::{self, MiniProgram, OfficialAccount};
use crate::core::clock::{HOUR, MINUTE};

/// What an API says to the token: the answer of one that any mini program may call.
async fn used(world: &World, token: &str) -> Value {
    let openid = &world.openid;
    let path = format!("/wxa/checksession?access_token={token}&openid={openid}&sig_method=hmac_sha256");
    world.get_json(&path).await["errcode"].clone()
}

/// What `used` answers to a good token: the user has no session.
const GOOD: i64 = 87009;

async fn stable(world: &World, force: bool) -> (String, i64) {
    let answer = world.post_json("/cgi-bin/stable_token", world.stable_body(MiniProgram, force)).await;
    (answer["access_token"].as_str().unwrap().to_owned(), answer["expires_in"].as_i64().unwrap())
}

async fn plain(world: &World, owner: Owner) -> String {
    let answer = world.get_json(&world.token_path(owner)).await;
    assert_eq!((&answer["expires_in"], answer.get("errcode")), (&json!(7200), None));
    answer["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_stable_token_is_shared_and_the_old_one_works_beside_the_new_one() {
    let world = World::new().await;
    let (first, expires_in) = stable(&world, false).await;
    assert!(first.len() >= 100);
    assert_eq!(expires_in, 7200);
    world.advance(HOUR);
    assert_eq!(stable(&world, false).await, (first.clone(), 3600));
    world.advance(55 * MINUTE);
    let (second, expires_in) = stable(&world, false).await;
    assert_ne!(second, first);
    assert_eq!(expires_in, 7200);
    assert_eq!((used(&world, &first).await, used(&world, &second).await), (json!(GOOD), json!(GOOD)));
    world.advance(5 * MINUTE);
    assert_eq!((used(&world, &first).await, used(&world, &second).await), (json!(42001), json!(GOOD)));
}

#[tokio::test]
async fn force_ends_the_old_token_and_not_that_of_the_other_api() {
    let world = World::new().await;
    let (first, _) = stable(&world, false).await;
    let other = plain(&world, MiniProgram).await;
    let (second, _) = stable(&world, true).await;
    assert_eq!(used(&world, &first).await, 40001);
    assert_eq!(used(&world, &second).await, GOOD);
    assert_eq!(used(&world, &other).await, GOOD);
    assert_eq!(stable(&world, true).await.0, second, "thirty seconds have not passed");
}

#[tokio::test]
async fn two_plain_tokens_fight() {
    let world = World::new().await;
    let first = plain(&world, MiniProgram).await;
    let second = plain(&world, MiniProgram).await;
    assert_eq!(used(&world, &first).await, GOOD);
    world.advance(5 * MINUTE);
    assert_eq!((used(&world, &first).await, used(&world, &second).await), (json!(40001), json!(GOOD)));
}

#[tokio::test]
async fn each_wrong_credential_has_its_errcode() {
    let world = World::new().await;
    let good = world.stable_body(MiniProgram, false);
    for (name, value, errcode) in [
        ("grant_type", json!("authorization_code"), 40002),
        ("grant_type", Value::Null, 40002),
        ("appid", json!(""), 41002),
        ("appid", json!("wx0000000000000000"), 40013),
        ("secret", Value::Null, 41004),
        ("secret", json!(world.wechat.account().official_app_secret), 40125),
        ("force_refresh", json!("true"), 47001),
    ] {
        let mut body = good.clone();
        body[name] = value;
        assert_eq!(world.post_json("/cgi-bin/stable_token", body).await["errcode"], errcode, "{name}");
    }
    for (body, errcode) in [("", 44002), ("grant_type=client_credential", 47001), ("[]", 47001)] {
        let answer = read_json(world.post("/cgi-bin/stable_token", body).await.unwrap()).await;
        assert_eq!(answer["errcode"], errcode, "{body}");
    }
    let path = world.token_path(MiniProgram);
    for (from, to, errcode) in [
        ("client_credential", "x", 40002),
        ("appid=wx", "appid=wy", 40013),
        ("appid=", "x=", 41002),
        ("secret=c", "secret=d", 40125),
        ("secret=", "x=", 41004),
    ] {
        assert_eq!(world.get_json(&path.replace(from, to)).await["errcode"], errcode, "{from}");
    }
    assert_eq!(world.post_json(&path, json!({})).await["errcode"], 43001);
    assert_eq!(world.get_json("/cgi-bin/stable_token").await["errcode"], 43002);
}

#[tokio::test]
async fn each_wrong_token_has_its_errcode() {
    let world = World::new().await;
    let (token, _) = stable(&world, false).await;
    assert_eq!(used(&world, "").await, 41001);
    assert_eq!(used(&world, "short").await, 40014);
    assert_eq!(used(&world, &format!("{token}A")).await, 40001);
    assert_eq!(used(&world, &world.token_of(OfficialAccount).await).await, 48001);
    let path = format!("/wxa/checksession?access_token={token}");
    assert_eq!(world.post_json(&path, json!({})).await["errcode"], 43001);
}

#[tokio::test]
async fn a_ticket_is_the_official_accounts_and_the_same_for_all() {
    let world = World::new().await;
    let ticket = async |owner: Owner, kind: &str| {
        let token = world.token_of(owner).await;
        world.get_json(&format!("/cgi-bin/ticket/getticket?access_token={token}&type={kind}")).await
    };
    assert_eq!(ticket(MiniProgram, "wx_card").await["errcode"], 48001);
    assert_eq!(ticket(OfficialAccount, "card").await["errcode"], 40097);
    let first = ticket(OfficialAccount, "wx_card").await;
    assert_eq!((&first["errcode"], &first["errmsg"]), (&json!(0), &json!("ok")));
    assert_eq!(first["expires_in"], 7200);
    world.advance(MINUTE);
    let again = ticket(OfficialAccount, "wx_card").await;
    assert_eq!((&again["ticket"], &again["expires_in"]), (&first["ticket"], &json!(7140)));
    assert_ne!(ticket(OfficialAccount, "jsapi").await["ticket"], first["ticket"]);
    assert!(world.wechat.canaries().contains(&first["ticket"].as_str().unwrap().to_owned()));
}

#[tokio::test]
async fn revoked_tokens_are_refused_and_replaced() {
    let world = World::new().await;
    let (first, _) = stable(&world, false).await;
    world.wechat.revoke_tokens();
    assert_eq!(used(&world, &first).await, 40001);
    let (second, _) = stable(&world, false).await;
    world.fault(json!({"fault": "token_revoked", "path": "/wxa/checksession"})).await;
    assert_eq!(stable(&world, false).await.0, second);
    assert_eq!(used(&world, &second).await, 40001);
    let (third, _) = stable(&world, false).await;
    assert_eq!(used(&world, &third).await, GOOD);
    world.fault(json!({"fault": "token_revoked", "stuck": true})).await;
    assert_eq!(used(&world, &third).await, 40001);
    assert_eq!(stable(&world, false).await.0, third, "only force replaces it");
    assert_eq!(used(&world, &stable(&world, true).await.0).await, GOOD);
}

#[tokio::test]
async fn a_refused_address_is_named_and_a_used_up_quota_is_told() {
    let world = World::new().await;
    let faults = json!([
        {"fault": "ip_refused", "path": "/cgi-bin/stable_token", "address": "198.51.100.7"},
        {"fault": "ip_refused", "path": "/cgi-bin/stable_token", "address": "2001:db8::7"},
        {"fault": "quota", "path": "/cgi-bin/stable_token"},
    ]);
    world.fault(faults).await;
    for (errcode, start) in [
        (40164, "invalid ip 198.51.100.7 ipv6 ::ffff:198.51.100.7, not in whitelist"),
        (40164, "invalid ip 2001:db8::7 ipv6 2001:db8::7, not in whitelist"),
        (45009, "reach max api daily quota limit"),
    ] {
        let answer = world.post_json("/cgi-bin/stable_token", world.stable_body(MiniProgram, false)).await;
        assert_eq!(answer["errcode"], errcode);
        assert!(answer["errmsg"].as_str().unwrap().starts_with(start), "{answer}");
    }
}

#[tokio::test]
async fn token_calls_are_counted_by_appid_and_no_token_or_secret_is_in_the_log() {
    let world = World::new().await;
    stable(&world, false).await;
    let token = plain(&world, MiniProgram).await;
    let official = world.token_of(OfficialAccount).await;
    world.get(&format!("/cgi-bin/ticket/getticket?access_token={official}&type=jsapi")).await.unwrap();
    // A back end that sends a token where it does not belong.
    world.get(&format!("/wxa/nothing/{token}?x={official}")).await.unwrap();
    let account = world.wechat.account();
    let counts = world.wechat.token_calls();
    assert_eq!((counts[&account.app_id], counts[&account.official_app_id]), (2, 1));
    let shown = world.get_json("/_wechat/log").await.to_string();
    let canaries = world.wechat.canaries();
    assert_eq!(canaries.len(), account.secrets().count() + 4, "the account's, three tokens, one ticket");
    assert!(canaries.iter().all(|canary| !shown.contains(canary)), "{shown}");
}
