//! `POST /api/scores`, `GET /api/scores/rank`, `GET /api/admin/boards/{board}`, `PUT /api/admin/boards/{board}`

use std::time::Duration;

use e2e::{Phone, Requests, Response, World};
use futures_util::future::join_all;
use insta::assert_snapshot;
use serde_json::{Value, json};

const SCORES: &str = "/api/scores";

/// A board of scores from 0 to 1000.
async fn define(world: &World, board: &str, order: &str, period: &str) {
    let rules = json!({ "order": order, "period": period, "min": 0, "max": 1000 });
    world.operator("PUT", &format!("/api/admin/boards/{board}"), &rules).await.ok();
}

async fn submit(phone: &Phone<'_>, board: &str, score: i64) -> Response {
    phone.post(SCORES, &json!({ "board": board, "score": score })).await
}

/// The best score, and whether it is the one that was sent.
fn best(answer: Response) -> (i64, bool) {
    let answer = answer.ok().json();
    (answer["best"].as_i64().expect("a score"), answer["isBest"] == true)
}

/// Enters the group on the phone and tells the back end; the group's id.
async fn enter_group(phone: &Phone<'_>, group: &str) -> String {
    phone.wx("shareToGroup", json!({ "group": group })).await;
    let data = phone.wx("getGroupEnterInfo", json!({})).await.json();
    let body = json!({ "encryptedData": data["encryptedData"], "iv": data["iv"] });
    phone.post("/api/share/group", &body).await.ok().text("/openGId")
}

async fn rank(phone: &Phone<'_>, board: &str, group: &str) -> Response {
    phone.get(&format!("/api/scores/rank?board={board}&openGId={group}")).await
}

/// Rank, score and `isMe` of each row.
fn rows(ranking: &Value) -> Vec<(u64, i64, bool)> {
    let rows = ranking["rankList"].as_array().expect("a list").iter();
    rows.map(|row| {
        let rank = row["rank"].as_u64().expect("a rank");
        (rank, row["score"].as_i64().expect("a score"), row["isMe"] == true)
    })
    .collect()
}

#[tokio::test]
async fn an_operator_defines_a_board_and_its_name_stays_with_it() {
    let world = World::start().await;
    define(&world, "level-1", "desc", "WEEK").await;
    let board = world.operator("GET", "/api/admin/boards/level-1", &json!({})).await.ok().json();
    let changed_by = board["board"]["changedBy"].as_str().expect("an ARN");
    assert!(changed_by.starts_with("arn:"), "{changed_by}");
    let expected = json!({ "board": "level-1", "order": "desc", "period": "WEEK", "min": 0, "max": 1000, "changedBy": changed_by });
    assert_eq!(board["board"], expected);
    for path in ["/api/admin/boards/none", "/api/admin/boards/a%20b"] {
        assert_eq!(world.operator("GET", path, &json!({})).await.outcome(), "404 NOT_FOUND", "{path}");
    }
    for (change, field) in [
        (json!({ "order": "up" }), "order"),
        (json!({ "period": "MONTH" }), "period"),
        (json!({ "min": null }), "min"),
        (json!({ "max": -1 }), "min"),
        (json!({ "max": 1_000_000_000_001_u64 }), "max"),
        (json!({ "color": "red" }), "color"),
    ] {
        let mut rules = json!({ "order": "desc", "period": "ALL", "min": 0, "max": 9 });
        rules.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        let answer = world.operator("PUT", "/api/admin/boards/b", &rules).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{rules}");
        assert!(answer.text("/message").contains(field), "{}", answer.body);
    }
    assert_eq!(world.send(world.request("GET", "/api/admin/boards/level-1")).await.status, 403);
}

