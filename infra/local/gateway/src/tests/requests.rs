//! The conversion of requests and responses.

use std::{
    io,
    sync::{Arc, Mutex},
};

use http::HeaderMap;
use local_dynamo::sigv4::{Signer, WireRequest, sign, sign_as_curl_7_88};
use serde_json::json;

use super::support::{client, host, json, start};

#[tokio::test]
async fn a_function_sees_route_variables_query_body_and_caller() {
    let bundle = start().await;
    let url = format!("{}/echo/a%20b%2Fc?q=1%2B1&q=2", bundle.base_url());
    let request = client().put(url).header("content-type", "application/json").body("{}");
    let (status, echoed) = json(request).await;
    assert_eq!(status, 200);
    assert_eq!(echoed["route"], "ANY /echo/{name}");
    assert_eq!(echoed["path"], json!({"name": "a b/c"}));
    assert_eq!(echoed["query"], "1+1");
    assert_eq!(echoed["body"], "{}");
    assert_eq!(echoed["sourceIp"], "127.0.0.1");
    bundle.stop().await;
}

#[tokio::test]
async fn a_route_with_the_method_wins_over_any_and_a_greedy_one_takes_slashes() {
    let bundle = start().await;
    let (_, echoed) = json(client().post(format!("{}/echo/x", bundle.base_url())).body("a=1")).await;
    assert_eq!(echoed["route"], "POST /echo/{id}");
    assert_eq!(echoed["body"], "a=1");
    let (_, echoed) = json(client().get(format!("{}/files/a/b/c", bundle.base_url()))).await;
    assert_eq!(echoed["path"], json!({"path": "a/b/c"}));
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
async fn a_binary_body_and_a_cookie_are_returned_unchanged() {
    let bundle = start().await;
    let response = client().get(format!("{}/picture", bundle.base_url())).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "image/jpeg");
    assert_eq!(response.headers()["set-cookie"], "a=1");
    assert_eq!(response.bytes().await.unwrap().as_ref(), [0xff, 0xd8, 0xff]);
}

#[tokio::test]
async fn a_function_has_the_templates_environment_and_no_other() {
    let bundle = start().await;
    let (_, echoed) = json(client().get(format!("{}/echo/x", bundle.base_url()))).await;
    let expected =
        json!({"PUBLIC_BASE_URL": bundle.base_url(), "AWS_ACCESS_KEY_ID": "EchoFunction", "PATH": null});
    assert_eq!(echoed["environment"], expected);
}

#[tokio::test]
async fn an_operators_route_requires_a_signature() {
    let bundle = start().await;
    let url = format!("{}/admin/u1", bundle.base_url());
    let answer = json(client().put(&url).body("{}")).await;
    assert_eq!(answer, (403, json!({"message": "Forbidden"})));

    let mut headers = HeaderMap::new();
    let authority = bundle.base_url().replace("http://", "");
    headers.insert("host", authority.parse().unwrap());
    let request =
        WireRequest { method: "PUT", path: "/admin/u1", query: None, headers: &headers, body: b"{}" };
    let signer = Signer {
        access_key_id: "local",
        secret_access_key: "local",
        region: "us-east-1",
        service: "execute-api",
    };
    let signed = sign(&request, signer, host().now_millis() / 1000).unwrap();
    let (status, echoed) = json(client().put(&url).headers(signed.clone()).body("{}")).await;
    assert_eq!(status, 200);
    assert_eq!(echoed["iam"], "arn:aws:iam::000000000000:user/local");
    let answer = json(client().put(&url).headers(signed).body("{ }")).await;
    assert_eq!(answer, (403, json!({"message": "Forbidden"})), "another body");
}

#[tokio::test]
async fn the_log_names_a_signers_deviation_from_aws() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let writer = Sink(Arc::clone(&log));
    let _guard =
        tracing::subscriber::set_default(shared::telemetry::subscriber("local", "local", move || {
            writer.clone()
        }));
    let bundle = start().await;
    let authority = bundle.base_url().replace("http://", "");
    for (path, query, remedy) in [
        ("/admin/a", Some("kind=B&cursor=a"), Some("alphabetical order")),
        ("/admin/a%23b", None, Some("without reserved characters")),
        ("/admin/a.23b", Some("cursor=a&kind=B"), None),
    ] {
        let headers = HeaderMap::from_iter([(http::header::HOST, authority.parse().unwrap())]);
        let request = WireRequest { method: "PUT", path, query, headers: &headers, body: b"{}" };
        let signer = Signer {
            access_key_id: "local",
            secret_access_key: "local",
            region: "us-east-1",
            service: "execute-api",
        };
        let headers = sign_as_curl_7_88(&request, signer, host().now_millis() / 1000).unwrap();
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let url = format!("{}{path}{query}", bundle.base_url());
        let (status, _) = json(client().put(url).headers(headers).body("{}")).await;
        assert_eq!(status, if remedy.is_some() { 403 } else { 200 }, "{path}");
        let lines = String::from_utf8(std::mem::take(&mut *log.lock().unwrap())).unwrap();
        assert_eq!(lines.contains("remedy"), remedy.is_some(), "{lines}");
        assert!(lines.contains(remedy.unwrap_or_default()), "{lines}");
    }
}

/// Collects the log of this thread.
#[derive(Clone)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_callers_forwarded_headers_and_odd_paths_break_no_function() {
    let bundle = start().await;
    for (name, value) in [
        ("x-forwarded-proto", "https, http"),
        ("x-forwarded-proto", "://"),
        ("x-forwarded-port", "x"),
        ("x-forwarded-for", "nobody"),
    ] {
        let request = client().get(format!("{}/echo/x", bundle.base_url())).header(name, value);
        assert_eq!(json(request).await.0, 200, "{name}: {value}");
    }
    for path in ["a%23b", "a%3Fb", "%5C%5C", "%00", "%FF", "100%25", "a%0Ab", "%E4%BD%A0"] {
        let answer = json(client().get(format!("{}/echo/{path}", bundle.base_url()))).await;
        assert_eq!(answer.0, 200, "{path}: {}", answer.1);
    }
    for host in ["a b", "a^b", "[", "1.2.3.4.5", "a:port"] {
        let request = client().get(format!("{}/echo/x", bundle.base_url())).header("host", host);
        assert_eq!(json(request).await, (400, json!({"message": "Bad Request"})), "{host}");
    }
}

#[tokio::test]
async fn the_simulators_controls_are_served_beside_the_routes() {
    let bundle = start().await;
    let (status, user) = json(client().post(format!("{}/_wechat/users", bundle.base_url()))).await;
    assert_eq!(status, 200);
    assert!(user["openid"].is_string());
}
