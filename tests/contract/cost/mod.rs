//! What a request costs, on instances that are warm: requests to DynamoDB and WeChat, and DynamoDB's capacity units.

mod shop;

use std::{fmt::Write, time::Duration};

use e2e::World;
use local_dynamo::CapacityUnits;
use local_template::Stack;
use serde_json::json;

use crate::{
    complaints,
    cost_people::{cards, fingers, people, phones},
    customer_service::{self, write_to_customer_service},
    flows::{
        accept_message, avatar, enter_from_group, nearby_place, page_signature, profile_body, push_consent,
        sign_challenge,
    },
    media_checks,
    meter::{Cost, Meter},
    money, profiles, sharing,
    workspace::{assert_none, stack, template},
};

/// No more than so many requests to DynamoDB and to WeChat.
const BUDGETS: &[(&str, usize, usize)] = &[
    ("POST /api/login, a known user", 1, 1),
    ("POST /api/login, a new user", 2, 1),
    ("GET /api/user", 1, 0),
    ("DELETE /api/user", 2, 0),
    ("DELETE /api/user, again", 1, 0),
    ("GET /api/user, a bad token", 0, 0),
    ("PUT /api/user/profile, a name", 3, 1),
    ("PUT /api/user/profile, a picture", 3, 1),
    ("GET /api/orders/{orderId}, authentication alone", 0, 0),
    ("POST /api/decrypt-phone", 2, 1),
    ("POST /api/subscribe", 2, 0),
    ("GET /api/subscribe", 1, 0),
    ("POST /api/admin/subscribe/send", 1, 1),
    ("POST /api/admin/subscribe/send, refused", 2, 1),
    ("GET /api/admin/conversations", 4, 0),
    ("GET /api/admin/conversations/{openid}", 1, 0),
    ("POST /api/admin/messages", 2, 1),
    ("POST /api/admin/messages, again", 2, 0),
    ("POST /api/admin/messages, refused", 2, 1),
    ("POST /api/admin/messages/typing", 0, 1),
    ("POST /api/admin/media", 0, 1),
    ("GET /api/admin/media/{mediaId}", 0, 1),
    ("GET /api/cards", 1, 0),
    ("POST /api/cards/verify", 3, 2),
    ("POST /api/cards/verify, again", 2, 0),
    ("POST /api/werun/decrypt", 3, 0),
    ("GET /api/werun/summary", 1, 0),
    ("POST /api/werun/decrypt, of a member", 3, 0),
    ("GET /api/werun/rank", 1, 0),
    ("POST /api/record-share", 1, 0),
    ("POST /api/share/entry", 2, 0),
    ("POST /api/share/entry, again", 0, 0),
    ("POST /api/share/group", 2, 0),
    ("POST /api/scores", 2, 0),
    ("POST /api/scores, not better", 1, 0),
    ("GET /api/scores/rank", 1, 0),
    ("POST /api/soter/challenge", 1, 0),
    ("POST /api/verify-fingerprint", 2, 1),
    ("GET /api/message/callback", 0, 0),
    ("POST /api/message/callback", 1, 0),
    ("POST /api/message/callback, again", 1, 0),
    ("push-events, a consent", 3, 0),
    ("push-events, a message", 3, 0),
    ("push-events, a user enters", 3, 0),
    ("push-events, a user enters and is welcomed", 5, 1),
    ("POST /api/security/text", 0, 1),
    ("POST /api/security/media", 2, 1),
    ("GET /api/security/results/{traceId}", 1, 0),
    ("push-events, a verdict", 3, 0),
    ("POST /api/wxacode/unlimited", 0, 1),
    ("POST /api/uploads", 0, 0),
    ("ANY /api/admin/template-messages", 0, 0),
    ("ANY /api/admin/template-messages/{proxy+}", 0, 0),
    ("ANY /api/user-storage", 0, 0),
    ("GET /api/admin/quota", 0, 1),
    ("GET /api/jssdk/signature", 0, 0),
    ("GET /api/admin/nearby-pois", 2, 1),
    ("POST /api/admin/nearby-pois", 2, 1),
    ("DELETE /api/admin/nearby-pois/{poiId}", 2, 1),
    ("PUT /api/admin/nearby-pois/{poiId}/show", 2, 1),
    ("GET /api/products", 1, 0),
    ("GET /api/admin/products", 1, 0),
    ("GET /api/admin/products/{productId}", 1, 0),
    // A transaction, which DynamoDB knows when it is repeated, answers nothing: the product is read afterwards.
    ("PUT /api/admin/products/{productId}", 2, 0),
    ("POST /api/admin/products/{productId}/stock", 2, 0),
    ("POST /api/admin/products/{productId}/stock, with a key", 2, 0),
    ("POST /api/admin/products/{productId}/stock, with a key, again", 2, 0),
    ("POST /api/orders", 2, 0),
    ("POST /api/orders, a counted product", 2, 0),
    ("POST /api/orders, a counted product with many rows", 2, 0),
    ("POST /api/orders, a counted product of which none is left", 1, 0),
    ("GET /api/orders", 1, 0),
    ("GET /api/orders, by outTradeNo", 1, 0),
    ("GET /api/orders, by transactionId", 1, 0),
    ("GET /api/orders/{orderId}", 1, 0),
    ("POST /api/pay/unified-order", 2, 1),
    ("POST /api/pay/unified-order, again", 1, 0),
    ("POST /api/pay/notify", 1, 0),
    ("POST /api/pay/notify, again", 1, 0),
    ("POST /api/pay/notify, a second payment", 2, 0),
    ("POST /api/admin/refunds", 4, 1),
    ("POST /api/orders/{orderId}/refund-request", 2, 0),
    ("GET /api/admin/refund-requests", 1, 0),
    ("POST /api/admin/refund-requests/{id}/approve", 5, 1),
    ("POST /api/admin/refund-requests/{id}/reject", 2, 0),
    ("GET /api/staff/orders", 17, 0),
    ("POST /api/orders/{orderId}/ship", 2, 0),
    ("POST /api/orders/{orderId}/ship, again", 1, 0),
    // The event is read, published and finished as every other; the rest is the upload.
    ("order-events, a shipped order", 6, 1),
    ("push-events, a settlement", 4, 0),
    ("GET /api/admin/express-companies", 0, 1),
    ("GET /api/admin/trade-management", 0, 2),
    ("PUT /api/admin/trade-management/message-path", 0, 1),
    ("shipping-sweep, nothing to do", 16, 0),
    // The order is read and written beside the sixteen shards.
    ("shipping-sweep, an order that waits", 18, 1),
    ("POST /api/admin/refunds, again", 1, 0),
    ("GET /api/admin/refunds/{outRefundNo}", 1, 0),
    ("POST /api/admin/refunds/{outRefundNo}/abnormal", 4, 1),
    ("POST /api/admin/refunds/{outRefundNo}/give-up", 4, 2),
    ("POST /api/pay/complaint-notify", 3, 1),
    ("POST /api/pay/complaint-notify, again", 2, 1),
    ("GET /api/admin/complaints", 1, 0),
    ("GET /api/admin/complaints/{complaintId}", 5, 2),
    ("POST /api/admin/complaints/{complaintId}/reply", 8, 4),
    ("POST /api/admin/complaints/{complaintId}/refund", 10, 4),
    ("POST /api/admin/complaints/{complaintId}/complete", 8, 3),
    ("POST /api/admin/complaints/{complaintId}/reject", 9, 3),
    ("PUT /api/admin/complaint-notifications", 0, 2),
    ("order-sweep, an idle minute", 2, 0),
    ("order-events, nothing to repair", 1, 0),
    ("POST /api/pay/refund-notify", 2, 0),
    ("POST /api/pay/refund-notify, again", 1, 0),
];