#[tokio::test]
async fn the_best_score_of_a_period_is_kept_in_one_write() {
    let world = World::start().await;
    define(&world, "points", "desc", "DAY").await;
    define(&world, "seconds", "asc", "DAY").await;
    let mut phone = world.user().await;
    assert_snapshot!(submit(&phone, "points", 500).await.snapshot(), @r#"200 {"success":true,"best":500,"isBest":true}"#);
    let (better, cost) = world.count_requests(submit(&phone, "points", 700)).await;
    assert_eq!((best(better), cost), ((700, true), Requests { dynamodb: 2, wechat: 0 }));
    let (worse, cost) = world.count_requests(submit(&phone, "points", 600)).await;
    assert_eq!((best(worse), cost), ((700, false), Requests { dynamodb: 1, wechat: 0 }));
    assert_eq!(best(submit(&phone, "points", 700).await), (700, true));
    for (seconds, expected) in [(90, (90, true)), (95, (90, false)), (60, (60, true))] {
        assert_eq!(best(submit(&phone, "seconds", seconds).await), expected);
    }
    world.clock.advance(Duration::from_secs(86_400));
    phone.log_in().await;
    assert_eq!(best(submit(&phone, "points", 1).await), (1, true));
}

#[tokio::test]
async fn scores_at_once_leave_the_best_one() {
    let world = World::start().await;
    define(&world, "points", "desc", "ALL").await;
    let phone = world.user().await;
    enter_group(&phone, "g").await;
    let answers = join_all([30, 90, 10, 70].map(|score| submit(&phone, "points", score))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(best(submit(&phone, "points", 1).await), (90, false));
    let group = enter_group(&phone, "g").await;
    assert_eq!(rows(&rank(&phone, "points", &group).await.ok().json()), [(1, 90, true)]);
}

#[tokio::test]
async fn fifty_members_who_report_at_once_are_all_ranked() {
    let world = World::start().await;
    define(&world, "points", "desc", "ALL").await;
    let mut phones = Vec::new();
    let mut group = String::new();
    for _ in 0..50 {
        let phone = world.user().await;
        group = enter_group(&phone, "company").await;
        phones.push(phone);
    }
    let answers = join_all(phones.iter().zip(0..).map(|(phone, score)| submit(phone, "points", score))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    rank(&phones[0], "points", &group).await.ok();
    let (answer, cost) = world.count_requests(rank(&phones[0], "points", &group)).await;
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 });
    let ranking = answer.ok().json();
    assert_eq!((&ranking["myRank"], &ranking["myScore"]), (&json!(50), &json!(0)));
    let scores: Vec<_> = rows(&ranking).into_iter().map(|(_, score, _)| score).collect();
    assert_eq!(scores, (0..50).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_ranking_has_the_order_of_the_board_and_its_period_only() {
    let world = World::start().await;
    define(&world, "seconds", "asc", "DAY").await;
    let (mut one, two) = (world.user().await, world.user().await);
    // A score of before the entry counts too.
    submit(&one, "seconds", 70).await.ok();
    let group = enter_group(&one, "g").await;
    enter_group(&two, "g").await;
    let body = json!({ "board": "seconds", "score": 60, "level": 3 });
    two.post(SCORES, &body).await.ok();
    let ranking = rank(&one, "seconds", &group).await.ok().json();
    assert_eq!(rows(&ranking), [(1, 60, false), (2, 70, true)]);
    assert_eq!(
        (&ranking["rankList"][0]["level"], &ranking["rankList"][1]["level"]),
        (&json!(3), &Value::Null)
    );
    world.clock.advance(Duration::from_secs(86_400));
    one.log_in().await;
    let ranking = rank(&one, "seconds", &group).await.ok().json();
    assert_eq!((rows(&ranking), &ranking["myScore"]), (Vec::new(), &Value::Null));
}

#[tokio::test]
async fn a_score_out_of_new_bounds_is_not_ranked_any_more() {
    let world = World::start().await;
    define(&world, "points", "desc", "ALL").await;
    let phone = world.user().await;
    let group = enter_group(&phone, "g").await;
    submit(&phone, "points", 1000).await.ok();
    let rules = json!({ "order": "desc", "period": "ALL", "min": 0, "max": 500 });
    world.operator("PUT", "/api/admin/boards/points", &rules).await.ok();
    world.clock.advance(Duration::from_secs(61));
    assert_eq!(rows(&rank(&phone, "points", &group).await.ok().json()), []);
    assert_eq!(best(submit(&phone, "points", 400).await), (400, true));
}

#[tokio::test]
async fn a_wrong_score_and_a_stranger_are_refused() {
    let world = World::start().await;
    define(&world, "points", "desc", "ALL").await;
    let (phone, stranger) = (world.user().await, world.user().await);
    let group = enter_group(&phone, "g").await;
    assert_eq!(submit(&phone, "none", 1).await.outcome(), "404 NOT_FOUND");
    for (body, field) in [
        (json!({ "score": 1 }), "board"),
        (json!({ "board": "a b", "score": 1 }), "board"),
        (json!({ "board": "points" }), "score"),
        (json!({ "board": "points", "score": 1001 }), "score"),
        (json!({ "board": "points", "score": -1 }), "score"),
        (json!({ "board": "points", "score": 1.5 }), "score"),
        (json!({ "board": "points", "score": 1, "level": -1 }), "level"),
        (json!({ "board": "points", "score": 1, "openid": "o" }), "openid"),
    ] {
        let answer = phone.post(SCORES, &body).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{body}");
        assert!(answer.text("/message").contains(field), "{}", answer.body);
    }
    assert_eq!(world.post(SCORES, &json!({})).await.outcome(), "401 UNAUTHORIZED");
    assert_eq!(rank(&stranger, "points", &group).await.outcome(), "403 FORBIDDEN");
    assert_eq!(rank(&phone, "none", &group).await.outcome(), "404 NOT_FOUND");
    assert_eq!(phone.get("/api/scores/rank?board=points").await.outcome(), "400 INVALID_INPUT");
    assert_eq!(phone.get(&format!("/api/scores/rank?openGId={group}")).await.outcome(), "400 INVALID_INPUT");
    for _ in 0..60 {
        submit(&phone, "points", 1).await;
    }
    assert_eq!(submit(&phone, "points", 1).await.outcome(), "429 RATE_LIMITED");
}

#[tokio::test]
async fn a_user_has_scores_on_20_boards_at_most() {
    let world = World::start().await;
    let phone = world.user().await;
    for number in 0..21 {
        define(&world, &format!("b{number}"), "desc", "ALL").await;
        let expected = if number < 20 { 200 } else { 409 };
        assert_eq!(submit(&phone, &format!("b{number}"), 1).await.status, expected, "{number}");
    }
    assert_eq!(best(submit(&phone, "b7", 2).await), (2, true));
}
