//! Tests of cards: signed by the server, taken on the phone, queried and consumed once.

use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use super::fixture::Fixture;
use crate::base::tokens::access_tokens::TokenOwner::{MiniProgram, OfficialAccount};
use crate::core::clock::{DAY, HOUR};
use crate::core::random;
use crate::{CardStatus, NewCard, NewUser};

const CASH: &str = "pLocalCash-Coupon_0000000001";
const BOUND: &str = "pLocalBound-Custom_000000002";
const MEMBER: &str = "pLocalMember-Card_0000000003";

async fn card_api(fixture: &Fixture, path: &str, body: Value) -> Value {
    let token = fixture.token_of(OfficialAccount).await;
    fixture.post_json(&format!("/card/{path}?access_token={token}"), body).await
}

async fn errcode(fixture: &Fixture, path: &str, body: Value) -> i64 {
    card_api(fixture, path, body).await["errcode"].as_i64().unwrap()
}

async fn ticket(fixture: &Fixture) -> String {
    let token = fixture.token_of(OfficialAccount).await;
    let answer =
        fixture.get_json(&format!("/cgi-bin/ticket/getticket?access_token={token}&type=wx_card")).await;
    answer["ticket"].as_str().unwrap().to_owned()
}

/// A `cardExt` with its signature over ticket, timestamp, card id, nonce and the other signed values.
async fn card_ext(fixture: &Fixture, card_id: &str, more: Value) -> Value {
    let mut ext = json!({"timestamp": "1700000042", "nonce_str": random::nonce(), "outer_str": "shop"});
    ext.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut values = vec![ticket(fixture).await, card_id.to_owned()];
    for name in ["timestamp", "nonce_str", "code", "openid"] {
        values.extend(ext[name].as_str().map(str::to_owned));
    }
    values.sort();
    ext["signature"] = random::hex(&Sha1::digest(values.concat())).into();
    ext
}

async fn add(fixture: &Fixture, card_id: &str, ext: &Value) -> (u16, Value) {
    let list = json!({"cardList": [{"cardId": card_id, "cardExt": ext.to_string()}]});
    fixture.call_wx("addCard", list).await
}

