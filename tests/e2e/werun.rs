//! `/api/werun…`

use std::time::Duration;

use e2e::{Phone, Requests, Response, World};
use futures_util::{StreamExt, future::join_all, stream};
use insta::assert_snapshot;
use local_wechat::StepInfo;
use serde_json::{Value, json};
use shared::types::{Day, UnixSeconds};

async fn data(phone: &Phone<'_>) -> Value {
    let data = phone.wx("getWeRunData", json!({})).await.json();
    json!({ "encryptedData": data["encryptedData"], "iv": data["iv"] })
}

pub(crate) async fn sync(phone: &Phone<'_>) -> Response {
    phone.post("/api/werun/decrypt", &data(phone).await).await
}

fn today(world: &World) -> Day {
    Day::of(UnixSeconds::new(world.now()))
}

/// Gives the phone these steps, the last one today.
pub(crate) fn walk(world: &World, phone: &Phone<'_>, steps: &[u32]) {
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

/// Enters the group on the phone and tells the back end; the group's id.
pub(crate) async fn enter_group(phone: &Phone<'_>, group: &str) -> String {
    phone.wx("shareToGroup", json!({ "group": group })).await;
    let data = phone.wx("getGroupEnterInfo", json!({})).await.json();
    let body = json!({ "encryptedData": data["encryptedData"], "iv": data["iv"] });
    phone.post("/api/share/group", &body).await.ok().text("/openGId")
}

pub(crate) async fn rank(phone: &Phone<'_>, group: &str) -> Response {
    phone.get(&format!("/api/werun/rank?openGId={group}")).await
}

/// Rank, steps and `isMe` of each row.
fn rows(ranking: &Value) -> Vec<(u64, u64, bool)> {
    let rows = ranking["rankList"].as_array().expect("a list").iter();
    let number = |value: &Value| value.as_u64().expect("a number");
    rows.map(|row| (number(&row["rank"]), number(&row["step"]), row["isMe"] == true)).collect()
}

#[tokio::test]
async fn members_see_who_walked_most_and_equal_steps_share_a_rank() {
    let world = World::start().await;
    let mut group = String::new();
    let mut phones = Vec::new();
    // The second one syncs before entering the group, the others after it; the last one does not sync.
    for (steps, syncs_first) in [(Some(300), false), (Some(500), true), (Some(300), false), (None, false)] {
        let phone = world.user().await;
        walk(&world, &phone, &[steps.unwrap_or(0)]);
        if syncs_first {
            sync(&phone).await.ok();
        }
        group = enter_group(&phone, "family").await;
        if !syncs_first && steps.is_some() {
            sync(&phone).await.ok();
        }
        phones.push(phone);
    }
    let (answer, cost) = world.count_requests(rank(&phones[2], &group)).await;
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 });
    let ranking = answer.ok().json();
    assert_eq!((&ranking["myRank"], &ranking["myStep"]), (&json!(2), &json!(300)));
    assert_eq!(rows(&ranking), [(1, 500, false), (2, 300, true), (2, 300, false)]);
    let without = rank(&phones[3], &group).await.ok().json();
    assert_eq!((&without["myRank"], &without["myStep"]), (&Value::Null, &json!(0)));
    // Steps of yesterday are not ranked today.
    world.clock.advance(Duration::from_secs(86_400));
    phones[0].log_in().await;
    assert_eq!(rows(&rank(&phones[0], &group).await.ok().json()), []);
}

