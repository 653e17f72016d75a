//! What a data folder keeps of the simulated WeChat.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use local_wechat::{RefundStatus, TradeState};
use serde_json::{Value, json};

use super::support::{REGISTRY, client, json, template};
use crate::{Bundle, BundleOptions, StartError};

fn options(folder: &Path, port: u16) -> BundleOptions {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    BundleOptions { listen, data: Some(folder.to_owned()), run_schedules: false, ..BundleOptions::default() }
}

/// A request to a bundle, which must succeed.
async fn send(bundle: &Bundle, method: &str, path: &str, token: &str, body: &Value) -> Value {
    let url = format!("{}{path}", bundle.base_url());
    let request = client().request(method.parse().unwrap(), url).bearer_auth(token);
    let (status, answer) = json(if method == "GET" { request } else { request.json(body) }).await;
    assert!(status < 300, "{method} {path}: {status} {answer}");
    answer
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} of {value}"))
}

#[tokio::test]
async fn an_order_of_before_a_restart_is_paid_and_refunded_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = Bundle::start(options(folder.path(), 0)).await.unwrap();
    let port = bundle.base_url().rsplit(':').next().unwrap().parse().unwrap();
    let user = send(&bundle, "POST", "/_wechat/users", "", &json!({ "nickName": "小明" })).await;
    let openid = text(&user, "/openid");
    let code = send(&bundle, "POST", "/_wechat/wx/login", "", &json!({ "openid": openid })).await;
    let login = send(&bundle, "POST", "/api/login", "", &json!({ "code": text(&code, "/code") })).await;
    let token = text(&login, "/token");
    let order = json!({ "productId": "water", "quantity": 2 });
    let order = send(&bundle, "POST", "/api/orders", token, &order).await;
    let order_path = format!("/api/orders/{}", text(&order, "/orderId"));
    let number = json!({ "outTradeNo": text(&order, "/outTradeNo") });
    let prepaid = send(&bundle, "POST", "/api/pay/unified-order", token, &number).await;
    bundle.stop().await;

    // WeChat Pay's notice goes to the address that the order was made with.
    let bundle = Bundle::start(options(folder.path(), port)).await.unwrap();
    let wechat = bundle.wechat().unwrap();
    let live = send(&bundle, "POST", "/_wechat/wx/checkSession", "", &json!({ "openid": openid })).await;
    assert_eq!(live["errMsg"], "checkSession:ok");
    let mut payment = prepaid["payParams"].clone();
    payment["openid"] = openid.into();
    send(&bundle, "POST", "/_wechat/wx/requestPayment", "", &payment).await;
    wechat.wait_for_notices().await;
    assert_eq!(text(&send(&bundle, "GET", &order_path, token, &json!({})).await, "/order/status"), "PAID");
    let refund = json!({ "method": "POST", "path": "/api/admin/refunds", "body": number,
                         "headers": { "idempotency-key": "first" } });
    let refund = send(&bundle, "POST", "/_wechat/operator", "", &refund).await;
    assert_eq!(refund["status"], 200, "{refund}");
    wechat.wait_for_notices().await;
    assert_eq!(wechat.refunds()[0].status, RefundStatus::Success);
    assert_eq!(
        text(&send(&bundle, "GET", &order_path, token, &json!({})).await, "/order/status"),
        "REFUNDED"
    );
    bundle.stop().await;

    let bundle = Bundle::start(options(folder.path(), port)).await.unwrap();
    assert_eq!(bundle.wechat().unwrap().ledger()[0].trade_state, TradeState::Refund);
    bundle.stop().await;
}

#[tokio::test]
async fn wechat_is_saved_within_seconds_also_without_a_clean_end() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = Bundle::deploy(options(folder.path(), 0), &template(), &REGISTRY).await.unwrap();
    let user = bundle.wechat().unwrap().create_user(local_wechat::NewUser::default());
    let file = folder.path().join("wechat.json");
    let is_saved = async {
        while !fs::read_to_string(&file).is_ok_and(|json| json.contains(&user.openid)) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), is_saved).await.expect("it is saved");
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600, "it has session keys");
    }
    bundle.stop().await;
}

#[tokio::test]
async fn a_file_of_wechat_that_does_not_fit_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wechat.json");
    for (content, reason) in [
        ("{\"version\": 1, \"us", "damaged"),
        ("{\"version\": 2}", "newer program"),
        ("{\"version\": 1, \"issued_secrets\": [], \"users\": 1}", "users"),
    ] {
        fs::write(&file, content).unwrap();
        let start = Bundle::deploy(options(folder.path(), 0), &template(), &REGISTRY).await;
        let error = start.err().unwrap();
        assert!(matches!(&error, StartError::WeChatFile { path, .. } if *path == file), "{error}");
        let message = shared::types::error_chain(&error);
        assert!(message.contains("wechat.json") && message.contains("move it away"), "{message}");
        assert!(message.contains(reason), "{message}");
        assert_eq!(fs::read_to_string(&file).unwrap(), content);
    }
}
