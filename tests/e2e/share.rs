//! `POST /api/record-share`, `POST /api/share/entry`, `POST /api/share/group`, `GET /api/admin/shares`

use std::time::Duration;

use e2e::{Phone, Requests, Response, World};
use futures_util::{StreamExt, future::join_all, stream};
use insta::assert_snapshot;
use local_dynamo::{DynamoFault, FaultKind};
use local_wechat::Fault;
use serde_json::{Value, json};

const RECORD: &str = "/api/record-share";
const ENTRY: &str = "/api/share/entry";
const GROUP: &str = "/api/share/group";
const PAGE: &str = "pages/goods/detail";

/// What a mini program sends in `onShareAppMessage`.
fn intent(world: &World, page: &str) -> Value {
    json!({ "type": "appMessage", "page": page, "timestamp": world.now() * 1000 })
}

/// A share id of the page.
async fn share_id(world: &World, phone: &Phone<'_>) -> String {
    phone.post(RECORD, &intent(world, PAGE)).await.ok().text("/shareId")
}

/// A visitor without a token opens the card.
async fn enter(world: &World, share_id: &str, agent: &str) -> Response {
    let request = world.request("POST", ENTRY).header("user-agent", agent);
    world.send(request.json(&json!({ "shareId": share_id }))).await
}

async fn list(world: &World) -> Value {
    world.operator("GET", "/api/admin/shares", &json!({})).await.ok().json()
}

/// Intents and entries of all pages and days.
async fn counts(world: &World) -> (u64, u64) {
    let list = list(world).await;
    let sum = |name: &str| {
        let shares = list["shares"].as_array().expect("a list").iter();
        shares.map(|share| share[name].as_u64().expect("a count")).sum()
    };
    (sum("count"), sum("entries"))
}

/// Shares into the chat on the phone, and tells the back end with `wx.getGroupEnterInfo`.
async fn enter_group(phone: &Phone<'_>, group: &str, chat_type: u8) -> Response {
    phone.wx("shareToGroup", json!({ "group": group, "chatType": chat_type })).await;
    let data = phone.wx("getGroupEnterInfo", json!({ "allowSingleChat": true })).await.json();
    phone.post(GROUP, &json!({ "encryptedData": data["encryptedData"], "iv": data["iv"] })).await
}

#[tokio::test]
async fn an_intent_is_counted_and_gives_an_id_for_the_address() {
    let world = World::start().await;
    let phone = world.user().await;
    share_id(&world, &phone).await;
    let body = intent(&world, PAGE);
    let (answer, cost) = world.count_requests(phone.post(RECORD, &body)).await;
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 });
    let given = answer.ok().text("/shareId");
    assert!(given.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{given}");
    // The card may stand in the chat already, so its id stays.
    let again = json!({ "type": "appMessage", "page": PAGE, "timestamp": 1, "shareId": given });
    assert_eq!(phone.post(RECORD, &again).await.ok().text("/shareId"), given);
    let other = json!({ "type": "timeline", "page": format!("/{PAGE}?id=7"), "shareId": given });
    assert_ne!(phone.post(RECORD, &other).await.ok().text("/shareId"), given);
    assert_eq!(counts(&world).await, (4, 0));
    let list = list(&world).await;
    let pages: Vec<_> =
        list["shares"].as_array().expect("a list").iter().map(|share| &share["page"]).collect();
    assert_eq!(pages, [PAGE, PAGE]);
}

