//! Tests of subscribe messages: one consent on the phone allows one message of the server.

use serde_json::{Value, json};

use super::fixture::Fixture;
use crate::base::tokens::access_tokens::TokenOwner::MiniProgram;

const SEND: &str = "/cgi-bin/message/subscribe/send";
const TEMPLATE: &str = "Mz2fOtzDyPDPXJvlHwVS7B9ZnkC3aYW1eXH0cUbGdNo";

async fn accept(fixture: &Fixture) {
    let (status, answer) = fixture.call_wx("requestSubscribeMessage", json!({"tmplIds": [TEMPLATE]})).await;
    assert_eq!((status, &answer[TEMPLATE]), (200, &json!("accept")));
    assert_eq!(answer["errMsg"], "requestSubscribeMessage:ok");
}

fn message(fixture: &Fixture, changes: Value) -> Value {
    let mut body = json!({
        "touser": fixture.openid,
        "template_id": TEMPLATE,
        "page": "pages/order?id=1",
        "data": {"thing1": {"value": "矿泉水"}, "amount2": {"value": "￥1.01"}},
    });
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    body
}

async fn get(fixture: &Fixture, path: &str) -> Value {
    let token = fixture.token_of(MiniProgram).await;
    let glue = if path.contains('?') { '&' } else { '?' };
    fixture.get_json(&format!("/wxaapi/newtmpl/{path}{glue}access_token={token}")).await
}

#[tokio::test]
async fn one_consent_allows_one_message() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.api(SEND, message(&fixture, json!({}))).await["errcode"], 43101);
    accept(&fixture).await;
    let answer = fixture.api(SEND, message(&fixture, json!({}))).await;
    assert_eq!(answer["errcode"], 0);
    assert_eq!(fixture.api(SEND, message(&fixture, json!({}))).await["errcode"], 43101);
    let sent = fixture.wechat.messages();
    assert_eq!(sent.len(), 1);
    assert_eq!(
        (sent[0].openid.as_str(), sent[0].data["thing1"].as_str()),
        (fixture.openid.as_str(), "矿泉水")
    );
    assert_eq!(json!(sent[0].msgid), answer["msgid"]);
    assert_eq!(sent[0].msgid.to_string().len(), 19);
    let expected = json!({"messages": [{
        "msgid": answer["msgid"],
        "time": fixture.now(),
        "openid": fixture.openid,
        "template_id": TEMPLATE,
        "page": "pages/order?id=1",
        "miniprogram_state": "formal",
        "lang": "zh_CN",
        "data": {"thing1": "矿泉水", "amount2": "￥1.01"},
    }]});
    assert_eq!(fixture.get_json("/_wechat/messages").await, expected);
}

#[tokio::test]
async fn a_refused_message_keeps_the_consent() {
    let fixture = Fixture::new().await;
    fixture.add_faults(json!({"fault": "page_missing", "page": "pages/new"})).await;
    accept(&fixture).await;
    for (changes, errcode) in [
        (json!({"touser": "onobody"}), 40003),
        (json!({"touser": null}), 40003),
        (json!({"template_id": ""}), 40037),
        (json!({"data": {"thing1": {"value": "x".repeat(21)}}}), 47003),
        (json!({"data": {}}), 47003),
        (json!({"data": "{\"thing1\":{\"value\":\"x\"}}"}), 47001),
        (json!({"miniprogram_state": "release"}), 47003),
        (json!({"lang": "de_DE"}), 47003),
        (json!({"page": "pages/new?id=1"}), 41030),
    ] {
        let answer = fixture.api(SEND, message(&fixture, changes.clone())).await;
        assert_eq!(answer["errcode"], errcode, "{changes}");
    }
    let wrong = message(&fixture, json!({"data": {"thing3": {"value": ""}}}));
    let errmsg = fixture.api(SEND, wrong).await["errmsg"].as_str().unwrap().to_owned();
    assert!(errmsg.starts_with("argument invalid! data.thing3.value invalid"), "{errmsg}");
    assert_eq!(fixture.api(SEND, message(&fixture, json!({}))).await["errcode"], 0);
}

#[tokio::test]
async fn the_user_chooses_for_each_template() {
    let fixture = Fixture::new().await;
    let arguments = json!({"tmplIds": ["a", "b", TEMPLATE], "userChoice": {"a": "reject", "b": "ban"}});
    let (_, answer) = fixture.call_wx("requestSubscribeMessage", arguments).await;
    assert_eq!(
        (&answer["a"], &answer["b"], &answer[TEMPLATE]),
        (&json!("reject"), &json!("ban"), &json!("accept"))
    );
    let refused = message(&fixture, json!({"template_id": "a"}));
    assert_eq!(fixture.api(SEND, refused).await["errcode"], 43101);
    for (arguments, err_code) in [
        (json!({"tmplIds": []}), 10_001),
        (json!({"tmplIds": ["a", "b", "c", "d", "e", "f"]}), 20_003),
        (json!({"tmplIds": "a"}), 1001),
        (json!({}), 1001),
        (json!({"tmplIds": ["a"], "userChoice": {"a": "no"}}), 1001),
        (json!({"tmplIds": ["a"], "userChoice": "reject"}), 1001),
    ] {
        let (status, answer) = fixture.call_wx("requestSubscribeMessage", arguments.clone()).await;
        assert_eq!((status, &answer["errCode"]), (400, &json!(err_code)), "{arguments}");
    }
}

