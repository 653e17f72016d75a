//! Tests of access tokens and tickets through the APIs that use them.

use serde_json::{Value, json};

use super::fixture::{Fixture, read_json};
use crate::base::tokens::access_tokens::TokenOwner::{self, MiniProgram, OfficialAccount};
use crate::core::clock::{HOUR, MINUTE};

/// Calls an API that accepts every token of a mini program; returns the body.
async fn used(fixture: &Fixture, token: &str) -> Value {
    let openid = &fixture.openid;
    let path = format!("/wxa/checksession?access_token={token}&openid={openid}&sig_method=hmac_sha256");
    fixture.get_json(&path).await["errcode"].clone()
}

/// The errcode that `used` returns for a valid token, because the user has no session.
const GOOD: i64 = 87009;

async fn stable(fixture: &Fixture, force: bool) -> (String, i64) {
    let answer = fixture.post_json("/cgi-bin/stable_token", fixture.stable_body(MiniProgram, force)).await;
    (answer["access_token"].as_str().unwrap().to_owned(), answer["expires_in"].as_i64().unwrap())
}

async fn plain(fixture: &Fixture, owner: TokenOwner) -> String {
    let answer = fixture.get_json(&fixture.token_path(owner)).await;
    assert_eq!((&answer["expires_in"], answer.get("errcode")), (&json!(7200), None));
    answer["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_stable_token_is_shared_and_the_old_one_works_beside_the_new_one() {
    let fixture = Fixture::new().await;
    let (first, expires_in) = stable(&fixture, false).await;
    assert!(first.len() >= 100);
    assert_eq!(expires_in, 7200);
    fixture.advance(HOUR);
    assert_eq!(stable(&fixture, false).await, (first.clone(), 3600));
    fixture.advance(55 * MINUTE);
    let (second, expires_in) = stable(&fixture, false).await;
    assert_ne!(second, first);
    assert_eq!(expires_in, 7200);
    assert_eq!((used(&fixture, &first).await, used(&fixture, &second).await), (json!(GOOD), json!(GOOD)));
    fixture.advance(5 * MINUTE);
    assert_eq!((used(&fixture, &first).await, used(&fixture, &second).await), (json!(42001), json!(GOOD)));
}

#[tokio::test]
async fn force_ends_the_old_token_and_not_that_of_the_other_api() {
    let fixture = Fixture::new().await;
    let (first, _) = stable(&fixture, false).await;
    let other = plain(&fixture, MiniProgram).await;
    let (second, _) = stable(&fixture, true).await;
    assert_eq!(used(&fixture, &first).await, 40001);
    assert_eq!(used(&fixture, &second).await, GOOD);
    assert_eq!(used(&fixture, &other).await, GOOD);
    assert_eq!(stable(&fixture, true).await.0, second, "thirty seconds have not passed");
}

#[tokio::test]
async fn a_new_plain_token_ends_the_one_before_after_five_minutes() {
    let fixture = Fixture::new().await;
    let first = plain(&fixture, MiniProgram).await;
    let second = plain(&fixture, MiniProgram).await;
    assert_eq!(used(&fixture, &first).await, GOOD);
    fixture.advance(5 * MINUTE);
    assert_eq!((used(&fixture, &first).await, used(&fixture, &second).await), (json!(40001), json!(GOOD)));
}

#[tokio::test]
async fn each_wrong_credential_has_its_errcode() {
    let fixture = Fixture::new().await;
    let good = fixture.stable_body(MiniProgram, false);
    for (name, value, errcode) in [
        ("grant_type", json!("authorization_code"), 40002),
        ("grant_type", Value::Null, 40002),
        ("appid", json!(""), 41002),
        ("appid", json!("wx0000000000000000"), 40013),
        ("secret", Value::Null, 41004),
        ("secret", json!(fixture.wechat.account().official_app_secret), 40125),
        ("force_refresh", json!("true"), 47001),
    ] {
        let mut body = good.clone();
        body[name] = value;
        assert_eq!(fixture.post_json("/cgi-bin/stable_token", body).await["errcode"], errcode, "{name}");
    }
    for (body, errcode) in [("", 44002), ("grant_type=client_credential", 47001), ("[]", 47001)] {
        let answer = read_json(fixture.post("/cgi-bin/stable_token", body).await.unwrap()).await;
        assert_eq!(answer["errcode"], errcode, "{body}");
    }
    let path = fixture.token_path(MiniProgram);
    for (from, to, errcode) in [
        ("client_credential", "x", 40002),
        ("appid=wx", "appid=wy", 40013),
        ("appid=", "x=", 41002),
        ("secret=c", "secret=d", 40125),
        ("secret=", "x=", 41004),
    ] {
        assert_eq!(fixture.get_json(&path.replace(from, to)).await["errcode"], errcode, "{from}");
    }
    assert_eq!(fixture.post_json(&path, json!({})).await["errcode"], 43001);
    assert_eq!(fixture.get_json("/cgi-bin/stable_token").await["errcode"], 43002);
}

#[tokio::test]
async fn each_wrong_token_has_its_errcode() {
    let fixture = Fixture::new().await;
    let (token, _) = stable(&fixture, false).await;
    assert_eq!(used(&fixture, "").await, 41001);
    assert_eq!(used(&fixture, "short").await, 40014);
    assert_eq!(used(&fixture, &format!("{token}A")).await, 40001);
    assert_eq!(used(&fixture, &fixture.token_of(OfficialAccount).await).await, 48001);
    let path = format!("/wxa/checksession?access_token={token}");
    assert_eq!(fixture.post_json(&path, json!({})).await["errcode"], 43001);
}

#[tokio::test]
async fn a_ticket_is_the_official_accounts_and_the_same_for_all() {
    let fixture = Fixture::new().await;
    let ticket = async |owner: TokenOwner, kind: &str| {
        let token = fixture.token_of(owner).await;
        fixture.get_json(&format!("/cgi-bin/ticket/getticket?access_token={token}&type={kind}")).await
    };
    assert_eq!(ticket(MiniProgram, "wx_card").await["errcode"], 48001);
    assert_eq!(ticket(OfficialAccount, "card").await["errcode"], 40097);
    let first = ticket(OfficialAccount, "wx_card").await;
    assert_eq!((&first["errcode"], &first["errmsg"]), (&json!(0), &json!("ok")));
    assert_eq!(first["expires_in"], 7200);
    fixture.advance(MINUTE);
    let again = ticket(OfficialAccount, "wx_card").await;
    assert_eq!((&again["ticket"], &again["expires_in"]), (&first["ticket"], &json!(7140)));
    assert_ne!(ticket(OfficialAccount, "jsapi").await["ticket"], first["ticket"]);
    assert!(fixture.wechat.secrets().contains(&first["ticket"].as_str().unwrap().to_owned()));
}

#[tokio::test]
async fn revoked_tokens_are_refused_and_replaced() {
    let fixture = Fixture::new().await;
    let (first, _) = stable(&fixture, false).await;
    fixture.wechat.revoke_tokens();
    assert_eq!(used(&fixture, &first).await, 40001);
    let (second, _) = stable(&fixture, false).await;
    fixture.add_faults(json!({"fault": "token_revoked", "path": "/wxa/checksession"})).await;
    assert_eq!(stable(&fixture, false).await.0, second);
    assert_eq!(used(&fixture, &second).await, 40001);
    let (third, _) = stable(&fixture, false).await;
    assert_eq!(used(&fixture, &third).await, GOOD);
    fixture.add_faults(json!({"fault": "token_revoked", "stuck": true})).await;
    assert_eq!(used(&fixture, &third).await, 40001);
    assert_eq!(stable(&fixture, false).await.0, third, "only force replaces it");
    assert_eq!(used(&fixture, &stable(&fixture, true).await.0).await, GOOD);
}

#[tokio::test]
async fn a_refused_ip_and_a_used_up_quota_have_their_errcodes() {
    let fixture = Fixture::new().await;
    let faults = json!([
        {"fault": "ip_refused", "path": "/cgi-bin/stable_token", "address": "198.51.100.7"},
        {"fault": "ip_refused", "path": "/cgi-bin/stable_token", "address": "2001:db8::7"},
        {"fault": "quota", "path": "/cgi-bin/stable_token"},
    ]);
    fixture.add_faults(faults).await;
    for (errcode, start) in [
        (40164, "invalid ip 198.51.100.7 ipv6 ::ffff:198.51.100.7, not in whitelist"),
        (40164, "invalid ip 2001:db8::7 ipv6 2001:db8::7, not in whitelist"),
        (45009, "reach max api daily quota limit"),
    ] {
        let answer =
            fixture.post_json("/cgi-bin/stable_token", fixture.stable_body(MiniProgram, false)).await;
        assert_eq!(answer["errcode"], errcode);
        assert!(answer["errmsg"].as_str().unwrap().starts_with(start), "{answer}");
    }
}

#[tokio::test]
async fn token_calls_are_counted_by_appid_and_no_token_or_secret_is_in_the_log() {
    let fixture = Fixture::new().await;
    stable(&fixture, false).await;
    let token = plain(&fixture, MiniProgram).await;
    let official = fixture.token_of(OfficialAccount).await;
    fixture.get(&format!("/cgi-bin/ticket/getticket?access_token={official}&type=jsapi")).await.unwrap();
    // A back end may send a token in a wrong place.
    fixture.get(&format!("/wxa/nothing/{token}?x={official}")).await.unwrap();
    let account = fixture.wechat.account();
    let counts = fixture.wechat.token_calls();
    assert_eq!((counts[&account.app_id], counts[&account.official_app_id]), (2, 1));
    let shown = fixture.get_json("/_wechat/log").await.to_string();
    let secrets = fixture.wechat.secrets();
    assert_eq!(secrets.len(), account.secrets().count() + 4, "the account's, three tokens, one ticket");
    assert!(secrets.iter().all(|secret| !shown.contains(secret)), "{shown}");
}
