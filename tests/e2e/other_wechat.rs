//! The same bundle with another WeChat than the built-in one: nothing leans on it.

use local_gateway::{Bundle, BundleOptions, Config};
use local_wechat::{Account, Simulator};
use serde_json::{Value, json};
use std::path::Path;

/// A WeChat of its own at an address of its own.
async fn start_wechat(account: Account) -> (Simulator, String) {
    let wechat =
        Simulator::new(local_wechat::SimulatorOptions { account, notify_speed: 1000, ..Default::default() });
    let router = wechat.upstream().nest("/_wechat", wechat.control());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (wechat, address)
}

async fn call(request: reqwest::RequestBuilder) -> Value {
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    let body: Value = answer.json().await.expect("JSON");
    assert!(status.is_success(), "{status} {body}");
    body
}

#[tokio::test]
async fn the_shop_runs_with_another_wechat_and_another_account() {
    let account = Account {
        app_id: "wx00000000000000aa".to_owned(),
        app_secret: "another-app-secret-of-32-letters".to_owned(),
        mch_id: "1900000109".to_owned(),
        api_v2_key: "another-merchant-key-32-letters-".to_owned(),
        ..Account::default()
    };
    let config = |address: &str| {
        let Account { app_id, app_secret, mch_id, api_v2_key, .. } = &account;
        format!(
            "[mini_program]\napp_id = \"{app_id}\"\napp_secret = \"{app_secret}\"\n\
             [merchant]\nmch_id = \"{mch_id}\"\napi_v2_key = \"{api_v2_key}\"\nsign_type = \"MD5\"\n\
             [upstream]\nwechat_api_base = \"{address}\"\npay_api_base = \"{address}\"\n"
        )
    };
    let (other, address) = start_wechat(account.clone()).await;
    let config = Config::parse(&config(&address), Path::new(".")).expect("a configuration");
    let bundle = Bundle::start(BundleOptions { config, run_schedules: false, ..BundleOptions::default() })
        .await
        .expect("a bundle");
    assert!(bundle.wechat().is_none(), "the built-in WeChat is not there at all");

    let (world, url) = (e2e::World::start().await, bundle.base_url());
    let http = world.http();
    let user = other.create_user(local_wechat::NewUser::default());
    let wx = |api: &str, mut arguments: Value| {
        arguments["openid"] = json!(user.openid);
        call(http.post(format!("{address}/_wechat/wx/{api}")).json(&arguments))
    };
    let code = wx("login", json!({})).await["code"].clone();
    let login = call(http.post(format!("{url}/api/login")).json(&json!({ "code": code }))).await;
    let token = login["token"].as_str().expect("a token");
    let post =
        |path: &str, body: Value| call(http.post(format!("{url}{path}")).bearer_auth(token).json(&body));
    let order = post("/api/orders", json!({ "productId": "water", "quantity": 2 })).await;
    let prepaid = post("/api/pay/unified-order", json!({ "outTradeNo": order["outTradeNo"] })).await;
    wx("requestPayment", prepaid["payParams"].clone()).await;
    other.wait_for_notices().await;
    let order_id = order["orderId"].as_str().expect("an id");
    let read = call(http.get(format!("{url}/api/orders/{order_id}")).bearer_auth(token)).await;
    assert_eq!(read["order"]["status"], "PAID");
    assert!(world.wechat().upstream_calls().is_empty());
    bundle.stop().await;
}
