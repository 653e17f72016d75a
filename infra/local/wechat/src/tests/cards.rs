//! Cards: signed by the server, taken on the phone, looked up and consumed once.

use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use super::world::World;
use crate::base::tokens::Owner::{MiniProgram, OfficialAccount};
use crate::core::clock::{DAY, HOUR};
use crate::core::random;
use crate::{CardStatus, NewCard, NewUser};

const CASH: &str = "pLocalCash-Coupon_0000000001";
const BOUND: &str = "pLocalBound-Custom_000000002";
const MEMBER: &str = "pLocalMember-Card_0000000003";

async fn card_api(world: &World, path: &str, body: Value) -> Value {
    let token = world.token_of(OfficialAccount).await;
    world.post_json(&format!("/card/{path}?access_token={token}"), body).await
}

async fn errcode(world: &World, path: &str, body: Value) -> i64 {
    card_api(world, path, body).await["errcode"].as_i64().unwrap()
}

async fn ticket(world: &World) -> String {
    let token = world.token_of(OfficialAccount).await;
    let answer =
        world.get_json(&format!("/cgi-bin/ticket/getticket?access_token={token}&type=wx_card")).await;
    answer["ticket"].as_str().unwrap().to_owned()
}

/// The fields of a `cardExt`, signed over the values that are to be signed.
async fn card_ext(world: &World, card_id: &str, more: Value) -> Value {
    let mut ext = json!({"timestamp": "1700000042", "nonce_str": random::nonce(), "outer_str": "shop"});
    ext.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut values = vec![ticket(world).await, card_id.to_owned()];
    for name in ["timestamp", "nonce_str", "code", "openid"] {
        values.extend(ext[name].as_str().map(str::to_owned));
    }
    values.sort();
    ext["signature"] = random::hex(&Sha1::digest(values.concat())).into();
    ext
}

async fn add(world: &World, card_id: &str, ext: &Value) -> (u16, Value) {
    let list = json!({"cardList": [{"cardId": card_id, "cardExt": ext.to_string()}]});
    world.phone("addCard", list).await
}