const QUOTA: &str = "/api/admin/quota?cgiPath=/wxa/getwxacode";
const SECURITY_TEXT: &str = "/api/security/text";
const CLEAR: &str = "/api/admin/quota/clear";

/// Everything once, on warm instances.
async fn costs() -> Vec<Cost> {
    let world = World::start().await;
    warm(&world).await;
    let mut meter = Meter { world: &world, costs: Vec::new() };
    people(&mut meter).await;
    profiles::costs(&mut meter).await;
    phones(&mut meter).await;
    sharing::steps(&mut meter).await;
    sharing::shares(&mut meter).await;
    sharing::scores(&mut meter).await;
    cards(&mut meter).await;
    messages(&mut meter).await;
    customer_service::messages(&mut meter).await;
    fingers(&mut meter).await;
    codes(&mut meter).await;
    nearby_places(&mut meter).await;
    shop::orders(&mut meter).await;
    shop::payments(&mut meter).await;
    shop::refunds(&mut meter).await;
    shop::refund_requests(&mut meter).await;
    meter.costs.extend(shop::redirected_refund().await);
    meter.costs.extend(shop::shipping().await);
    meter.costs.extend(shop::shipping_sweep().await);
    complaints::costs(&mut meter).await;
    shop::sweeps(&mut meter).await;
    shop::effects(&mut meter).await;
    pushes(&mut meter).await;
    erasures(&mut meter).await;
    meter.costs.extend(customer_service::welcome().await);
    shop::bills(&mut meter).await;
    sharing::figures(&mut meter).await;
    meter.costs
}

