//! `/api/admin/template-messages…`, `/api/user-storage`

use e2e::{Requests, World};
use insta::assert_snapshot;
use serde_json::json;

#[tokio::test]
async fn every_template_message_route_is_gone_and_names_the_successor() {
    let world = World::start().await;
    for (method, path) in [
        ("GET", ""),
        ("POST", ""),
        ("DELETE", "/tmpl-1"),
        ("GET", "/library"),
        ("GET", "/library/AT0002"),
        ("POST", "/send"),
        ("POST", "/uniform_send"),
        ("PUT", "/a/b/c"),
    ] {
        let path = format!("/api/admin/template-messages{path}");
        let (gone, requests) = world.count_requests(world.operator(method, &path, &json!({}))).await;
        assert_eq!(gone.outcome(), "410 GONE", "{method} {path}");
        assert_eq!(gone.text("/message"), "模板消息已下线，请改用订阅消息");
        assert_eq!(requests, Requests { dynamodb: 0, wechat: 0 });
    }
    let unsigned = world.send(world.request("GET", "/api/admin/template-messages")).await;
    assert_eq!(unsigned.status, 403);
}

#[tokio::test]
async fn the_storage_of_mini_games_is_gone_for_everybody() {
    let world = World::start().await;
    let stored = json!({ "kv_list": [{ "key": "score", "value": "100" }] });
    let gone = world.post("/api/user-storage", &stored).await;
    assert_snapshot!(gone.snapshot(), @r#"410 {"success":false,"code":"GONE","message":"该接口仅限小游戏，请改用群排行","requestId":"…"}"#);
    for method in ["GET", "PUT", "DELETE"] {
        let gone = world.send(world.request(method, "/api/user-storage")).await;
        assert_eq!(gone.outcome(), "410 GONE", "{method}");
    }
}