#[tokio::test]
async fn a_ranking_is_for_members_only() {
    let world = World::start().await;
    let (member, other) = (world.user().await, world.user().await);
    let group = enter_group(&member, "family").await;
    enter_group(&other, "colleagues").await;
    let (refused, cost) = world.count_requests(rank(&other, &group)).await;
    assert_snapshot!(refused.snapshot(), @r#"403 {"success":false,"code":"FORBIDDEN","message":"仅群成员可以查看排行","requestId":"…"}"#);
    // Who is in no group may have no session.
    assert_eq!(cost, Requests { dynamodb: 2, wechat: 0 });
    for wrong in ["/api/werun/rank", "/api/werun/rank?openGId=", "/api/werun/rank?openGId=a%20b"] {
        assert_eq!(member.get(wrong).await.outcome(), "400 INVALID_INPUT", "{wrong}");
    }
    let without_token = world.request("GET", &format!("/api/werun/rank?openGId={group}"));
    assert_eq!(world.send(without_token).await.outcome(), "401 UNAUTHORIZED");
}

#[tokio::test]
async fn fifty_members_who_sync_at_once_are_all_ranked() {
    let world = World::start().await;
    let mut phones = Vec::new();
    let mut group = String::new();
    for number in 0..50 {
        let phone = world.user().await;
        walk(&world, &phone, &[1000 + number]);
        group = enter_group(&phone, "company").await;
        phones.push(phone);
    }
    let answers = join_all(phones.iter().map(sync)).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let (answer, cost) = world.count_requests(rank(&phones[0], &group)).await;
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 });
    let ranking = answer.ok().json();
    assert_eq!(ranking["myRank"], 50);
    let steps: Vec<_> = rows(&ranking).into_iter().map(|(_, steps, _)| steps).collect();
    assert_eq!(steps, (1000..1050).rev().collect::<Vec<_>>());
}

/// Puts so many members with as many steps into the group.
async fn fill(world: &World, group: &str, count: usize) {
    let day = today(world).to_string();
    let rows = (0..count).map(|number| {
        let steps = json!({ "day": { "S": day }, "steps": { "N": number.to_string() } });
        let row = json!({
            "group_id": { "S": format!("group:{group}") },
            "user_id": { "S": format!("a{number:06}") },
            "nickname": { "S": "名".repeat(20) },
            "avatar_url": { "S": format!("https://example.com/{}", "a".repeat(150)) },
            "steps": { "M": steps },
            "expires_at": { "N": (world.now() + 86_400).to_string() },
        });
        world.put_item("GroupsTable", row)
    });
    stream::iter(rows).buffer_unordered(32).collect::<Vec<_>>().await;
}

#[tokio::test]
async fn a_group_of_500_is_ranked_by_one_request_with_100_rows() {
    let world = World::start().await;
    let phone = world.user().await;
    walk(&world, &phone, &[77]);
    sync(&phone).await.ok();
    let group = enter_group(&phone, "large").await;
    fill(&world, &group, 499).await;
    let (answer, cost) = world.count_requests(rank(&phone, &group)).await;
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 });
    let ranking = answer.ok().json();
    // 421 members have walked more, and one as much.
    assert_eq!((rows(&ranking).len(), &ranking["myRank"]), (100, &json!(422)));
    assert_eq!(ranking["rankList"][0]["step"], 498);
}

#[tokio::test]
async fn a_group_of_any_size_is_answered_by_two_requests() {
    let world = World::start().await;
    let phone = world.user().await;
    walk(&world, &phone, &[77]);
    sync(&phone).await.ok();
    let group = enter_group(&phone, "endless").await;
    fill(&world, &group, 3000).await;
    let (answer, cost) = world.count_requests(rank(&phone, &group)).await;
    assert_eq!(cost, Requests { dynamodb: 2, wechat: 0 });
    let ranking = answer.ok().json();
    assert_eq!(
        (rows(&ranking).len(), &ranking["myRank"], &ranking["myStep"]),
        (100, &Value::Null, &json!(77))
    );
    let stranger = world.user().await;
    assert_eq!(rank(&stranger, &group).await.outcome(), "403 FORBIDDEN");
}

#[tokio::test]
async fn a_member_s_sync_costs_one_request_more() {
    let world = World::start().await;
    let phone = world.user().await;
    walk(&world, &phone, &[100]);
    for group in ["a", "b", "c"] {
        enter_group(&phone, group).await;
    }
    let body = data(&phone).await;
    let (answer, cost) = world.count_requests(phone.post("/api/werun/decrypt", &body)).await;
    answer.ok();
    assert_eq!(cost, Requests { dynamodb: 3, wechat: 0 });
    let (_, again) = world.count_requests(phone.post("/api/werun/decrypt", &body)).await;
    assert_eq!(again, Requests { dynamodb: 2, wechat: 0 });
}