/// Every function has been called and holds its secrets.
async fn warm(world: &World) {
    let phone = world.user().await;
    phone.post("/api/user/profile", &profile_body(&phone).await).await.ok();
    phone.post("/api/share/group", &enter_from_group(&phone, "warm").await).await.ok();
    let tapped = phone.wx("getPhoneNumber", json!({})).await.json();
    phone.post("/api/decrypt-phone", &json!({ "code": tapped["code"] })).await.ok();
    let message = accept_message(&phone).await;
    world.operator("POST", "/api/admin/subscribe/send", &message).await.ok();
    world.operator("GET", "/api/admin/subscribe/templates", &json!({})).await.ok();
    let hello = write_to_customer_service(world, &phone).await;
    world.operator_once("POST", "/api/admin/messages", &hello, "k").await.ok();
    phone.get("/api/cards").await.ok();
    let issued = phone.post("/api/soter/challenge", &json!({ "purpose": "pay" })).await.ok();
    phone.post("/api/verify-fingerprint", &sign_challenge(&phone, &issued).await).await.ok();
    phone.post("/api/wxacode/unlimited", &json!({ "scene": "s" })).await;
    phone.post(SECURITY_TEXT, &comment()).await.ok();
    phone.post("/api/uploads", &avatar()).await.ok();
    phone.get(&page_signature(world)).await.ok();
    world.operator("GET", "/api/admin/nearby-pois", &json!({})).await.ok();
    world.operator("GET", "/api/admin/products", &json!({})).await.ok();
    world.operator("GET", QUOTA, &json!({})).await.ok();
    let prepaid = phone.prepay(&phone.order().await.1).await;
    phone.try_pay(&prepaid).await;
    world.wechat().wait_for_notices().await;
    phone.prepay(&phone.order().await.1).await;
    world.clock.advance(Duration::from_secs(40));
    world.sweep().await;
    let (order_id, out_trade_no) = phone.order().await;
    phone.prepay(&out_trade_no).await;
    phone.cancel(&order_id).await;
    let (_, out_trade_no) = phone.buy().await;
    money::refund(world, "k", &json!({ "outTradeNo": out_trade_no })).await.ok();
    world.wechat().wait_for_notices().await;
}

async fn messages(meter: &mut Meter<'_>) {
    let world = meter.world;
    let phone = world.user().await;
    let message = accept_message(&phone).await;
    let send = async || world.operator("POST", "/api/admin/subscribe/send", &message).await;
    meter.of("POST /api/admin/subscribe/send", send()).await.ok();
    world.clock.advance(Duration::from_secs(60));
    let report = json!({ "tmplIds": ["paid"] });
    meter.of("POST /api/subscribe", phone.post("/api/subscribe", &report)).await.ok();
    // The user did not accept the message at WeChat.
    let refused = meter.of("POST /api/admin/subscribe/send, refused", send()).await;
    assert_eq!(refused.outcome(), "409 NOT_SUBSCRIBED");
    let nothing_left = meter.of("POST /api/admin/subscribe/send, nothing left", send()).await;
    assert_eq!(nothing_left.outcome(), "409 NOT_SUBSCRIBED");
    let report = json!({ "tmplIds": ["paid", "sent", "refunded"] });
    let report = phone.post("/api/subscribe", &report);
    meter.of("POST /api/subscribe, three templates, again in the same minute", report).await.ok();
    meter.of("GET /api/subscribe", phone.get("/api/subscribe")).await.ok();

    let operator = async |method, path: &str, body| world.operator(method, path, &body).await.ok();
    let get = async |path: &str| operator("GET", path, json!({})).await;
    let (templates, library) = ("/api/admin/subscribe/templates", "/api/admin/subscribe/library");
    let new = json!({ "tid": 1451, "kidList": [1, 2], "sceneDesc": "退款结果" });
    let added = meter.of("POST /api/admin/subscribe/templates", operator("POST", templates, new)).await;
    meter.of("GET /api/admin/subscribe/templates", get(templates)).await;
    let path = format!("{templates}/{}", added.text("/templateId"));
    let deleted = operator("DELETE", &path, json!({}));
    meter.of("DELETE /api/admin/subscribe/templates/{templateId}", deleted).await;
    meter.of("GET /api/admin/subscribe/categories", get("/api/admin/subscribe/categories")).await;
    meter.of("GET /api/admin/subscribe/library", get(&format!("{library}?ids=307"))).await;
    meter.of("GET /api/admin/subscribe/library/{tid}", get(&format!("{library}/1451"))).await;
}

