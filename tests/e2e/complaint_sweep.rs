//! `complaint-sweep`

use std::time::Duration;

use e2e::World;
use local_wechat::{Fault, NewComplaint};
use serde_json::{Value, json};

const LIST: &str = "/v3/merchant-service/complaints-v2";
const HOUR: Duration = Duration::from_secs(60 * 60);

/// A buyer complains of the order; the complaint's number.
async fn complain(world: &World, out_trade_no: &str) -> String {
    let out_trade_no = out_trade_no.to_owned();
    let id = world.wechat().complain(NewComplaint { out_trade_no, ..NewComplaint::default() });
    world.wechat().wait_for_notices().await;
    id
}

async fn answer(world: &World, id: &str, what: &str, body: &Value) {
    world.operator("POST", &format!("/api/admin/complaints/{id}/{what}"), body).await.ok();
}

async fn sweep(world: &World) -> Value {
    world.bundle().run_task("complaint-sweep").await.expect("a run")
}

fn alerts(world: &World, alert: &str) -> usize {
    world.log().matches(&format!("operator alert: {alert}")).count()
}

#[tokio::test]
async fn a_lost_notice_is_found_and_alerts_come_before_the_deadlines() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.buy().await;
    world.wechat().set_fault(Fault::NoticeLost { times: 1 });
    let id = complain(&world, &out_trade_no).await;
    assert!(world.items("ComplaintsTable").await.is_empty());
    let report = json!({ "configured": true, "listed": 1, "open": 1, "unanswered": 0, "unresolved": 0 });
    assert_eq!(sweep(&world).await, report);
    assert_eq!(world.items("CasesTable").await.len(), 1);
    world.clock.advance(15 * HOUR);
    assert_eq!(
        (sweep(&world).await["unanswered"].clone(), alerts(&world, "complaint-unanswered")),
        (json!(0), 0)
    );
    world.clock.advance(2 * HOUR);
    assert_eq!(
        (sweep(&world).await["unanswered"].clone(), alerts(&world, "complaint-unanswered")),
        (json!(1), 1)
    );
    answer(&world, &id, "reply", &json!({ "content": "马上为您处理" })).await;
    world.clock.advance(40 * HOUR);
    let report = sweep(&world).await;
    assert_eq!((&report["unanswered"], &report["unresolved"]), (&json!(0), &json!(1)));
    assert_eq!(alerts(&world, "complaint-unresolved"), 1);
    answer(&world, &id, "complete", &json!({})).await;
    assert_eq!(sweep(&world).await["open"], 0);
}

#[tokio::test]
async fn more_complaints_than_a_page_are_all_found() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.buy().await;
    world.wechat().set_complaint_url(None);
    for _ in 0..51 {
        complain(&world, &out_trade_no).await;
    }
    assert_eq!(sweep(&world).await["listed"], 51);
    assert_eq!(world.items("ComplaintsTable").await.len(), 51);
}

#[tokio::test]
async fn deadlines_are_watched_while_wechat_pay_is_busy() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.buy().await;
    complain(&world, &out_trade_no).await;
    world.clock.advance(17 * HOUR);
    for path in [LIST, "/v3/merchant-service/complaints-v2/{complaint_id}"] {
        world.wechat().set_fault(Fault::Busy { path: path.into(), times: 3 });
    }
    let report = sweep(&world).await;
    assert_eq!((&report["listed"], &report["unanswered"]), (&json!(0), &json!(1)));
}

#[tokio::test]
async fn a_complaint_dealt_with_in_the_console_is_open_no_more() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.buy().await;
    let id = complain(&world, &out_trade_no).await;
    assert_eq!(sweep(&world).await["open"], 1);
    // The merchant's own replies and ends cause no notice, wherever they are made.
    world.wechat().complete_complaint_in_console(&id);
    // Too old to be listed.
    world.clock.advance(96 * HOUR);
    assert_eq!(sweep(&world).await["open"], 0);
    let case = &world.items("CasesTable").await[0];
    assert_eq!(case["note"]["S"], "WeChat Pay says that the complaint has ended");
    assert!(case.get("open_kind").is_none() && case.get("closed_by").is_none(), "{case}");
}

#[tokio::test]
async fn without_keys_of_apiv3_the_sweep_does_nothing() {
    let world = World::start().await;
    let secret = r#"{"api_v2_key":"abcdefghijklmnopqrstuvwxyz012345"}"#;
    world.dynamo().set_secret("MerchantSecret", secret).expect("a secret");
    let report = json!({ "configured": false, "listed": 0, "open": 0, "unanswered": 0, "unresolved": 0 });
    assert_eq!(sweep(&world).await, report);
}