/// Takes the coupon: its code, decrypted.
async fn take(world: &World, card_id: &str, more: Value) -> String {
    let ext = card_ext(world, card_id, more).await;
    let (status, answer) = add(world, card_id, &ext).await;
    assert_eq!((status, &answer["errMsg"]), (200, &json!("addCard:ok")), "{answer}");
    let card = &answer["cardList"][0];
    assert_eq!((&card["cardId"], &card["isSuccess"]), (&json!(card_id), &json!(true)));
    assert_eq!(card["cardExt"], ext.to_string());
    let decrypted = card_api(world, "code/decrypt", json!({"encrypt_code": card["code"]})).await;
    decrypted["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_card_ext_needs_no_nonce_and_can_then_be_used_again() {
    let world = World::new().await;
    for absent in [json!({"nonce_str": null}), json!({"nonce_str": ""})] {
        let ext = card_ext(&world, CASH, absent).await;
        for _ in 0..2 {
            let (status, answer) = add(&world, CASH, &ext).await;
            assert_eq!((status, &answer["cardList"][0]["isSuccess"]), (200, &json!(true)), "{answer}");
        }
    }
}

fn official_openid(world: &World) -> String {
    let again = NewUser { openid: Some(world.openid.clone()), ..NewUser::default() };
    world.wechat.create_user(again).official_openid
}

#[tokio::test]
async fn a_card_is_taken_looked_up_and_consumed_once() {
    let world = World::new().await;
    let code = take(&world, CASH, json!({})).await;
    assert_eq!(code.len(), 12);
    let openid = official_openid(&world);
    let got = card_api(&world, "code/get", json!({"code": code})).await;
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
    let consumed = card_api(&world, "code/consume", json!({"code": code, "card_id": CASH})).await;
    assert_eq!((&consumed["card"]["card_id"], &consumed["openid"]), (&json!(CASH), &json!(openid)));
    let again = card_api(&world, "code/consume", json!({"code": code})).await;
    assert_eq!(
        (&again["errcode"], &again["_code"], &again["_card"]["card_id"]),
        (&json!(40099), &json!(code), &json!(CASH))
    );
    assert_eq!(errcode(&world, "code/get", json!({"code": code})).await, 40099);
    let got = card_api(&world, "code/get", json!({"code": code, "check_consume": false})).await;
    assert_eq!((&got["can_consume"], &got["user_card_status"]), (&json!(false), &json!("CONSUMED")));
}

#[tokio::test]
async fn a_lost_answer_has_consumed_the_code() {
    let world = World::new().await;
    let code = take(&world, CASH, json!({})).await;
    world.fault(json!({"fault": "timeout_after", "path": "/card/code/consume"})).await;
    let token = world.token_of(OfficialAccount).await;
    let path = format!("/card/code/consume?access_token={token}");
    assert!(world.post(&path, json!({"code": code})).await.is_err());
    assert_eq!(errcode(&world, "code/consume", json!({"code": code})).await, 40099);
}

#[tokio::test]
async fn codes_that_are_unknown_ended_or_misnamed_are_refused() {
    let world = World::new().await;
    let code = take(&world, CASH, json!({})).await;
    for (body, wanted) in [
        (json!({"code": "000"}), 40056),
        (json!({}), 40056),
        (json!({"code": code, "card_id": ""}), 40073),
        (json!({"code": code, "card_id": "punknown"}), 40073),
        (json!({"code": code, "card_id": MEMBER}), 40056),
        (json!({"code": 1}), 47001),
    ] {
        assert_eq!(errcode(&world, "code/consume", body.clone()).await, wanted, "{body}");
    }
    assert_eq!(errcode(&world, "code/unavailable", json!({"code": code, "reason": "x"})).await, 0);
    assert_eq!(errcode(&world, "code/consume", json!({"code": code})).await, 40127);
    let late = take(&world, CASH, json!({})).await;
    world.advance(30 * DAY);
    assert_eq!(errcode(&world, "code/consume", json!({"code": late})).await, 40127);
    let got = card_api(&world, "code/get", json!({"code": late, "check_consume": false})).await;
    assert_eq!(got["user_card_status"], "EXPIRE");
    assert_eq!(errcode(&world, "code/decrypt", json!({"encrypt_code": "x"})).await, 40056);
    let deleted =
        NewCard { card_id: Some(CASH.to_owned()), status: CardStatus::Deleted, ..NewCard::default() };
    world.wechat.create_card(deleted);
    assert_eq!(errcode(&world, "code/get", json!({"code": late})).await, 40078);
}

#[tokio::test]
async fn a_merchants_code_needs_its_card_and_is_for_one_user() {
    let world = World::new().await;
    let more = json!({"code": "2023-0001", "openid": world.openid});
    assert_eq!(take(&world, BOUND, more.clone()).await, "2023-0001");
    assert_eq!(errcode(&world, "code/get", json!({"code": "2023-0001"})).await, 40056);
    assert_eq!(errcode(&world, "code/get", json!({"code": "2023-0001", "card_id": BOUND})).await, 0);
    for (more, says) in [
        (more, "given to a card before"),
        (json!({"code": "2", "openid": "oSomebodyElse"}), "another user"),
        (json!({"openid": world.openid}), "needs a code"),
        (json!({"code": "2"}), "needs an openid"),
    ] {
        let ext = card_ext(&world, BOUND, more).await;
        let (status, answer) = add(&world, BOUND, &ext).await;
        assert!(status == 400 && answer["errMsg"].as_str().unwrap().contains(says), "{answer}");
    }
}

#[tokio::test]
async fn a_wrong_card_ext_is_refused() {
    let world = World::new().await;
    let good = card_ext(&world, CASH, json!({})).await;
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
        let (status, answer) = add(&world, CASH, &ext).await;
        assert!(status == 400 && answer["errMsg"].as_str().unwrap().contains(says), "{name}: {answer}");
    }
    let mut number = good;
    number["timestamp"] = 1_700_000_042.into();
    number["code"] = "".into();
    assert_eq!(add(&world, CASH, &number).await.0, 200, "a number and an empty code are taken as well");
    let (_, answer) = add(&world, CASH, &number).await;
    assert!(answer["errMsg"].as_str().unwrap().contains("nonce_str was used"), "{answer}");
    let object = json!({"cardList": [{"cardId": CASH, "cardExt": number}]});
    assert_eq!(world.phone("addCard", object).await.1["errCode"], 1001);
}

#[tokio::test]
async fn an_old_ticket_signs_nothing() {
    let world = World::new().await;
    let ext = card_ext(&world, CASH, json!({})).await;
    world.advance(2 * HOUR);
    assert!(add(&world, CASH, &ext).await.1["errMsg"].as_str().unwrap().contains("签名错误"));
}

#[tokio::test]
async fn what_a_user_has_is_listed_by_the_official_accounts_openid() {
    let world = World::new().await;
    let code = take(&world, CASH, json!({})).await;
    let consumed = take(&world, CASH, json!({})).await;
    assert_eq!(errcode(&world, "code/consume", json!({"code": consumed})).await, 0);
    let openid = official_openid(&world);
    let list = card_api(&world, "user/getcardlist", json!({"openid": openid})).await;
    assert_eq!(list["card_list"], json!([{"code": code, "card_id": CASH}]));
    assert_eq!(list["has_share_card"], false);
    let other = card_api(&world, "user/getcardlist", json!({"openid": openid, "card_id": MEMBER})).await;
    assert_eq!(other["card_list"], json!([]));
    assert_eq!(errcode(&world, "user/getcardlist", json!({"openid": world.openid})).await, 40003);

    let open = |code: &str| world.phone("openCard", json!({"cardList": [{"cardId": CASH, "code": code}]}));
    assert_eq!(open(&code).await.0, 200);
    assert_eq!(open("encrypted").await.0, 400);
}

