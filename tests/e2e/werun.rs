//! `/api/werun…`

use std::time::Duration;

use e2e::{Phone, Requests, Response, World};
use futures_util::future::join_all;
use insta::assert_snapshot;
use local_wechat::StepInfo;
use serde_json::{Value, json};
use shared::types::{Day, UnixSeconds};

async fn data(phone: &Phone<'_>) -> Value {
    let data = phone.wx("getWeRunData", json!({})).await.json();
    json!({ "encryptedData": data["encryptedData"], "iv": data["iv"] })
}

async fn sync(phone: &Phone<'_>) -> Response {
    phone.post("/api/werun/decrypt", &data(phone).await).await
}

fn today(world: &World) -> Day {
    Day::of(UnixSeconds::new(world.now()))
}

/// Gives the phone these steps, the last one today.
fn walk(world: &World, phone: &Phone<'_>, steps: &[u32]) {
    let days = steps.iter().rev().zip(0..);
    let days =
        days.map(|(step, ago)| StepInfo { timestamp: today(world).before(ago).begins().get(), step: *step });
    let mut days: Vec<_> = days.collect();
    days.reverse();
    world.wechat().set_steps(&phone.openid, days);
}

#[tokio::test]
async fn thirty_one_days_are_answered_in_order_and_stored_by_two_requests() {
    let world = World::start().await;
    let phone = world.user().await;
    sync(&phone).await.ok();
    let body = data(&phone).await;
    let (answer, cost) = world.count_requests(phone.post("/api/werun/decrypt", &body)).await;
    assert_eq!(cost, Requests { dynamodb: 2, wechat: 0 });
    let list = answer.ok().json()["stepInfoList"].as_array().expect("a list").clone();
    assert_eq!(list.len(), 31);
    assert!(list.windows(2).all(|pair| pair[0]["timestamp"].as_u64() < pair[1]["timestamp"].as_u64()));
    assert_eq!(world.items("StepsTable").await[0]["days"]["M"].as_object().expect("days").len(), 31);
}

#[tokio::test]
async fn the_summary_is_ready_for_the_chart() {
    let world = World::start().await;
    let phone = world.user().await;
    walk(&world, &phone, &[100, 200, 300, 400]);
    sync(&phone).await.ok();
    let (summary, cost) = world.count_requests(phone.get("/api/werun/summary?days=3")).await;
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 });
    let summary = summary.ok().json();
    assert_eq!(summary["totalSteps"], 900);
    assert_eq!(summary["averageSteps"], 300);
    assert_eq!(summary["maxSteps"], 400);
    assert_eq!(summary["chartData"]["series"], json!([{ "name": "步数", "data": [200, 300, 400] }]));
    let categories: Vec<_> = [2, 1, 0].map(|ago| today(&world).before(ago).month_and_day()).into();
    assert_eq!(summary["chartData"]["categories"], json!(categories));
    let newest = json!({ "timestamp": today(&world).begins(), "step": 400 });
    assert_eq!(summary["stepInfoList"][0], newest);
}

#[tokio::test]
async fn an_average_is_rounded_half_up_and_not_cut() {
    let world = World::start().await;
    for (steps, average) in [(&[1, 2][..], 2), (&[1, 3, 4], 3), (&[1, 1, 2], 1), (&[1, 2, 2, 4], 2)] {
        let phone = world.user().await;
        walk(&world, &phone, steps);
        sync(&phone).await.ok();
        let summary = phone.get("/api/werun/summary?days=4").await.ok().json();
        assert_eq!(summary["averageSteps"], average, "{steps:?}");
    }
}

#[tokio::test]
async fn a_user_who_never_synced_has_an_empty_chart() {
    let world = World::start().await;
    let phone = world.user().await;
    let summary = phone.get("/api/werun/summary").await.ok().json();
    assert_eq!(summary["chartData"]["series"][0]["data"], json!([0, 0, 0, 0, 0, 0, 0]));
    assert_eq!(summary["averageSteps"], 0);
    assert_eq!(summary["stepInfoList"], json!([]));
}

