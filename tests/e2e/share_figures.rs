//! `share-figures`

use std::time::Duration;

use e2e::World;
use local_wechat::Fault;
use serde_json::{Value, json};

const SUMMARY: &str = "/datacube/getweanalysisappiddailysummarytrend";

async fn run(world: &World) -> Value {
    world.bundle().run_task("share-figures").await.expect("a run")
}

/// How many days the report has in each state: stored, not ready, failed.
fn states(report: &Value) -> [usize; 3] {
    let days = report["days"].as_array().expect("days");
    ["STORED", "NOT_READY", "FAILED"].map(|state| days.iter().filter(|day| day["state"] == state).count())
}

/// Just after midnight in Beijing.
fn advance_past_midnight(world: &World) {
    let (day, offset) = (86_400, 8 * 3600);
    let rest = day - (world.now() + offset) % day;
    world.clock.advance(Duration::from_secs(rest + 60));
}

#[tokio::test]
async fn figures_that_are_not_ready_are_asked_for_again() {
    let world = World::start().await;
    advance_past_midnight(&world);
    assert_eq!(states(&run(&world).await), [6, 1, 0]);
    world.clock.advance(Duration::from_secs(9 * 3600));
    let before = world.calls_to(SUMMARY);
    assert_eq!(states(&run(&world).await), [1, 0, 0]);
    assert_eq!(world.calls_to(SUMMARY), before + 1);
    let (report, cost) = world.count_requests(run(&world)).await;
    assert_eq!(states(&report), [0, 0, 0]);
    assert_eq!((cost.dynamodb, cost.wechat), (1, 0));
}

#[tokio::test]
async fn a_failure_of_one_day_does_not_stop_the_others() {
    let world = World::start().await;
    advance_past_midnight(&world);
    world.clock.advance(Duration::from_secs(9 * 3600));
    world.wechat().set_fault(Fault::Errcode { path: SUMMARY.into(), errcode: 61501, times: 1 });
    world.wechat().set_fault(Fault::Body {
        path: SUMMARY.into(),
        body: json!({ "list": 1 }).to_string(),
        times: 1,
    });
    assert_eq!(states(&run(&world).await), [5, 0, 2]);
    assert_eq!(states(&run(&world).await), [2, 0, 0]);
}

#[tokio::test]
async fn figures_that_fail_for_a_week_raise_one_alert() {
    let world = World::start().await;
    advance_past_midnight(&world);
    world.clock.advance(Duration::from_secs(9 * 3600));
    world.wechat().set_fault(Fault::Errcode { path: SUMMARY.into(), errcode: 61501, times: 7 });
    assert_eq!(states(&run(&world).await), [0, 0, 7]);
    let alerts = || world.log().matches("operator alert: share-figures-missing").count();
    assert_eq!(alerts(), 1, "the oldest day alone");
    assert_eq!(states(&run(&world).await), [7, 0, 0]);
    assert_eq!(alerts(), 1);
}

#[tokio::test]
async fn figures_are_kept_when_the_parts_of_the_day_are_gone() {
    let world = World::start().await;
    let phone = world.user().await;
    let intent = json!({ "type": "timeline", "page": "pages/index/index", "timestamp": 1 });
    phone.post("/api/record-share", &intent).await.ok();
    world.clock.advance(Duration::from_secs(36 * 3600));
    run(&world).await;
    let list = || async { world.operator("GET", "/api/admin/shares", &json!({})).await.ok().json() };
    let before = list().await;
    assert_eq!(before["shares"][0]["count"], 1);
    for row in world.items("SharesTable").await {
        if row["part"]["S"] != "record" {
            let key = json!({ "id": row["id"], "part": row["part"] });
            let delete = json!({ "TableName": world.table("SharesTable"), "Key": key });
            world.dynamo().call_as_operator("DeleteItem", delete).await.expect("a deletion");
        }
    }
    assert_eq!(list().await, before);
}
