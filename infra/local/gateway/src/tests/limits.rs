//! Requests that are too large, too slow or fail get an error, and the gateway continues.

use serde_json::json;

use super::support::{client, json, start};

#[tokio::test]
async fn a_body_beyond_ten_megabytes_is_refused() {
    let bundle = start().await;
    let url = format!("{}/echo/x", bundle.base_url());
    let answer = json(client().post(url).body("x".repeat(10 * 1024 * 1024 + 1))).await;
    assert_eq!(answer, (413, json!({"message": "Request Entity Too Large"})));
}

#[tokio::test]
async fn a_body_that_makes_an_event_beyond_six_megabytes_is_refused() {
    let bundle = start().await;
    let url = format!("{}/echo/x", bundle.base_url());
    // Without a text type it is Base64, a third longer.
    let answer = json(client().post(&url).body("x".repeat(5 * 1024 * 1024))).await;
    assert_eq!(answer, (413, json!({"message": "Request Entity Too Large"})));
    let text = client().post(&url).header("content-type", "text/plain").body("x".repeat(5 * 1024 * 1024));
    assert_eq!(json(text).await.0, 200);
}

#[tokio::test]
async fn a_panic_fails_one_request_only() {
    let bundle = start().await;
    let (status, answer) = json(client().get(format!("{}/panic", bundle.base_url()))).await;
    assert_eq!((status, answer["code"].as_str()), (500, Some("INTERNAL_ERROR")));
    assert_eq!(json(client().get(format!("{}/echo/x", bundle.base_url()))).await.0, 200);
}

#[tokio::test]
async fn a_function_beyond_its_timeout_gets_503() {
    let bundle = start().await;
    let answer = json(client().get(format!("{}/slow", bundle.base_url()))).await;
    assert_eq!(answer, (503, json!({"message": "Service Unavailable"})));
}

#[tokio::test]
async fn a_failed_start_is_retried_by_the_next_request() {
    let bundle = start().await;
    let url = format!("{}/flaky", bundle.base_url());
    let answer = json(client().get(&url)).await;
    assert_eq!(answer, (500, json!({"message": "Internal Server Error"})));
    assert_eq!(client().get(&url).send().await.unwrap().text().await.unwrap(), "up");
}