#[tokio::test]
async fn two_syncs_of_a_day_keep_the_larger_value() {
    let world = World::start().await;
    let phone = world.user().await;
    for (steps, kept) in [(500, 500), (800, 800), (300, 800)] {
        walk(&world, &phone, &[steps]);
        sync(&phone).await.ok();
        let summary = phone.get("/api/werun/summary?days=1").await.ok().json();
        assert_eq!(summary["totalSteps"], kept);
    }
    assert_eq!(world.items("StepsTable").await[0]["days"]["M"].as_object().expect("days").len(), 1);
}

#[tokio::test]
async fn syncs_at_once_keep_the_largest_value_of_each_day() {
    let world = World::start().await;
    let phone = world.user().await;
    let mut bodies = Vec::new();
    for steps in [10, 90, 20, 80] {
        walk(&world, &phone, &[steps, 100 - steps]);
        bodies.push(data(&phone).await);
    }
    let answers = join_all(bodies.iter().map(|body| phone.post("/api/werun/decrypt", body))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let summary = phone.get("/api/werun/summary?days=2").await.ok().json();
    assert_eq!(summary["chartData"]["series"][0]["data"], json!([90, 90]));
}

#[tokio::test]
async fn a_sync_on_the_next_day_adds_that_day() {
    let world = World::start().await;
    let phone = world.user().await;
    walk(&world, &phone, &[100]);
    sync(&phone).await.ok();
    world.clock.advance(Duration::from_secs(86_400));
    let mut phone = phone;
    phone.log_in().await;
    walk(&world, &phone, &[150]);
    sync(&phone).await.ok();
    let summary = phone.get("/api/werun/summary?days=2").await.ok().json();
    assert_eq!(summary["chartData"]["series"][0]["data"], json!([100, 150]));
}

#[tokio::test]
async fn foreign_stale_and_malformed_data_are_refused() {
    let world = World::start().await;
    let (one, two) = (world.user().await, world.user().await);
    let theirs = data(&two).await;
    assert_eq!(one.post("/api/werun/decrypt", &theirs).await.outcome(), "401 SESSION_EXPIRED");
    let mine = data(&one).await;
    world.clock.advance(Duration::from_secs(301));
    assert_eq!(one.post("/api/werun/decrypt", &mine).await.outcome(), "400 WATERMARK_MISMATCH");
    let other = one.wx("getUserInfo", json!({})).await.json();
    let other = json!({ "encryptedData": other["encryptedData"], "iv": other["iv"] });
    assert_eq!(one.post("/api/werun/decrypt", &other).await.outcome(), "400 INVALID_INPUT");
    for (body, field) in [
        (json!({}), "encryptedData"),
        (json!({ "encryptedData": "x" }), "iv"),
        (json!({ "steps": 1 }), "steps"),
    ] {
        let answer = one.post("/api/werun/decrypt", &body).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT");
        assert!(answer.text("/message").contains(field), "{}", answer.body);
    }
    for days in ["0", "32", "-1", "x", ""] {
        assert_eq!(
            one.get(&format!("/api/werun/summary?days={days}")).await.outcome(),
            "400 INVALID_INPUT",
            "{days}"
        );
    }
    assert_eq!(world.send(world.request("GET", "/api/werun/summary")).await.outcome(), "401 UNAUTHORIZED");
    assert!(world.items("StepsTable").await.is_empty());
}

#[tokio::test]
async fn a_ranking_is_refused_because_no_member_is_known() {
    let world = World::start().await;
    let phone = world.user().await;
    assert_snapshot!(phone.get("/api/werun/rank?openGId=tGEmahu4JpymxRTthEQ87E0R2Ul4").await.snapshot(), @r#"403 {"success":false,"code":"FORBIDDEN","message":"仅群成员可以查看排行","requestId":"…"}"#);
    assert_eq!(phone.get("/api/werun/rank").await.outcome(), "400 INVALID_INPUT");
}