fn comment() -> serde_json::Value {
    json!({ "content": "很好", "scene": 2 })
}

async fn codes(meter: &mut Meter<'_>) {
    let world = meter.world;
    let phone = world.user().await;
    let (scene, page) = (json!({ "scene": "s" }), json!({ "path": "pages/index" }));
    let drawn = meter.of("POST /api/wxacode/unlimited", phone.post("/api/wxacode/unlimited", &scene)).await;
    assert_eq!(drawn.status, 200);
    meter.of("POST /api/security/text", phone.post(SECURITY_TEXT, &comment())).await.ok();
    for (what, path) in [
        ("POST /api/admin/wxacode", "/api/admin/wxacode"),
        ("POST /api/admin/wxaqrcode", "/api/admin/wxaqrcode"),
    ] {
        assert_eq!(meter.of(what, world.operator("POST", path, &page)).await.status, 200);
    }
    for (what, path) in [
        ("ANY /api/admin/template-messages", "/api/admin/template-messages"),
        ("ANY /api/admin/template-messages/{proxy+}", "/api/admin/template-messages/send"),
        ("ANY /api/user-storage", "/api/user-storage"),
    ] {
        assert_eq!(meter.of(what, world.operator("POST", path, &json!({}))).await.status, 410);
    }
    meter.of("GET /api/jssdk/signature", phone.get(&page_signature(world))).await.ok();
    meter.of("POST /api/uploads", phone.post("/api/uploads", &avatar())).await.ok();
    meter.of("GET /api/admin/quota", world.operator("GET", QUOTA, &json!({}))).await.ok();
    meter.of("POST /api/admin/quota/clear", world.operator("POST", CLEAR, &json!({}))).await.ok();
    let past = "/api/admin/rid/61725984-6126f6f9-040f19c4";
    let past = meter.of("GET /api/admin/rid/{rid}", world.operator("GET", past, &json!({}))).await;
    assert_eq!(past.status, 404);
}

async fn nearby_places(meter: &mut Meter<'_>) {
    let world = meter.world;
    let (pois, nothing) = ("/api/admin/nearby-pois", json!({}));
    // Each call must come a second after the one before.
    let turn = || world.clock.advance(Duration::from_secs(2));
    let added = meter.of("POST /api/admin/nearby-pois", world.operator("POST", pois, &nearby_place())).await;
    let review = json!({ "auditId": added.ok().text("/auditId") });
    let reviewed = world.post("/_wechat/nearby_pois/review", &review).await.text("/poiId");
    turn();
    meter.of("GET /api/admin/nearby-pois", world.operator("GET", pois, &nothing)).await.ok();
    turn();
    let (path, hidden) = (format!("{pois}/{reviewed}/show"), json!({ "status": 0 }));
    meter.of("PUT /api/admin/nearby-pois/{poiId}/show", world.operator("PUT", &path, &hidden)).await.ok();
    turn();
    let path = format!("{pois}/{reviewed}");
    meter.of("DELETE /api/admin/nearby-pois/{poiId}", world.operator("DELETE", &path, &nothing)).await.ok();
}

async fn pushes(meter: &mut Meter<'_>) {
    let world = meter.world;
    let phone = world.user().await;
    let check = || async { world.wechat().check_push_url().await.expect("the address is right") };
    check().await;
    meter.of("GET /api/message/callback", check()).await;
    push_consent(world, &phone, "warm").await;
    meter.of("POST /api/message/callback", push_consent(world, &phone, "t")).await;
    meter.of("POST /api/message/callback, again", push_consent(world, &phone, "t")).await;
    let drain = || world.bundle().drain_stream("push-events");
    drain().await.expect("the stream is read");
    push_consent(world, &phone, "u").await;
    meter.of("push-events, a consent", drain()).await.expect("the stream is read");
    phone.wx("sendCustomerMessage", json!({ "msgtype": "text", "content": "在吗" })).await;
    world.wechat().wait_for_notices().await;
    meter.of("push-events, a message", drain()).await.expect("the stream is read");
    phone.wx("openCustomerServiceConversation", json!({})).await;
    world.wechat().wait_for_notices().await;
    meter.of("push-events, a user enters", drain()).await.expect("the stream is read");
    media_checks::costs(meter, &phone).await;
    let nothing = world.bundle().run_task("push-events");
    meter.of("push-events, nothing to repair", nothing).await.expect("a run");
}