#[tokio::test]
async fn a_fault_makes_a_template_unknown() {
    let fixture = Fixture::new().await;
    accept(&fixture).await;
    fixture.add_faults(json!({"fault": "template_unknown", "template_id": TEMPLATE})).await;
    let (status, answer) = fixture.call_wx("requestSubscribeMessage", json!({"tmplIds": [TEMPLATE]})).await;
    assert_eq!((status, &answer["errCode"]), (400, &json!(20_001)));
    assert_eq!(fixture.api(SEND, message(&fixture, json!({}))).await["errcode"], 40037);
}

#[tokio::test]
async fn a_template_is_chosen_from_the_library_used_and_deleted() {
    let fixture = Fixture::new().await;
    let category = &get(&fixture, "getcategory").await["data"][1];
    let titles =
        get(&fixture, &format!("getpubtemplatetitles?ids={}&start=0&limit=30", category["id"])).await;
    assert_eq!((&titles["count"], &titles["data"][0]["title"]), (&json!(1), &json!("取货提醒")));
    let tid = &titles["data"][0]["tid"];
    let keywords = get(&fixture, &format!("getpubtemplatekeywords?tid={tid}")).await;
    assert_eq!((&keywords["count"], &keywords["data"][0]["rule"]), (&json!(5), &json!("number")));

    let body = json!({"tid": tid.to_string(), "kidList": [2, 5], "sceneDesc": "取货"});
    let added = fixture.api("/wxaapi/newtmpl/addtemplate", body).await;
    let id = added["priTmplId"].as_str().unwrap();
    let own = &get(&fixture, "gettemplate").await["data"][0];
    assert_eq!((&own["priTmplId"], &own["type"]), (&json!(id), &json!(2)));
    assert_eq!(own["content"], "门店:{{thing2.DATA}}\n时段:{{enum5.DATA}}\n");
    assert_eq!(own["keywordEnumValueList"][0]["enumValueList"], json!(["上午", "下午"]));

    fixture.call_wx("requestSubscribeMessage", json!({"tmplIds": [id]})).await;
    for (data, errcode) in [
        (json!({"thing2": {"value": "人民路店"}}), 47003),
        (json!({"thing2": {"value": "人民路店"}, "enum5": {"value": "晚上"}}), 47003),
        (json!({"thing2": {"value": "人民路店"}, "enum5": {"value": "上午"}}), 0),
    ] {
        let body = message(&fixture, json!({"template_id": id, "data": data}));
        assert_eq!(fixture.api(SEND, body).await["errcode"], errcode, "{data}");
    }
    let gone = json!({"priTmplId": id});
    assert_eq!(fixture.api("/wxaapi/newtmpl/deltemplate", gone.clone()).await["errcode"], 0);
    assert_eq!(fixture.api("/wxaapi/newtmpl/deltemplate", gone).await["errcode"], 20001);
    assert_eq!(fixture.api(SEND, message(&fixture, json!({"template_id": id}))).await["errcode"], 40037);
    assert_eq!(get(&fixture, "gettemplate").await["data"], json!([]));
}

#[tokio::test]
async fn each_wrong_parameter_of_the_library_has_its_errcode() {
    let fixture = Fixture::new().await;
    for (path, errcode) in [
        ("getpubtemplatetitles?start=0&limit=30", 200_018),
        ("getpubtemplatetitles?ids=a&start=0&limit=30", 200_019),
        ("getpubtemplatetitles?ids=1&limit=30", 200_016),
        ("getpubtemplatetitles?ids=1&start=0&limit=31", 200_017),
        ("getpubtemplatekeywords?tid=1", 200_014),
        ("addtemplate", 43002),
    ] {
        assert_eq!(get(&fixture, path).await["errcode"], errcode, "{path}");
    }
    let body = json!({"tid": 1221, "kidList": [1, 2], "sceneDesc": "支付"});
    for (name, value, errcode) in [
        ("tid", json!(1), 200_014),
        ("kidList", json!([1]), 200_020),
        ("kidList", json!([1, 99]), 200_020),
        ("kidList", json!(["1", "2"]), 47001),
        ("sceneDesc", json!("场".repeat(16)), 200_021),
    ] {
        let mut wrong = body.clone();
        wrong[name] = value;
        assert_eq!(fixture.api("/wxaapi/newtmpl/addtemplate", wrong).await["errcode"], errcode, "{name}");
    }
    for _ in 0..50 {
        assert_eq!(fixture.api("/wxaapi/newtmpl/addtemplate", body.clone()).await["errcode"], 0);
    }
    assert_eq!(fixture.api("/wxaapi/newtmpl/addtemplate", body).await["errcode"], 200_012);
}
