//! `/api/admin/nearby-pois…`

use std::time::Duration;

use e2e::{Response, World};
use insta::assert_snapshot;
use local_wechat::Fault;
use serde_json::{Value, json};

const POIS: &str = "/api/admin/nearby-pois";
const ADD: &str = "/wxa/addnearbypoi";
const LIST: &str = "/wxa/getnearbypoilist";

fn place() -> Value {
    json!({
        "storeName": "小店", "contractPhone": "020-12345678", "hour": "09:00-21:30", "companyName": "小店有限公司",
        "credential": "156718193518281", "address": "新港中路 397 号", "mapPoiId": "5938314494307741153",
        "picList": ["https://a.example/1.jpg"],
        "serviceInfos": [{ "id": 2, "type": 1, "name": "快递", "appid": "wx1373169e494e0c39", "path": "index" }],
        "kfInfo": { "openKf": true, "kfHeadimg": "https://a.example/kf.jpg", "kfName": "小二" },
    })
}

/// A request of an operator; the turn of the next one has come.
async fn call(world: &World, method: &str, path: &str, body: &Value) -> Response {
    let answer = world.operator(method, &format!("{POIS}{path}"), body).await;
    world.clock.advance(Duration::from_secs(2));
    answer
}

async fn list(world: &World) -> Response {
    call(world, "GET", "", &json!({})).await
}

/// Ends the review of a place: its number.
async fn review(world: &World, audit_id: &str) -> String {
    let review = world.request("POST", "/_wechat/nearby_pois/review").json(&json!({ "auditId": audit_id }));
    let reviewed: Value = review.send().await.expect("an answer").json().await.expect("JSON");
    reviewed["poiId"].as_str().expect("a number").to_owned()
}

