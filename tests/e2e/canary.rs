//! The search for leaks finds what it searches for.

use e2e::World;
use serde_json::json;

#[tokio::test]
#[should_panic(expected = "is in the log")]
async fn an_openid_in_the_log_is_found() {
    let world = World::start().await;
    let phone = world.user().await;
    tracing::info!(openid = phone.openid, "careless");
}

#[tokio::test]
#[should_panic(expected = "a secret is in a table in clear")]
async fn a_secret_in_a_table_is_found() {
    let world = World::start().await;
    let item = json!({ "id": { "S": "x" }, "note": { "S": world.wechat().account().app_secret } });
    world.put_item("UsersTable", item).await;
}

#[tokio::test]
async fn every_request_is_one_line_that_names_route_code_and_request() {
    let world = World::start().await;
    let phone = world.user().await;
    let answer = phone.get("/api/orders/01HF7Y9B9X0000000000000000").await;
    let log = world.log();
    let line = log.lines().find(|line| line.contains("GET /api/orders/{orderId}")).expect("a line");
    let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(line["function"], "order");
    assert_eq!(line["status"], 404);
    assert_eq!(line["code"], "NOT_FOUND");
    assert_eq!(line["cold_start"], true);
    assert_eq!(line["request_id"].as_str(), Some(answer.text("/requestId").as_str()));
}