#[tokio::test]
async fn a_visitor_is_counted_once_a_day_and_again_the_next_day() {
    let world = World::start().await;
    let phone = world.user().await;
    let id = share_id(&world, &phone).await;
    let (first, cost) = world.count_requests(enter(&world, &id, "iPhone 15")).await;
    assert_snapshot!(first.ok().snapshot(), @r#"200 {"success":true}"#);
    assert_eq!(cost, Requests { dynamodb: 2, wechat: 0 });
    let (_, again) = world.count_requests(enter(&world, &id, "iPhone 15")).await;
    assert_eq!(again, Requests { dynamodb: 0, wechat: 0 });
    enter(&world, &id, "HUAWEI Mate 60").await.ok();
    assert_eq!(counts(&world).await, (1, 2));
    // A user is the same visitor with every phone.
    for agent in ["one", "two"] {
        let request = world.request("POST", ENTRY).header("user-agent", agent).bearer_auth(&phone.token);
        world.send(request.json(&json!({ "shareId": id }))).await.ok();
    }
    assert_eq!(counts(&world).await, (1, 3));
    world.clock.advance(Duration::from_secs(86_400));
    enter(&world, &id, "iPhone 15").await.ok();
    assert_eq!(counts(&world).await, (1, 4));
}

#[tokio::test]
async fn a_token_that_has_expired_does_not_keep_a_page_from_opening() {
    let world = World::start().await;
    let phone = world.user().await;
    let id = share_id(&world, &phone).await;
    let request = world.request("POST", ENTRY).bearer_auth("x.y.z").json(&json!({ "shareId": id }));
    world.send(request).await.ok();
    assert_eq!(counts(&world).await, (1, 1));
}

#[tokio::test]
async fn a_thousand_visitors_at_once_are_counted_by_two_requests_each() {
    let world = World::start().await;
    let phone = world.user().await;
    let id = share_id(&world, &phone).await;
    let (_, cost) = world
        .count_requests(async {
            let visits = (0..1000).map(|number| {
                let (world, id) = (&world, &id);
                async move { enter(world, id, &format!("phone {number}")).await.ok() }
            });
            stream::iter(visits).buffer_unordered(64).collect::<Vec<_>>().await
        })
        .await;
    assert_eq!(cost, Requests { dynamodb: 2000, wechat: 0 });
    assert_eq!(counts(&world).await, (1, 1000));
    // All shards were written to, so that no key took all writes.
    let rows = world.items("SharesTable").await;
    let shards = rows.iter().filter(|row| row["entries"]["N"].is_string()).count();
    assert!(shards > 8, "{shards}");
}

#[tokio::test]
async fn a_flood_of_one_visitor_at_once_counts_one_entry() {
    let world = World::start().await;
    let phone = world.user().await;
    let id = share_id(&world, &phone).await;
    let answers = join_all((0..50).map(|_| enter(&world, &id, "one"))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(counts(&world).await, (1, 1));
}

#[tokio::test]
async fn more_new_visitors_of_one_address_than_a_crowd_are_refused() {
    let world = World::start().await;
    let phone = world.user().await;
    let id = share_id(&world, &phone).await;
    let visits = (0..1201).map(|number| {
        let (world, id) = (&world, &id);
        async move { enter(world, id, &number.to_string()).await.outcome() }
    });
    let outcomes: Vec<_> = stream::iter(visits).buffer_unordered(64).collect().await;
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "429 RATE_LIMITED").count(), 1);
}

#[tokio::test]
async fn an_id_that_was_not_given_is_refused_and_writes_nothing() {
    let world = World::start().await;
    let phone = world.user().await;
    let id = share_id(&world, &phone).await;
    let rows = world.items("SharesTable").await.len();
    let mut forged = id.clone();
    let last = if forged.pop() == Some('A') { 'B' } else { 'A' };
    forged.push(last);
    for wrong in [forged.as_str(), "", "x", "1.x.y", &id[2..]] {
        let (answer, cost) = world.count_requests(enter(&world, wrong, "one")).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{wrong}");
        assert_eq!(cost.dynamodb, 0);
    }
    assert_eq!(world.post(ENTRY, &json!({})).await.outcome(), "400 INVALID_INPUT");
    assert_eq!(world.post(ENTRY, &json!({ "shareId": id, "x": 1 })).await.outcome(), "400 INVALID_INPUT");
    // After 90 days nobody asks any more who came.
    world.clock.advance(Duration::from_secs(92 * 86_400));
    enter(&world, &id, "late").await.ok();
    assert_eq!(world.items("SharesTable").await.len(), rows);
}