async fn erasures(meter: &mut Meter<'_>) {
    let world = meter.world;
    let drain = || world.bundle().drain_stream("push-events");
    let phone = world.user().await;
    // An instance of its own: the secret is read and the connection made.
    phone.delete("/api/user").await.ok();
    drain().await.expect("the stream is read");
    let phone = world.user().await;
    phone.post("/api/orders", &json!({ "productId": "water", "quantity": 1 })).await.ok();
    accept_message(&phone).await;
    meter.of("DELETE /api/user", phone.delete("/api/user")).await.ok();
    meter.of("DELETE /api/user, again", phone.delete("/api/user")).await.ok();
    meter.of("push-events, an erasure with an order and a count", drain()).await.expect("the stream is read");
    world.clock.advance(Duration::from_secs(16 * 60));
    let last = world.bundle().run_task("push-events");
    meter.of("push-events, the last passes of two erasures", last).await.expect("a run");
}

/// What is over its budget, and budgets of what was not measured.
fn over(costs: &[Cost], budgets: &[(&str, usize, usize)]) -> Vec<String> {
    let checked = budgets.iter().map(|&(what, dynamodb, wechat)| {
        let Some(cost) = costs.iter().find(|cost| cost.what == what) else {
            return Some(format!("{what} was not measured"));
        };
        let is = (cost.dynamodb, cost.wechat);
        let fits = is.0 <= dynamodb && is.1 <= wechat;
        (!fits).then(|| format!("{what} costs {}/{} requests, more than {dynamodb}/{wechat}", is.0, is.1))
    });
    checked.flatten().collect()
}

/// Routes and tasks that the table does not have.
fn unmeasured(costs: &[Cost], stack: &Stack) -> Vec<String> {
    let routes = stack.functions.iter().flat_map(|function| {
        let routes = function.routes.iter().map(|route| format!("{} {}", route.method, route.path));
        let task = function.routes.is_empty().then(|| function.folder.clone());
        routes.chain(task).collect::<Vec<_>>()
    });
    let has = |route: &String| costs.iter().any(|cost| cost.what.split(',').next() == Some(route));
    routes.filter(|route| !has(route)).map(|route| format!("{route} was not measured")).collect()
}

fn table(costs: &[Cost]) -> String {
    let mut table =
        "| request, on a warm instance | DynamoDB | WeChat | read units | write units |\n".to_owned();
    table.push_str("|---|---|---|---|---|\n");
    for Cost { what, dynamodb, wechat, reads, writes } in costs {
        writeln!(table, "| {what} | {dynamodb} | {wechat} | {reads} | {writes} |").expect("a text takes it");
    }
    table.push_str(
        "\nA write that its condition stops is counted here without its units; DynamoDB bills them.\n",
    );
    table
}

#[tokio::test]
async fn every_request_keeps_to_its_budget_and_costs_what_the_table_says() {
    let costs = costs().await;
    assert_none(&over(&costs, BUDGETS));
    let stack = stack(&template());
    assert_none(&unmeasured(&costs, &stack));
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("capacity", table(&costs));
    });
}

#[test]
fn a_request_over_its_budget_or_not_measured_is_named() {
    let none = CapacityUnits::halves(0);
    let cost = |what, dynamodb, wechat| Cost { what, dynamodb, wechat, reads: none, writes: none };
    let costs = [cost("POST /api/login", 2, 1), cost("GET /api/user, again", 1, 0)];
    assert_eq!(over(&costs, &[("POST /api/login", 2, 1), ("GET /api/user, again", 1, 0)]), [""; 0]);
    assert_eq!(
        over(&costs, &[("POST /api/login", 1, 1), ("GET /api/products", 1, 0)]),
        ["POST /api/login costs 2/1 requests, more than 1/1", "GET /api/products was not measured"]
    );
    let stack = stack(&template());
    let unmeasured = unmeasured(&costs, &stack);
    assert!(unmeasured.contains(&"GET /api/products was not measured".to_owned()));
    assert!(unmeasured.contains(&"order-sweep was not measured".to_owned()));
    assert!(!unmeasured.contains(&"GET /api/user was not measured".to_owned()));
}