#[tokio::test]
async fn the_catalogue_is_paged_and_filtered() {
    let world = World::new().await;
    for _ in 0..60 {
        world.wechat.create_card(NewCard::default());
    }
    let made = world
        .post_json("/_wechat/cards", json!({"card_type": "GIFT", "status": "CARD_STATUS_NOT_VERIFY"}))
        .await;
    let page = async |body: Value| card_api(&world, "batchget", body).await;
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
    let token = world.token_of(OfficialAccount).await;
    assert_eq!(world.get_json(&format!("/card/batchget?access_token={token}")).await["errcode"], 43002);
    let token = world.token_of(MiniProgram).await;
    assert_eq!(
        world.post_json(&format!("/card/batchget?access_token={token}"), json!({})).await["errcode"],
        48001
    );

    let card = card_api(&world, "get", json!({"card_id": BOUND})).await["card"].clone();
    assert_eq!(card["card_type"], "DISCOUNT");
    let base_info = &card["discount"]["base_info"];
    assert_eq!((&base_info["use_custom_code"], &base_info["id"]), (&json!(true), &json!(BOUND)));
    assert_eq!(errcode(&world, "get", json!({"card_id": "p"})).await, 40073);
    assert_eq!(world.get_json("/_wechat/cards").await["cards"].as_array().unwrap().len(), 64);
}

#[tokio::test]
async fn a_card_that_is_used_up_is_not_taken() {
    let world = World::new().await;
    let card_id = world.wechat.create_card(NewCard { quantity: Some(1), ..NewCard::default() });
    take(&world, &card_id, json!({})).await;
    let ext = card_ext(&world, &card_id, json!({})).await;
    let (status, answer) = add(&world, &card_id, &ext).await;
    assert_eq!((status, &answer["cardList"][0]["isSuccess"]), (200, &json!(false)));
    let base_info = &card_api(&world, "get", json!({"card_id": card_id})).await["card"]["cash"]["base_info"];
    assert_eq!(base_info["sku"], json!({"quantity": 0, "total_quantity": 1}));
}

#[tokio::test]
async fn a_member_fills_in_the_form_is_activated_and_kept_up_to_date() {
    let world = World::new().await;
    assert_eq!(errcode(&world, "membercard/activate/geturl", json!({"card_id": CASH})).await, 40071);
    let body = json!({"card_id": MEMBER, "outer_str": "a&b"});
    let url = card_api(&world, "membercard/activate/geturl", body).await["url"].as_str().unwrap().to_owned();
    let url = reqwest::Url::parse(&url).unwrap();
    let extra_data: Value =
        url.query_pairs().map(|(name, value)| (name.into_owned(), Value::from(value))).collect();
    assert_eq!(extra_data["outer_str"], "a&b");
    let go = |app_id: &str, extra_data: &Value| {
        world.phone("navigateToMiniProgram", json!({"appId": app_id, "extraData": extra_data}))
    };
    assert_eq!(go("wx933aa61d2fda8d42", &extra_data).await.0, 400);
    assert_eq!(go("wxeb490c6f9b154ef9", &json!({"encrypt_card_id": "x", "biz": "y"})).await.0, 400);
    let (status, answer) = go("wxeb490c6f9b154ef9", &extra_data).await;
    assert_eq!(status, 200, "{answer}");
    let back = &answer["extraData"];
    assert_eq!(back["card_id"], MEMBER);

    let info = json!({"activate_ticket": back["activate_ticket"]});
    let info = card_api(&world, "membercard/activatetempinfo/get", info).await["info"].clone();
    let number = world
        .wechat
        .create_user(NewUser { openid: Some(world.openid.clone()), ..NewUser::default() })
        .phone_number;
    assert_eq!(info["common_field_list"], json!([{"name": "USER_FORM_INFO_FLAG_MOBILE", "value": number}]));
    let unknown = json!({"activate_ticket": "x"});
    assert_eq!(errcode(&world, "membercard/activatetempinfo/get", unknown).await, 40097);

    let member = json!({"card_id": MEMBER, "code": back["code"]});
    let mut activation = member.clone();
    assert_eq!(errcode(&world, "membercard/activate", activation.clone()).await, 40097);
    activation["membership_number"] = "M0001".into();
    activation["init_bonus"] = 100.into();
    assert_eq!(errcode(&world, "membercard/activate", activation).await, 0);
    let mut update = member.clone();
    update["bonus"] = 130.into();
    update["add_bonus"] = 30.into();
    update["add_balance"] = 50.into();
    let updated = card_api(&world, "membercard/updateuser", update).await;
    assert_eq!((&updated["result_bonus"], &updated["result_balance"]), (&json!(130), &json!(50)));
    let shown = card_api(&world, "membercard/userinfo/get", member).await;
    assert_eq!(
        (&shown["membership_number"], &shown["bonus"], &shown["has_active"]),
        (&json!("M0001"), &json!(130), &json!(true))
    );
    let got = card_api(&world, "code/get", json!({"code": back["code"]})).await;
    assert_eq!((&got["membership_number"], &got["outer_str"]), (&json!("M0001"), &json!("a&b")));
}
