//! Tests of sharing: who enters through which card, the ids of chats, and the figures of past days.

use serde_json::{Value, json};

use super::fixture::Fixture;
use super::login::{decrypt, session_key};
use crate::NewUser;
use crate::core::clock::{DAY, HOUR};

const SUMMARY: &str = "/datacube/getweanalysisappiddailysummarytrend";
const VISITS: &str = "/datacube/getweanalysisappiddailyvisittrend";
const PAGES: &str = "/datacube/getweanalysisappidvisitpage";

async fn logged_in() -> (Fixture, Value) {
    let fixture = Fixture::new().await;
    let session = fixture.code_to_session(&fixture.login_code().await).await;
    (fixture, session)
}

async fn share(fixture: &Fixture, arguments: Value) -> Value {
    let (status, answer) = fixture.call_wx("shareToGroup", arguments).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

#[tokio::test]
async fn both_apis_give_the_same_id_of_a_group() {
    let (fixture, session) = logged_in().await;
    let shared = share(&fixture, json!({"group": "family", "path": "pages/a?shareId=1"})).await;
    let (status, info) = fixture.call_wx("getShareInfo", json!({"shareTicket": shared["shareTicket"]})).await;
    assert_eq!((status, &info["errMsg"]), (200, &json!("getShareInfo:ok")));
    let info = decrypt(&info, session_key(&session)).unwrap();
    let (status, entered) = fixture.call_wx("getGroupEnterInfo", json!({"needGroupOpenID": true})).await;
    assert_eq!(status, 200, "{entered}");
    let entered = decrypt(&entered, session_key(&session)).unwrap();
    assert_eq!(info["openGId"], entered["opengid"]);
    let watermark = json!({"timestamp": fixture.now() / 1000, "appid": fixture.wechat.account().app_id});
    assert_eq!((&info["watermark"], &entered["watermark"]), (&watermark, &watermark));
    assert_eq!((&entered["open_single_roomid"], &entered["chat_type"]), (&json!(""), &json!(3)));
    assert_eq!(entered["group_openid"].as_str().unwrap().len(), 28);

    let other = fixture.wechat.create_user(NewUser::default()).openid;
    let arguments = json!({"openid": other, "shareCard": shared["shareCard"]});
    let (status, options) = fixture.call_wx("enterByShare", arguments).await;
    assert_eq!((status, &options["scene"], &options["path"]), (200, &json!(1044), &json!("pages/a")));
    assert_eq!(options["query"], json!({"shareId": "1"}));
    assert!(options["shareTicket"].is_string());
}

#[tokio::test]
async fn a_single_chat_is_named_only_if_it_is_asked_for() {
    let (fixture, session) = logged_in().await;
    let shared = share(&fixture, json!({"group": "us", "chatType": 1})).await;
    assert_eq!(shared.get("shareTicket"), None);
    let (status, refused) = fixture.call_wx("getGroupEnterInfo", json!({})).await;
    assert_eq!((status, &refused["errCode"]), (400, &json!(40097)));
    let (_, entered) = fixture.call_wx("getGroupEnterInfo", json!({"allowSingleChat": true})).await;
    let entered = decrypt(&entered, session_key(&session)).unwrap();
    let room = entered["open_single_roomid"].as_str().unwrap();
    assert!(room.starts_with('s'), "{room}");
    assert_eq!((&entered["opengid"], &entered["group_openid"]), (&json!(""), &json!("")));
    assert_eq!(entered["chat_type"], 1);
}

#[tokio::test]
async fn a_user_of_no_group_or_who_left_it_is_refused() {
    let (fixture, _) = logged_in().await;
    let (_, refused) = fixture.call_wx("getGroupEnterInfo", json!({})).await;
    assert_eq!(refused["errCode"], 40097);
    let shared = share(&fixture, json!({"group": "family"})).await;
    let leave = json!({"openid": fixture.openid, "group": "family"});
    assert_eq!(fixture.post("/_wechat/groups/leave", &leave).await.unwrap().status(), 200);
    assert_eq!(fixture.post("/_wechat/groups/leave", &leave).await.unwrap().status(), 400);
    let (_, refused) = fixture.call_wx("getGroupEnterInfo", json!({})).await;
    assert_eq!(refused["errCode"], 65206);
    fixture.call_wx("enterByShare", json!({"shareCard": shared["shareCard"]})).await;
    let (status, refused) =
        fixture.call_wx("getShareInfo", json!({"shareTicket": shared["shareTicket"]})).await;
    assert_eq!((status, &refused["errMsg"]), (400, &json!("getShareInfo:fail invalid shareTicket")));
}

#[tokio::test]
async fn the_figures_of_yesterday_are_ready_in_the_morning() {
    let (fixture, _) = logged_in().await;
    share(&fixture, json!({"path": "pages/a?x=1"})).await;
    let (_, moments) = fixture.call_wx("shareToTimeline", json!({"path": "pages/b", "query": "y=2"})).await;
    for _ in 0..2 {
        let (_, options) = fixture.call_wx("enterByShare", json!({"shareCard": moments["shareCard"]})).await;
        assert_eq!((&options["scene"], &options["query"]), (&json!(1154), &json!({"y": "2"})));
    }
    let day = json!({"begin_date": "20231115", "end_date": "20231115"});
    assert_eq!(fixture.api(SUMMARY, day.clone()).await["errcode"], 61501);
    // From 6:14 of the 15th in China to 6:14 of the 16th.
    fixture.advance(DAY);
    assert_eq!(fixture.api(SUMMARY, day.clone()).await["errcode"], 61503);
    fixture.advance(2 * HOUR);
    let summary = fixture.api(SUMMARY, day.clone()).await;
    let expected = json!({"ref_date": "20231115", "visit_total": 1, "share_pv": 2, "share_uv": 1});
    assert_eq!(summary["list"], json!([expected]));
    let visits = fixture.api(VISITS, day.clone()).await;
    assert_eq!((&visits["list"][0]["visit_pv"], &visits["list"][0]["visit_uv"]), (&json!(2), &json!(1)));
    let pages = fixture.api(PAGES, day).await;
    assert_eq!(pages["list"][0]["page_path"], "pages/a");
    assert_eq!(
        (&pages["list"][1]["page_visit_pv"], &pages["list"][1]["page_share_uv"]),
        (&json!(2), &json!(1))
    );
    let quiet = json!({"begin_date": "20231101", "end_date": "20231101"});
    assert_eq!(fixture.api(SUMMARY, quiet).await["list"], json!([]));
    for (begin, end, errcode) in
        [("2023-11-15", "20231115", 61500), ("20231114", "20231115", 61501), ("20231115", "", 61500)]
    {
        let answer = fixture.api(SUMMARY, json!({"begin_date": begin, "end_date": end})).await;
        assert_eq!(answer["errcode"], errcode, "{begin} {end}");
    }
}
