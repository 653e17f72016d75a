//! `GET /api/jssdk/signature`

use e2e::{Requests, Response, World};
use local_wechat::Fault;
use serde_json::{Value, json};

const SIGNATURE: &str = "/api/jssdk/signature";
const TICKET: &str = "/cgi-bin/ticket/getticket";

/// Asks for a signature, as the page does.
async fn sign(world: &World, url: &str) -> Response {
    let encoded: String = url.bytes().map(|byte| format!("%{byte:02X}")).collect();
    world.send(world.request("GET", &format!("{SIGNATURE}?url={encoded}"))).await
}

/// What the page passes to `wx.config`.
fn config(signed: &Response, url: &str) -> Value {
    let mut config = signed.json();
    let members = config.as_object_mut().expect("an object");
    members.remove("success");
    members.insert("jsApiList".to_owned(), json!(["chooseImage"]));
    members.insert("url".to_owned(), json!(url));
    config
}

#[tokio::test]
async fn wechat_takes_the_signature_of_a_page_and_of_no_other() {
    let world = World::start().await;
    let phone = world.user().await;
    let page = format!("{}/pages/pay?from=%E7%BE%A4&n=1", world.url());
    let signed = sign(&world, &page).await.ok();
    assert_eq!(signed.text("/appId"), world.wechat().account().official_app_id);
    assert_eq!(signed.text("/timestamp"), world.now().to_string());
    assert_eq!(signed.headers["access-control-allow-origin"], world.url().as_str());
    let taken = phone.wx("config", config(&signed, &page)).await;
    assert_eq!((taken.status, taken.text("/errMsg").as_str()), (200, "config:ok"));
    // The part after `#` belongs to the page alone.
    let routed = format!("{page}#/orders?x=1");
    assert_eq!(phone.wx("config", config(&signed, &routed)).await.status, 200);
    let signed = sign(&world, &routed).await.ok();
    assert_eq!(phone.wx("config", config(&signed, &page)).await.status, 200);
    for other in [format!("{page}&x=1"), format!("{}/pages/pay", world.url())] {
        let refused = phone.wx("config", config(&signed, &other)).await;
        assert_eq!(refused.text("/errMsg"), "config:fail invalid signature");
    }
}

#[tokio::test]
async fn many_pages_share_one_ticket() {
    let world = World::start().await;
    let page = format!("{}/", world.url());
    let signed = futures_util::future::join_all((0..10).map(|_| sign(&world, &page))).await;
    let mut nonces: Vec<String> = signed.into_iter().map(|signed| signed.ok().text("/nonceStr")).collect();
    nonces.sort_unstable();
    nonces.dedup();
    assert_eq!(nonces.len(), 10);
    assert_eq!(world.calls_to(TICKET), 1);
    let (_, requests) = world.count_requests(sign(&world, &page)).await;
    assert_eq!(requests, Requests { dynamodb: 0, wechat: 0 });
}

#[tokio::test]
async fn a_page_on_another_host_or_port_is_not_signed() {
    let world =
        World::start().with_config("[jssdk]\nhosts = [\"shop.example.com\", \"m.example.com:8443\"]").await;
    for page in ["https://shop.example.com/a", "https://m.example.com:8443/"] {
        sign(&world, page).await.ok();
    }
    let own = format!("{}/", world.url());
    for page in [
        own.as_str(),
        "https://shop.example.com:8443/",
        "https://m.example.com/",
        "https://evil.example/",
        "https://shop.example.com.evil.example/",
        "http://shop.example.com/",
    ] {
        let refused = sign(&world, page).await;
        assert_eq!(refused.outcome(), "403 FORBIDDEN", "{page}");
        assert_eq!(refused.headers.get("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn a_text_that_is_no_address_of_a_page_is_refused() {
    let world = World::start().await;
    let none = world.send(world.request("GET", SIGNATURE)).await;
    assert_eq!(none.outcome(), "400 INVALID_INPUT");
    let host = world.url().replace("http://", "");
    for text in ["", "/a", &format!("//{host}/"), &format!("http://u@{host}/"), &format!("http://{host}\\a")]
    {
        let refused = sign(&world, text).await;
        assert_eq!(refused.outcome(), "400 INVALID_INPUT", "{text}");
        assert!(refused.text("/message").contains("url"));
    }
    assert_eq!(world.calls_to(TICKET), 0);
}

#[tokio::test]
async fn a_page_without_tls_is_signed_for_a_test_account_alone() {
    let hosts = "[jssdk]\nhosts = [\"192.168.1.5:8080\", \"8.8.8.8\"]";
    let world = World::start().with_config(hosts).await;
    sign(&world, "http://192.168.1.5:8080/index.html").await.ok();
    assert_eq!(sign(&world, "http://8.8.8.8/").await.outcome(), "403 FORBIDDEN");
    let real = format!("{hosts}\n[official_account]\nis_test = false");
    let world = World::start().with_config(&real).await;
    assert_eq!(sign(&world, "http://192.168.1.5:8080/index.html").await.outcome(), "403 FORBIDDEN");
    sign(&world, "https://192.168.1.5:8080/index.html").await.ok();
}

#[tokio::test]
async fn without_an_official_account_there_is_no_signature() {
    let world = World::start().with_parameter("OfficialAccountAppId", "").await;
    assert_eq!(sign(&world, &world.url()).await.outcome(), "501 NOT_CONFIGURED");
}

#[tokio::test]
async fn while_there_is_no_ticket_the_page_may_ask_again() {
    let world = World::start().await;
    let page = world.url();
    world.wechat().set_fault(Fault::Busy { path: TICKET.into(), times: 3 });
    assert_eq!(sign(&world, &page).await.outcome(), "503 UPSTREAM_BUSY");
    sign(&world, &page).await.ok();
}
