//! What reaches a function, and what comes back.

use http::HeaderMap;
use local_dynamo::sigv4::{Received, Signer, sign};
use serde_json::json;

use super::world::{client, host, json, start};

#[tokio::test]
async fn a_function_sees_route_variables_query_body_and_caller() {
    let bundle = start().await;
    let url = format!("{}/echo/a%20b%2Fc?q=1%2B1&q=2", bundle.base_url());
    let request = client().put(url).header("content-type", "application/json").body("{}");
    let (status, told) = json(request).await;
    assert_eq!(status, 200);
    assert_eq!(told["route"], "ANY /echo/{name}");
    assert_eq!(told["path"], json!({"name": "a b/c"}));
    assert_eq!(told["query"], "1+1");
    assert_eq!(told["body"], "{}");
    assert_eq!(told["sourceIp"], "127.0.0.1");
    bundle.stop().await;
}

#[tokio::test]
async fn a_route_with_the_method_is_preferred_to_any_and_a_greedy_one_takes_slashes() {
    let bundle = start().await;
    let (_, told) = json(client().post(format!("{}/echo/x", bundle.base_url())).body("a=1")).await;
    assert_eq!(told["route"], "POST /echo/{id}");
    assert_eq!(told["body"], "a=1");
    let (_, told) = json(client().get(format!("{}/files/a/b/c", bundle.base_url()))).await;
    assert_eq!(told["path"], json!({"path": "a/b/c"}));
}

#[tokio::test]
async fn an_unknown_route_is_answered_as_api_gateway_does() {
    let bundle = start().await;
    for path in ["/", "/nothing", "/echo/", "/echo/a/b", "/echo/a/", "/panic/", "/_wechat/nothing"] {
        let answer = json(client().get(format!("{}{path}", bundle.base_url()))).await;
        assert_eq!(answer, (404, json!({"message": "Not Found"})), "{path}");
    }
    let answer = json(client().post(format!("{}/panic", bundle.base_url()))).await;
    assert_eq!(answer.0, 404, "the method counts");
}

#[tokio::test]
async fn a_picture_and_a_cookie_come_back_as_they_are() {
    let bundle = start().await;
    let response = client().get(format!("{}/picture", bundle.base_url())).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "image/jpeg");
    assert_eq!(response.headers()["set-cookie"], "a=1");
    assert_eq!(response.bytes().await.unwrap().as_ref(), [0xff, 0xd8, 0xff]);
}

#[tokio::test]
async fn a_function_has_the_environment_of_the_template_and_nothing_of_this_process() {
    let bundle = start().await;
    let (_, told) = json(client().get(format!("{}/echo/x", bundle.base_url()))).await;
    let expected =
        json!({"PUBLIC_BASE_URL": bundle.base_url(), "AWS_ACCESS_KEY_ID": "EchoFunction", "PATH": null});
    assert_eq!(told["environment"], expected);
}

#[tokio::test]
async fn an_operators_route_asks_for_a_signature() {
    let bundle = start().await;
    let url = format!("{}/admin/u1", bundle.base_url());
    let answer = json(client().put(&url).body("{}")).await;
    assert_eq!(answer, (403, json!({"message": "Forbidden"})));

    let mut headers = HeaderMap::new();
    let authority = bundle.base_url().replace("http://", "");
    headers.insert("host", authority.parse().unwrap());
    let request = Received { method: "PUT", path: "/admin/u1", query: None, headers: &headers, body: b"{}" };
    let signer = Signer {
        access_key_id: "local",
        secret_access_key: "local",
        region: "us-east-1",
        service: "execute-api",
    };
    let signed = sign(&request, signer, host().now_millis() / 1000).unwrap();
    let (status, told) = json(client().put(&url).headers(signed.clone()).body("{}")).await;
    assert_eq!(status, 200);
    assert_eq!(told["iam"], "arn:aws:iam::000000000000:user/local");
    let answer = json(client().put(&url).headers(signed).body("{ }")).await;
    assert_eq!(answer, (403, json!({"message": "Forbidden"})), "another body");
}

#[tokio::test]
async fn the_simulators_controls_stand_beside_the_routes() {
    let bundle = start().await;
    let (status, user) = json(client().post(format!("{}/_wechat/users", bundle.base_url()))).await;
    assert_eq!(status, 200);
    assert!(user["openid"].is_string());
}