#[tokio::test]
async fn a_malformed_intent_is_refused_and_the_field_is_named() {
    let world = World::start().await;
    let phone = world.user().await;
    for (body, field) in [
        (json!({ "page": PAGE }), "type"),
        (json!({ "type": "moments", "page": PAGE }), "type"),
        (json!({ "type": "appMessage" }), "page"),
        (json!({ "type": "appMessage", "page": "a b" }), "page"),
        (json!({ "type": "appMessage", "page": PAGE, "shareId": "1.x.y" }), "shareId"),
        (json!({ "type": "appMessage", "page": PAGE, "openid": "o" }), "openid"),
    ] {
        let answer = phone.post(RECORD, &body).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{body}");
        assert!(answer.text("/message").contains(field), "{}", answer.body);
    }
    assert_eq!(world.post(RECORD, &intent(&world, PAGE)).await.outcome(), "401 UNAUTHORIZED");
    for _ in 0..30 {
        phone.post(RECORD, &intent(&world, PAGE)).await;
    }
    assert_eq!(phone.post(RECORD, &intent(&world, PAGE)).await.outcome(), "429 RATE_LIMITED");
}

#[tokio::test]
async fn every_kind_of_chat_makes_a_member_in_both_spellings() {
    let world = World::start().await;
    let phone = world.user().await;
    for (chat, chat_type) in [("two", 1), ("contact", 2), ("group", 3), ("company", 4)] {
        let answer = enter_group(&phone, chat, chat_type).await.ok();
        assert_eq!(answer.json()["chatType"], chat_type);
        assert_eq!(answer.text("/openGId").starts_with("single:"), chat_type < 3);
    }
    let shared = phone.wx("shareToGroup", json!({ "group": "group" })).await.json();
    let info = phone.wx("getShareInfo", json!({ "shareTicket": shared["shareTicket"] })).await.json();
    let body = json!({ "encryptedData": info["encryptedData"], "iv": info["iv"] });
    let old = phone.post(GROUP, &body).await.ok();
    assert_eq!(old.json()["chatType"], 3);
    assert_eq!(old.text("/openGId"), enter_group(&phone, "group", 3).await.ok().text("/openGId"));
    let ids: Vec<_> =
        world.items("GroupsTable").await.into_iter().map(|row| row["group_id"].clone()).collect();
    assert_eq!(ids.len(), 4, "{ids:?}");
}

#[tokio::test]
async fn entering_a_group_costs_two_requests_and_is_renewed_by_each_entry() {
    let world = World::start().await;
    let mut phone = world.user().await;
    enter_group(&phone, "warm", 3).await.ok();
    let (answer, cost) = world.count_requests(enter_group(&phone, "group", 3)).await;
    let group = answer.ok().text("/openGId");
    assert_eq!(cost, Requests { dynamodb: 2, wechat: 0 });
    let rank = format!("/api/werun/rank?openGId={group}");
    for (days, status) in [(60, 200), (80, 200), (91, 403)] {
        world.clock.advance(Duration::from_secs(days * 86_400));
        phone.log_in().await;
        assert_eq!(phone.get(&rank).await.status, status, "after {days} days");
        if days == 60 {
            enter_group(&phone, "group", 3).await.ok();
        }
    }
}

#[tokio::test]
async fn foreign_and_stale_group_data_are_refused() {
    let world = World::start().await;
    let (one, two) = (world.user().await, world.user().await);
    one.wx("shareToGroup", json!({ "group": "g" })).await;
    let data = one.wx("getGroupEnterInfo", json!({})).await.json();
    let body = json!({ "encryptedData": data["encryptedData"], "iv": data["iv"] });
    assert_eq!(two.post(GROUP, &body).await.outcome(), "401 SESSION_EXPIRED");
    let steps = one.wx("getWeRunData", json!({})).await.json();
    let steps = json!({ "encryptedData": steps["encryptedData"], "iv": steps["iv"] });
    assert_eq!(one.post(GROUP, &steps).await.outcome(), "400 INVALID_INPUT");
    world.clock.advance(Duration::from_secs(301));
    assert_eq!(one.post(GROUP, &body).await.outcome(), "400 WATERMARK_MISMATCH");
    assert_eq!(one.post(GROUP, &json!({ "iv": "x" })).await.outcome(), "400 INVALID_INPUT");
    assert_eq!(world.post(GROUP, &body).await.outcome(), "401 UNAUTHORIZED");
    assert!(world.items("GroupsTable").await.is_empty());
}