/// Takes the coupon; returns its decrypted code.
async fn take(fixture: &Fixture, card_id: &str, more: Value) -> String {
    let ext = card_ext(fixture, card_id, more).await;
    let (status, answer) = add(fixture, card_id, &ext).await;
    assert_eq!((status, &answer["errMsg"]), (200, &json!("addCard:ok")), "{answer}");
    let card = &answer["cardList"][0];
    assert_eq!((&card["cardId"], &card["isSuccess"]), (&json!(card_id), &json!(true)));
    assert_eq!(card["cardExt"], ext.to_string());
    let decrypted = card_api(fixture, "code/decrypt", json!({"encrypt_code": card["code"]})).await;
    decrypted["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_card_ext_needs_no_nonce_and_can_then_be_used_again() {
    let fixture = Fixture::new().await;
    for absent in [json!({"nonce_str": null}), json!({"nonce_str": ""})] {
        let ext = card_ext(&fixture, CASH, absent).await;
        for _ in 0..2 {
            let (status, answer) = add(&fixture, CASH, &ext).await;
            assert_eq!((status, &answer["cardList"][0]["isSuccess"]), (200, &json!(true)), "{answer}");
        }
    }
}

fn official_openid(fixture: &Fixture) -> String {
    let again = NewUser { openid: Some(fixture.openid.clone()), ..NewUser::default() };
    fixture.wechat.create_user(again).official_openid
}

#[tokio::test]
async fn a_card_is_taken_looked_up_and_consumed_once() {
    let fixture = Fixture::new().await;
    let code = take(&fixture, CASH, json!({})).await;
    assert_eq!(code.len(), 12);
    let openid = official_openid(&fixture);
    let got = card_api(&fixture, "code/get", json!({"code": code})).await;
    let expected = json!({
        "errcode": 0,
        "errmsg": "ok",
        "card": {"card_id": CASH, "begin_time": 1_700_000_042, "end_time": 1_702_592_042},
        "openid": openid,
        "can_consume": true,
        "user_card_status": "NORMAL",
        "outer_str": "shop",
    });
    assert_eq!(got, expected);
    let consumed = card_api(&fixture, "code/consume", json!({"code": code, "card_id": CASH})).await;
    assert_eq!((&consumed["card"]["card_id"], &consumed["openid"]), (&json!(CASH), &json!(openid)));
    let again = card_api(&fixture, "code/consume", json!({"code": code})).await;
    assert_eq!(
        (&again["errcode"], &again["_code"], &again["_card"]["card_id"]),
        (&json!(40099), &json!(code), &json!(CASH))
    );
    assert_eq!(errcode(&fixture, "code/get", json!({"code": code})).await, 40099);
    let got = card_api(&fixture, "code/get", json!({"code": code, "check_consume": false})).await;
    assert_eq!((&got["can_consume"], &got["user_card_status"]), (&json!(false), &json!("CONSUMED")));
}

#[tokio::test]
async fn a_lost_answer_has_consumed_the_code() {
    let fixture = Fixture::new().await;
    let code = take(&fixture, CASH, json!({})).await;
    fixture.add_faults(json!({"fault": "timeout_after", "path": "/card/code/consume"})).await;
    let token = fixture.token_of(OfficialAccount).await;
    let path = format!("/card/code/consume?access_token={token}");
    assert!(fixture.post(&path, json!({"code": code})).await.is_err());
    assert_eq!(errcode(&fixture, "code/consume", json!({"code": code})).await, 40099);
}

#[tokio::test]
async fn unknown_or_ended_codes_and_wrong_card_ids_are_refused() {
    let fixture = Fixture::new().await;
    let code = take(&fixture, CASH, json!({})).await;
    for (body, wanted) in [
        (json!({"code": "000"}), 40056),
        (json!({}), 40056),
        (json!({"code": code, "card_id": ""}), 40073),
        (json!({"code": code, "card_id": "punknown"}), 40073),
        (json!({"code": code, "card_id": MEMBER}), 40056),
        (json!({"code": 1}), 47001),
    ] {
        assert_eq!(errcode(&fixture, "code/consume", body.clone()).await, wanted, "{body}");
    }
    assert_eq!(errcode(&fixture, "code/unavailable", json!({"code": code, "reason": "x"})).await, 0);
    assert_eq!(errcode(&fixture, "code/consume", json!({"code": code})).await, 40127);
    let late = take(&fixture, CASH, json!({})).await;
    fixture.advance(30 * DAY);
    assert_eq!(errcode(&fixture, "code/consume", json!({"code": late})).await, 40127);
    let got = card_api(&fixture, "code/get", json!({"code": late, "check_consume": false})).await;
    assert_eq!(got["user_card_status"], "EXPIRE");
    assert_eq!(errcode(&fixture, "code/decrypt", json!({"encrypt_code": "x"})).await, 40056);
    let deleted =
        NewCard { card_id: Some(CASH.to_owned()), status: CardStatus::Deleted, ..NewCard::default() };
    fixture.wechat.create_card(deleted);
    assert_eq!(errcode(&fixture, "code/get", json!({"code": late})).await, 40078);
}

#[tokio::test]
async fn a_merchants_code_needs_its_card_and_is_for_one_user() {
    let fixture = Fixture::new().await;
    let more = json!({"code": "2023-0001", "openid": fixture.openid});
    assert_eq!(take(&fixture, BOUND, more.clone()).await, "2023-0001");
    assert_eq!(errcode(&fixture, "code/get", json!({"code": "2023-0001"})).await, 40056);
    assert_eq!(errcode(&fixture, "code/get", json!({"code": "2023-0001", "card_id": BOUND})).await, 0);
    for (more, says) in [
        (more, "given to a card before"),
        (json!({"code": "2", "openid": "oSomebodyElse"}), "another user"),
        (json!({"openid": fixture.openid}), "needs a code"),
        (json!({"code": "2"}), "needs an openid"),
    ] {
        let ext = card_ext(&fixture, BOUND, more).await;
        let (status, answer) = add(&fixture, BOUND, &ext).await;
        assert!(status == 400 && answer["errMsg"].as_str().unwrap().contains(says), "{answer}");
    }
}

#[tokio::test]
async fn a_wrong_card_ext_is_refused() {
    let fixture = Fixture::new().await;
    let good = card_ext(&fixture, CASH, json!({})).await;
    for (name, value, says) in [
        ("signature", json!("0"), "签名错误"),
        ("nonce_str", json!("other"), "签名错误"),
        ("nonce_str", json!("n".repeat(33)), "at most 32"),
        ("timestamp", json!("1700000043"), "签名错误"),
        ("timestamp", json!("1700000042000"), "unix seconds"),
        ("code", json!("1"), "no code of the merchant"),
        ("outer_str", json!("o".repeat(129)), "outer_str"),
    ] {
        let mut ext = good.clone();
        ext[name] = value;
        let (status, answer) = add(&fixture, CASH, &ext).await;
        assert!(status == 400 && answer["errMsg"].as_str().unwrap().contains(says), "{name}: {answer}");
    }
    let mut number = good;
    number["timestamp"] = 1_700_000_042.into();
    number["code"] = "".into();
    assert_eq!(add(&fixture, CASH, &number).await.0, 200, "a number and an empty code are taken as well");
    let (_, answer) = add(&fixture, CASH, &number).await;
    assert!(answer["errMsg"].as_str().unwrap().contains("nonce_str was used"), "{answer}");
    let object = json!({"cardList": [{"cardId": CASH, "cardExt": number}]});
    assert_eq!(fixture.call_wx("addCard", object).await.1["errCode"], 1001);
}

#[tokio::test]
async fn an_old_ticket_signs_nothing() {
    let fixture = Fixture::new().await;
    let ext = card_ext(&fixture, CASH, json!({})).await;
    fixture.advance(2 * HOUR);
    assert!(add(&fixture, CASH, &ext).await.1["errMsg"].as_str().unwrap().contains("签名错误"));
}

#[tokio::test]
async fn a_users_cards_are_listed_by_the_official_openid() {
    let fixture = Fixture::new().await;
    let code = take(&fixture, CASH, json!({})).await;
    let consumed = take(&fixture, CASH, json!({})).await;
    assert_eq!(errcode(&fixture, "code/consume", json!({"code": consumed})).await, 0);
    let openid = official_openid(&fixture);
    let list = card_api(&fixture, "user/getcardlist", json!({"openid": openid})).await;
    assert_eq!(list["card_list"], json!([{"code": code, "card_id": CASH}]));
    assert_eq!(list["has_share_card"], false);
    let other = card_api(&fixture, "user/getcardlist", json!({"openid": openid, "card_id": MEMBER})).await;
    assert_eq!(other["card_list"], json!([]));
    assert_eq!(errcode(&fixture, "user/getcardlist", json!({"openid": fixture.openid})).await, 40003);

    let open =
        |code: &str| fixture.call_wx("openCard", json!({"cardList": [{"cardId": CASH, "code": code}]}));
    assert_eq!(open(&code).await.0, 200);
    assert_eq!(open("encrypted").await.0, 400);
}

#[tokio::test]
async fn the_catalogue_is_paged_and_filtered() {
    let fixture = Fixture::new().await;
    for _ in 0..60 {
        fixture.wechat.create_card(NewCard::default());
    }
    let made = fixture
        .post_json("/_wechat/cards", json!({"card_type": "GIFT", "status": "CARD_STATUS_NOT_VERIFY"}))
        .await;
    let page = async |body: Value| card_api(&fixture, "batchget", body).await;
    let first = page(json!({"offset": 0, "count": 50})).await;
    assert_eq!((first["card_id_list"].as_array().unwrap().len(), &first["total_num"]), (50, &json!(64)));
    let second = page(json!({"offset": 50, "count": 50})).await;
    assert_eq!(second["card_id_list"].as_array().unwrap().len(), 14);
    let waiting = page(json!({"offset": 0, "count": 50, "status_list": ["CARD_STATUS_NOT_VERIFY"]})).await;
    assert_eq!(waiting["card_id_list"], json!([made["card_id"]]));
    for (body, errcode) in [
        (json!({"offset": 0, "count": 51}), 40097),
        (json!({"offset": -1, "count": 1}), 40097),
        (json!({"offset": 0}), 40097),
        (json!({"offset": "0", "count": 1}), 47001),
    ] {
        assert_eq!(page(body.clone()).await["errcode"], errcode, "{body}");
    }
    let token = fixture.token_of(OfficialAccount).await;
    assert_eq!(fixture.get_json(&format!("/card/batchget?access_token={token}")).await["errcode"], 43002);
    let token = fixture.token_of(MiniProgram).await;
    assert_eq!(
        fixture.post_json(&format!("/card/batchget?access_token={token}"), json!({})).await["errcode"],
        48001
    );

    let card = card_api(&fixture, "get", json!({"card_id": BOUND})).await["card"].clone();
    assert_eq!(card["card_type"], "DISCOUNT");
    let base_info = &card["discount"]["base_info"];
    assert_eq!((&base_info["use_custom_code"], &base_info["id"]), (&json!(true), &json!(BOUND)));
    assert_eq!(errcode(&fixture, "get", json!({"card_id": "p"})).await, 40073);
    assert_eq!(fixture.get_json("/_wechat/cards").await["cards"].as_array().unwrap().len(), 64);
}

#[tokio::test]
async fn a_card_that_is_used_up_is_not_taken() {
    let fixture = Fixture::new().await;
    let card_id = fixture.wechat.create_card(NewCard { quantity: Some(1), ..NewCard::default() });
    take(&fixture, &card_id, json!({})).await;
    let ext = card_ext(&fixture, &card_id, json!({})).await;
    let (status, answer) = add(&fixture, &card_id, &ext).await;
    assert_eq!((status, &answer["cardList"][0]["isSuccess"]), (200, &json!(false)));
    let base_info =
        &card_api(&fixture, "get", json!({"card_id": card_id})).await["card"]["cash"]["base_info"];
    assert_eq!(base_info["sku"], json!({"quantity": 0, "total_quantity": 1}));
}

#[tokio::test]
async fn a_member_fills_in_the_form_is_activated_and_kept_up_to_date() {
    let fixture = Fixture::new().await;
    assert_eq!(errcode(&fixture, "membercard/activate/geturl", json!({"card_id": CASH})).await, 40071);
    let body = json!({"card_id": MEMBER, "outer_str": "a&b"});
    let url =
        card_api(&fixture, "membercard/activate/geturl", body).await["url"].as_str().unwrap().to_owned();
    let url = reqwest::Url::parse(&url).unwrap();
    let extra_data: Value =
        url.query_pairs().map(|(name, value)| (name.into_owned(), Value::from(value))).collect();
    assert_eq!(extra_data["outer_str"], "a&b");
    let go = |app_id: &str, extra_data: &Value| {
        fixture.call_wx("navigateToMiniProgram", json!({"appId": app_id, "extraData": extra_data}))
    };
    assert_eq!(go("wx933aa61d2fda8d42", &extra_data).await.0, 400);
    assert_eq!(go("wxeb490c6f9b154ef9", &json!({"encrypt_card_id": "x", "biz": "y"})).await.0, 400);
    let (status, answer) = go("wxeb490c6f9b154ef9", &extra_data).await;
    assert_eq!(status, 200, "{answer}");
    let back = &answer["extraData"];
    assert_eq!(back["card_id"], MEMBER);

    let info = json!({"activate_ticket": back["activate_ticket"]});
    let info = card_api(&fixture, "membercard/activatetempinfo/get", info).await["info"].clone();
    let number = fixture
        .wechat
        .create_user(NewUser { openid: Some(fixture.openid.clone()), ..NewUser::default() })
        .phone_number;
    assert_eq!(info["common_field_list"], json!([{"name": "USER_FORM_INFO_FLAG_MOBILE", "value": number}]));
    let unknown = json!({"activate_ticket": "x"});
    assert_eq!(errcode(&fixture, "membercard/activatetempinfo/get", unknown).await, 40097);

    let member = json!({"card_id": MEMBER, "code": back["code"]});
    let mut activation = member.clone();
    assert_eq!(errcode(&fixture, "membercard/activate", activation.clone()).await, 40097);
    activation["membership_number"] = "M0001".into();
    activation["init_bonus"] = 100.into();
    assert_eq!(errcode(&fixture, "membercard/activate", activation).await, 0);
    let mut update = member.clone();
    update["bonus"] = 130.into();
    update["add_bonus"] = 30.into();
    update["add_balance"] = 50.into();
    let updated = card_api(&fixture, "membercard/updateuser", update).await;
    assert_eq!((&updated["result_bonus"], &updated["result_balance"]), (&json!(130), &json!(50)));
    let shown = card_api(&fixture, "membercard/userinfo/get", member).await;
    assert_eq!(
        (&shown["membership_number"], &shown["bonus"], &shown["has_active"]),
        (&json!("M0001"), &json!(130), &json!(true))
    );
    let got = card_api(&fixture, "code/get", json!({"code": back["code"]})).await;
    assert_eq!((&got["membership_number"], &got["outer_str"]), (&json!("M0001"), &json!("a&b")));
}