#[tokio::test]
async fn a_place_is_added_reviewed_hidden_shown_and_deleted() {
    let world = World::start().await;
    let added = call(&world, "POST", "", &place()).await;
    assert_snapshot!(added.snapshot(), @r#"200 {"success":true,"auditId":"500001","poiId":"0","relatedCredential":""}"#);
    let listed = list(&world).await;
    assert_snapshot!(listed.snapshot(), @r#"200 {"success":true,"leftApplyNum":9,"maxApplyNum":10,"poiList":[{"poiId":"0","qualificationAddress":"新港中路 397 号","qualificationNum":"156718193518281","auditStatus":3,"displayStatus":0}]}"#);
    let poi_id = review(&world, "500001").await;
    for status in [0, 1, 0] {
        call(&world, "PUT", &format!("/{poi_id}/show"), &json!({ "status": status })).await.ok();
        let listed = list(&world).await.ok();
        assert_eq!(listed.json()["poiList"][0]["displayStatus"], status);
        assert_eq!(listed.json()["poiList"][0]["auditStatus"], 5);
    }
    let mut moved = place();
    moved["poiId"] = json!(poi_id);
    moved["address"] = json!("新港中路 398 号");
    assert_eq!(call(&world, "POST", "", &moved).await.ok().text("/poiId"), poi_id);
    assert_eq!(list(&world).await.json()["poiList"][0]["qualificationAddress"], "新港中路 398 号");
    call(&world, "DELETE", &format!("/{poi_id}"), &json!({})).await.ok();
    assert_eq!(list(&world).await.ok().json()["poiList"], json!([]));
    assert_eq!(call(&world, "DELETE", &format!("/{poi_id}"), &json!({})).await.outcome(), "404 NOT_FOUND");
}

#[tokio::test]
async fn a_refused_place_says_why_and_is_listed_page_by_page() {
    let world = World::start().await;
    let mut all = place();
    all["serviceInfos"][0]["desc"] = json!("半小时送达");
    all["qualificationList"] = json!(["licence-1"]);
    all["cardId"] = json!("pLocalCash-Coupon_0000000001");
    call(&world, "POST", "", &all).await.ok();
    let refusal = json!({ "auditId": "500001", "refuseReason": "照片不清晰" });
    let reviewed = world.request("POST", "/_wechat/nearby_pois/review").json(&refusal).send().await;
    assert_eq!(reviewed.expect("an answer").status(), 200);
    let listed = call(&world, "GET", "?page=1&pageRows=10", &json!({})).await.ok();
    assert_eq!(listed.text("/poiList/0/refuseReason"), "照片不清晰");
    assert_eq!(listed.text("/poiList/0/auditStatus"), "4");
}

#[tokio::test]
async fn calls_of_many_operators_reach_wechat_one_by_one_a_second_apart() {
    let world = World::start().await;
    let nothing = json!({});
    let calls = futures_util::future::join_all((0..5).map(|_| world.operator("GET", POIS, &nothing)));
    let time = async {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            world.clock.advance(Duration::from_millis(500));
        }
    };
    let answers = tokio::select! {
        answers = calls => answers,
        () = time => unreachable!("time never ends"),
    };
    for answer in answers {
        // WeChat would have refused a call that came too early.
        answer.ok();
    }
    let calls = world.wechat().upstream_calls().into_iter().filter(|call| call.path == LIST);
    let times: Vec<u64> = calls.map(|call| call.time).collect();
    assert_eq!(times.len(), 5);
    assert!(times.windows(2).all(|pair| pair[1] >= pair[0] + 1000), "{times:?}");
}

#[tokio::test]
async fn while_another_call_has_the_turn_wechat_is_not_called() {
    let world = World::start().await;
    world.operator("GET", POIS, &json!({})).await.ok();
    // The clock stands still, so the pause never ends.
    let waited = world.operator("GET", POIS, &json!({})).await;
    assert_eq!(waited.outcome(), "503 UPSTREAM_BUSY");
    assert_eq!(waited.headers["retry-after"], "5");
    assert_eq!(world.calls_to(LIST), 1);
    world.clock.advance(Duration::from_secs(2));
    world.operator("GET", POIS, &json!({})).await.ok();
}

#[tokio::test]
async fn a_lease_that_was_never_given_back_ends_by_itself() {
    let world = World::start().await;
    let until = (world.now() + 30) * 1000;
    let lease = json!({ "name": { "S": "nearby_pois" }, "lease_id": { "S": "gone" }, "held_until": { "N": until.to_string() } });
    world.put_item("LeasesTable", lease).await;
    assert_eq!(world.operator("GET", POIS, &json!({})).await.outcome(), "503 UPSTREAM_BUSY");
    world.clock.advance(Duration::from_secs(31));
    list(&world).await.ok();
}

#[tokio::test]
async fn a_place_is_never_added_twice_by_a_lost_answer() {
    let world = World::start().await;
    world.wechat().set_fault(Fault::TimeoutAfter { path: ADD.into(), times: 1, millis: 0 });
    assert_eq!(call(&world, "POST", "", &place()).await.outcome(), "503 UPSTREAM_BUSY");
    assert_eq!(world.calls_to(ADD), 1);
    assert_eq!(list(&world).await.ok().json()["poiList"].as_array().expect("places").len(), 1);
    // WeChat itself knows the licence at this address.
    let again = call(&world, "POST", "", &place()).await;
    assert_eq!(
        (again.outcome().as_str(), again.text("/message").as_str()),
        ("409 CONFLICT", "该经营资质已添加（微信错误码 92000）")
    );
    world.wechat().set_fault(Fault::Busy { path: LIST.into(), times: 1 });
    assert_eq!(list(&world).await.outcome(), "503 UPSTREAM_BUSY", "a busy WeChat is not asked again at once");
}

#[tokio::test]
async fn each_errcode_has_its_own_answer() {
    let world = World::start().await;
    for (errcode, outcome, message) in [
        (20002, "400 INVALID_INPUT", "参数未被微信接受"),
        (48001, "501 NOT_CONFIGURED", "该功能暂未开通"),
        (92000, "409 CONFLICT", "该经营资质已添加"),
        (92002, "409 CONFLICT", "可添加的地点数已用完"),
        (92003, "409 CONFLICT", "该地点已被其他小程序占用"),
        (92004, "409 CONFLICT", "附近功能已被封禁"),
        (92005, "409 CONFLICT", "地点正在审核中"),
        (92006, "409 CONFLICT", "地点正在展示中"),
        (92007, "409 CONFLICT", "地点审核未通过"),
        (92008, "409 CONFLICT", "小程序未在该地点展示"),
        (93009, "409 CONFLICT", "小程序尚未发布"),
        (93010, "404 NOT_FOUND", "地点不存在"),
        (93011, "409 CONFLICT", "个人小程序不支持该功能"),
        (93012, "409 CONFLICT", "仅普通小程序支持该功能"),
        (93013, "409 CONFLICT", "地图未找到该地点"),
        (93014, "409 CONFLICT", "该经营资质已添加"),
        (45009, "429 RATE_LIMITED", "操作太频繁"),
        (99999, "409 CONFLICT", "微信拒绝了该请求"),
    ] {
        world.wechat().set_fault(Fault::Errcode { path: ADD.into(), errcode, times: 1 });
        let refused = call(&world, "POST", "", &place()).await;
        assert_eq!(refused.outcome(), outcome, "{errcode}");
        assert!(refused.text("/message").starts_with(message), "{errcode}: {}", refused.body);
    }
}

#[tokio::test]
async fn wrong_requests_are_refused_without_a_call() {
    let world = World::start().await;
    let mut unknown = place();
    unknown["store_name"] = json!("小店");
    let mut without_pictures = place();
    without_pictures["picList"] = json!([]);
    for (method, path, body) in [
        ("POST", "", unknown),
        ("POST", "", without_pictures),
        ("PUT", "/4850/show", json!({ "status": 2 })),
        ("PUT", "/4850/show", json!({})),
        ("GET", "?page=0", json!({})),
        ("GET", "?pageRows=1001", json!({})),
    ] {
        assert_eq!(call(&world, method, path, &body).await.outcome(), "400 INVALID_INPUT", "{method} {path}");
    }
    for path in ["/0", "/x", "/1%202"] {
        assert_eq!(call(&world, "DELETE", path, &json!({})).await.outcome(), "404 NOT_FOUND", "{path}");
    }
    assert_eq!(world.wechat().upstream_calls().iter().filter(|call| call.path.contains("nearby")).count(), 0);
}

#[tokio::test]
async fn without_the_setting_every_route_is_not_configured() {
    let world = World::start().with_config("[nearby]\nenabled = false").await;
    for (method, path) in [("GET", ""), ("POST", ""), ("DELETE", "/4850"), ("PUT", "/4850/show")] {
        assert_eq!(call(&world, method, path, &json!({})).await.outcome(), "501 NOT_CONFIGURED", "{method}");
    }
}