#[tokio::test]
async fn a_user_who_enters_several_groups_at_once_is_in_all_of_them() {
    let world = World::start().await;
    let phone = world.user().await;
    let mut bodies = Vec::new();
    for group in ["a", "b", "c", "d"] {
        phone.wx("shareToGroup", json!({ "group": group })).await;
        let data = phone.wx("getGroupEnterInfo", json!({})).await.json();
        bodies.push(json!({ "encryptedData": data["encryptedData"], "iv": data["iv"] }));
    }
    let answers = join_all(bodies.iter().map(|body| phone.post(GROUP, body))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(world.items("GroupsTable").await.len(), 4);
    let profile = &world.items("RankProfilesTable").await[0];
    assert_eq!(profile["groups"]["M"].as_object().expect("groups").len(), 4);
}

#[tokio::test]
async fn the_list_names_days_and_refuses_other_texts() {
    let world = World::start().await;
    let phone = world.user().await;
    share_id(&world, &phone).await;
    let get = async |query: &str| {
        world.operator("GET", &format!("/api/admin/shares{query}"), &json!({})).await.outcome()
    };
    for wrong in ["?from=2023-11-15", "?from=20231115&to=20231114", "?from=20230101&to=20230301", "?to=x"] {
        assert_eq!(get(wrong).await, "400 INVALID_INPUT", "{wrong}");
    }
    let long_ago = world.operator("GET", "/api/admin/shares?from=20230101&to=20230131", &json!({})).await;
    assert_eq!(long_ago.ok().json()["shares"], json!([]));
    assert_eq!(world.send(world.request("GET", "/api/admin/shares")).await.status, 403);
}

#[tokio::test]
async fn the_figures_of_wechat_stand_beside_the_counts_of_the_day() {
    let world = World::start().await;
    let phone = world.user().await;
    let id = share_id(&world, &phone).await;
    let path = format!("{PAGE}?shareId={id}");
    let shared = phone.wx("shareToGroup", json!({ "group": "g", "path": path })).await.json();
    let friend = world.stranger();
    let options = friend.wx("enterByShare", json!({ "shareCard": shared["shareCard"] })).await.json();
    enter(&world, options["query"]["shareId"].as_str().expect("the id"), "friend").await.ok();
    world.clock.advance(Duration::from_secs(36 * 3600));
    let report = world.bundle().run_task("share-figures").await.expect("a run");
    assert!(report["days"].as_array().is_some_and(|days| days.len() == 7), "{report}");
    let list = list(&world).await;
    let figures = list["wechat"].as_array().expect("a list");
    let figures = figures.iter().find(|figures| figures["shareCount"] == 1).expect("the day");
    assert_eq!((&figures["shareUsers"], &figures["visits"]), (&json!(1), &json!(1)));
    let share = &list["shares"][0];
    assert_eq!(
        (&share["count"], &share["entries"], &share["type"]),
        (&json!(1), &json!(1), &json!("appMessage"))
    );
    assert_eq!(share["date"], figures["date"]);
}

#[tokio::test]
async fn an_entry_whose_count_fails_is_an_error_and_not_counted_twice() {
    let world = World::start().await;
    let phone = world.user().await;
    let id = share_id(&world, &phone).await;
    world.dynamo().inject_fault(DynamoFault {
        caller: Some("ShareFunction".to_owned()),
        operation: Some("UpdateItem".to_owned()),
        kind: FaultKind::Throttle,
        times: 10,
    });
    assert_eq!(enter(&world, &id, "one").await.outcome(), "503 UPSTREAM_BUSY");
    world.dynamo().clear_faults();
    enter(&world, &id, "one").await.ok();
    assert!(counts(&world).await.1 <= 1);
    world.wechat().set_fault(Fault::LooseOpenData { times: 1 });
    enter_group(&phone, "g", 3).await.ok();
}
