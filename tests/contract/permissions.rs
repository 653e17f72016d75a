//! What functions may do is what they do: no permission is lacking, none is left over.
//!
//! One walk through the world does everything that functions ever do; the local DynamoDB notes which permission each request
//! needed.

use std::{collections::BTreeSet, time::Duration};

use e2e::{Phone, World};
use local_dynamo::PermissionUse;
use local_template::Stack;
use local_wechat::Fault;
use serde_json::json;
use shared::{
    pay::TradeState,
    service::{AccessTokens, pay_client},
    store::TokenName,
    types::OutTradeNo,
};

use crate::{
    complaints, customer_service,
    flows::{
        ACTIVATION, accept_message, add_every_card, board_rules, enter_from_group, erase_someone,
        fill_in_activation, page_signature, profile_body, push_consent, set_unionid, share_intent,
        sign_challenge, staff_user, upload_avatar,
    },
    media_checks, money, profiles,
    workspace::{assert_none, stack, template, with},
};

/// Every permission that the template grants.
fn granted(stack: &Stack) -> BTreeSet<PermissionUse> {
    let mut granted = BTreeSet::new();
    for function in &stack.functions {
        for statement in &function.statements {
            for action in &statement.actions {
                granted.extend(statement.resources.iter().map(|resource| PermissionUse {
                    caller: function.logical_id.clone(),
                    action: action.clone(),
                    resource: resource.clone(),
                }));
            }
        }
    }
    granted
}

fn in_words(PermissionUse { caller, action, resource }: &PermissionUse) -> String {
    let resource = resource.splitn(6, ':').last().unwrap_or(resource);
    format!("{caller}: {action} on {resource}")
}

fn unused(granted: &BTreeSet<PermissionUse>, used: &BTreeSet<PermissionUse>) -> Vec<String> {
    granted.difference(used).map(|grant| format!("granted and never used: {}", in_words(grant))).collect()
}

/// A login counts when it is newer than the one before.
fn later(world: &World) {
    world.clock.advance(Duration::from_secs(1));
}

/// Logins and profiles: users new and known, unionids learned, shared and found to be another user's.
async fn people(world: &World) {
    let mut first = world.person(Some("union-of-first"));
    first.log_in().await;
    later(world);
    first.log_in().await;
    let mut second_openid = world.person(Some("union-of-first"));
    second_openid.log_in().await;
    for unionid in ["union-of-its-own", "union-of-first"] {
        let mut stranger = world.stranger();
        stranger.log_in().await;
        set_unionid(world, &stranger, unionid);
        later(world);
        stranger.log_in().await;
    }
    for unionid in ["union-in-profile", "union-of-first"] {
        let phone = world.user().await;
        set_unionid(world, &phone, unionid);
        phone.post("/api/user/profile", &profile_body(&phone).await).await.ok();
    }
    let user_id = first.get("/api/user").await.ok().text("/user/userId");
    let path = format!("/api/admin/users/{user_id}/role");
    world.operator("PUT", &path, &json!({ "role": "staff" })).await.ok();
}

/// Phone numbers by code, by the same code again, by a code that WeChat was too busy for, and from encrypted data; tickets.
async fn phones(world: &World, phone: &Phone<'_>) {
    const EXCHANGE: &str = "/wxa/business/getuserphonenumber";
    let tapped = phone.wx("getPhoneNumber", json!({})).await.json();
    let code = json!({ "code": tapped["code"] });
    world.wechat().set_fault(Fault::Busy { path: EXCHANGE.into(), times: 3 });
    assert_eq!(phone.post("/api/decrypt-phone", &code).await.outcome(), "503 UPSTREAM_BUSY");
    for _ in 0..2 {
        phone.post("/api/decrypt-phone", &code).await.ok();
    }
    let data = json!({ "encryptedData": tapped["encryptedData"], "iv": tapped["iv"] });
    phone.post("/api/decrypt-phone", &data).await.ok();
    let steps = phone.wx("getWeRunData", json!({})).await.json();
    let steps = json!({ "encryptedData": steps["encryptedData"], "iv": steps["iv"] });
    phone.post("/api/werun/decrypt", &steps).await.ok();
    phone.get("/api/werun/summary").await.ok();
    let host = world.bundle().host("phone").expect("a function");
    let tickets = AccessTokens::new(&host).expect("its settings");
    tickets.get(TokenName::CardTicket).await.expect("a ticket");
}

/// What the user accepted is counted, listed and sent.
async fn messages(world: &World, phone: &Phone<'_>) {
    let message = accept_message(phone).await;
    phone.get("/api/subscribe").await.ok();
    world.user().await.get("/api/subscribe").await.ok();
    // Whoever finds that the token is void starts the broker.
    let path = Some("/cgi-bin/message/subscribe/send".to_owned());
    world.wechat().set_fault(Fault::TokenRevoked { path, stuck: false, times: 1 });
    world.operator("POST", "/api/admin/subscribe/send", &message).await.ok();
    push_consent(world, phone, "pushed").await;
    let revoke = json!({ "Event": "user_authorization_revoke", "OpenID": phone.openid, "RevokeInfo": "201" });
    world.wechat().push(&phone.openid, revoke);
    world.wechat().wait_for_notices().await;
    world.bundle().drain_stream("push-events").await.expect("the stream is read");
    world.bundle().run_task("push-events").await.expect("a run");
}

/// Cards added, reported, listed and consumed; a member card activated.
async fn cards(world: &World, phone: &Phone<'_>) {
    let clerk = staff_user(world).await;
    let path = Some("/card/batchget".to_owned());
    world.wechat().set_fault(Fault::TokenRevoked { path, stuck: false, times: 1 });
    phone.post("/api/cards/report", &add_every_card(phone).await).await.ok();
    world.user().await.get("/api/user/cards").await.ok();
    let code = phone.get("/api/user/cards").await.ok().json()["cardList"][0]["code"].clone();
    clerk.post("/api/cards/verify", &json!({ "code": code })).await.ok();
    let activation = phone.get(ACTIVATION).await.ok().json();
    phone.post("/api/cards/member/activate", &fill_in_activation(phone, &activation).await).await.ok();
}

/// A page that is shared, visited, and shown in a group that is larger than WeChat's; the figures of the next day.
async fn sharing(world: &World) {
    let phone = world.user().await;
    let shared = phone.post("/api/record-share", &share_intent()).await.ok();
    world.post("/api/share/entry", &json!({ "shareId": shared.text("/shareId") })).await.ok();
    let group = phone.post("/api/share/group", &enter_from_group(&phone, "g").await).await.ok();
    let steps = phone.wx("getWeRunData", json!({})).await.json();
    let steps = json!({ "encryptedData": steps["encryptedData"], "iv": steps["iv"] });
    phone.post("/api/werun/decrypt", &steps).await.ok();
    let group = group.text("/openGId");
    for number in 0..501 {
        let row = json!({ "group_id": { "S": format!("group:{group}") }, "user_id": { "S": format!("a{number}") },
                          "expires_at": { "N": "9999999999" } });
        world.put_item("GroupsTable", row).await;
    }
    phone.get(&format!("/api/werun/rank?openGId={group}")).await.ok();
    world.operator("PUT", "/api/admin/boards/b", &board_rules()).await.ok();
    phone.post("/api/scores", &json!({ "board": "b", "score": 7 })).await.ok();
    phone.get(&format!("/api/scores/rank?board=b&openGId={group}")).await.ok();
    let stranger = world.user().await;
    assert_eq!(stranger.get("/api/werun/rank?openGId=another").await.status, 403);
    assert_eq!(stranger.get("/api/scores/rank?board=b&openGId=another").await.status, 403);
    world.operator("GET", "/api/admin/shares", &json!({})).await.ok();
    let path = Some("/datacube/getweanalysisappiddailysummarytrend".to_owned());
    world.wechat().set_fault(Fault::TokenRevoked { path, stuck: false, times: 1 });
    world.bundle().run_task("share-figures").await.expect("a run");
}

/// A web page that is signed for, and a look at nearby places.
async fn web_pages(world: &World, phone: &Phone<'_>) {
    phone.get(&page_signature(world)).await.ok();
    let path = Some("/wxa/getnearbypoilist".to_owned());
    world.wechat().set_fault(Fault::TokenRevoked { path, stuck: false, times: 1 });
    world.operator("GET", "/api/admin/nearby-pois", &json!({})).await.ok();
}

/// A finger that proves something, a code that is drawn, and a quota that is read.
async fn fingers_and_codes(world: &World, phone: &Phone<'_>) {
    for path in [
        "/cgi-bin/soter/verify_signature",
        "/wxa/getwxacodeunlimit",
        "/wxa/msg_sec_check",
        "/cgi-bin/openapi/quota/get",
    ] {
        let path = Some(path.to_owned());
        world.wechat().set_fault(Fault::TokenRevoked { path, stuck: false, times: 1 });
    }
    let issued = phone.post("/api/soter/challenge", &json!({ "purpose": "pay" })).await.ok();
    let proof = sign_challenge(phone, &issued).await;
    phone.post("/api/verify-fingerprint", &proof).await.ok();
    assert_eq!(phone.post("/api/verify-fingerprint", &proof).await.status, 409);
    assert_eq!(phone.post("/api/wxacode/unlimited", &json!({ "scene": "s" })).await.status, 200);
    phone.post("/api/security/text", &json!({ "content": "很好", "scene": 2 })).await.ok();
    world.operator("GET", "/api/admin/quota?cgiPath=/wxa/getwxacode", &json!({})).await.ok();
}

/// Orders placed, looked at, cancelled, and paid with a notice that comes.
async fn shopping(world: &World, phone: &Phone<'_>) {
    phone.get("/api/products").await.ok();
    let (products, product) = ("/api/admin/products", "/api/admin/products/umbrella");
    let umbrella = json!({ "name": "晴雨伞", "price": 5900, "shelf": "sale", "stock": 7, "stockRows": 2 });
    world.operator("PUT", product, &umbrella).await.ok();
    world.operator_once("POST", &format!("{product}/stock"), &json!({ "add": 1 }), "delivery 1").await.ok();
    for path in [product, products] {
        world.operator("GET", path, &json!({})).await.ok();
    }
    let water = json!({ "productId": "water", "quantity": 1, "remark": "请放门口" });
    phone.post_once("/api/orders", &water, "one").await.ok();
    phone.post_once("/api/orders", &water, "one").await.ok();
    let (order_id, out_trade_no) = phone.order().await;
    phone.get("/api/orders").await.ok();
    world.user().await.get("/api/orders").await.ok();
    phone.prepay(&out_trade_no).await;
    let other = json!({ "outTradeNo": out_trade_no, "body": "another description" });
    let prepaid = phone.post("/api/pay/unified-order", &other).await.ok();
    phone.pay(&prepaid).await;
    world.wechat().wait_for_notices().await;
    let paid = phone.get(&format!("/api/orders?outTradeNo={out_trade_no}")).await.ok();
    let payment = paid.text("/orders/0/transactionId");
    phone.get(&format!("/api/orders?transactionId={payment}")).await.ok();
    assert_eq!(phone.status(&order_id).await, "PAID");
    let (order_id, out_trade_no) = phone.order().await;
    phone.prepay(&out_trade_no).await;
    phone.cancel(&order_id).await;
}

/// As many unpaid orders as a user can have; then one is cancelled, and there is a place again.
async fn hoarding(world: &World) {
    let phone = world.user().await;
    let (order_id, _) = phone.order().await;
    for _ in 1..20 {
        phone.order().await;
    }
    let water = json!({ "productId": "water", "quantity": 1 });
    assert_eq!(phone.post("/api/orders", &water).await.outcome(), "409 TOO_MANY_UNPAID");
    phone.cancel(&order_id).await;
    phone.order().await;
}

/// Lost notices, found by each of the functions that look for them; orders that expire.
async fn lost_notices(world: &World, phone: &Phone<'_>) {
    let (order_id, _) = phone.buy_unnoticed().await;
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(phone.status(&order_id).await, "PAID", "a look at the order finds it");

    let (_, out_trade_no) = phone.buy_unnoticed().await;
    let other = json!({ "outTradeNo": out_trade_no, "body": "another description" });
    assert_eq!(phone.post("/api/pay/unified-order", &other).await.outcome(), "409 ORDER_PAID");

    phone.buy_unnoticed().await;
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(world.sweep().await["paid"], 1);

    phone.prepay(&phone.order().await.1).await;
    world.clock.advance(Duration::from_secs(1800));
    let closed = world.sweep().await["closed"].as_u64();
    assert!(closed.is_some_and(|closed| closed > 0), "{closed:?}");
}

/// WeChat Pay's certificates, looked for, got and shared by each function that may need one.
async fn certificates() -> World {
    let world = World::start().with_config("[merchant]\napi = \"v3\"").await;
    let nobody_s = OutTradeNo::parse("01HF7Y9B9X000000000000000001").expect("a number");
    for folder in [
        "order",
        "unified-order",
        "pay-notify",
        "refund",
        "refund-notify",
        "order-sweep",
        "reconcile",
        "complaint",
        "complaint-sweep",
    ] {
        world.clock.advance(Duration::from_secs(13 * 60 * 60));
        let host = world.bundle().host(folder).expect("a function");
        let pay = pay_client(&host).expect("its settings");
        assert!(matches!(pay.query(nobody_s).await, Ok(TradeState::Unknown)), "{folder}");
    }
    world
}

/// More rows in each index of open work than one request reads, so that its shards are read, and workers started.
async fn crowded_indexes() -> World {
    let world = World::start().await;
    for (table, key, shard, time, at) in [
        ("OrdersTable", "order_id", "due_shard", "next_query_at", "1"),
        ("RefundsTable", "out_refund_no", "due_shard", "next_query_at", "9999999999"),
        ("MediaChecksTable", "trace_id", "due_shard", "next_query_at", "9999999999"),
        ("OutboxTable", "event_id", "pending_shard", "happened_at", "9999999999"),
        ("InboxTable", "push_id", "pending_shard", "happened_at", "9999999999"),
    ] {
        let rows = (0..501).map(|number| {
            let id = format!("01HF7Y9B9X000000000000{number:04}");
            json!({ key: { "S": id }, shard: { "S": "07" }, time: { "N": at } })
        });
        world.put_items(table, &rows.collect::<Vec<_>>()).await;
    }
    assert_eq!(world.sweep().await["workers"], 1);
    for task in ["order-events", "push-events"] {
        world.bundle().run_task(task).await.expect("a run");
    }
    world
}

/// A mini program whose shipping WeChat manages: a settlement whose push was lost, an order that is not shipped, and the day's row.
async fn managed_shipping() -> World {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff_user(&world).await);
    let (order_id, _) = phone.buy().await;
    phone.buy().await;
    world.bundle().drain_stream("order-events").await.expect("the stream is read");
    clerk.post(&format!("/api/orders/{order_id}/ship"), &money::parcel()).await.ok();
    world.clock.advance(Duration::from_secs(61));
    world.bundle().drain_stream("order-events").await.expect("the stream is read");
    world.clock.advance(Duration::from_secs(48 * 60 * 60));
    let fault = Fault::TokenRevoked { path: Some(GET_ORDER.to_owned()), stuck: false, times: 1 };
    world.wechat().set_fault(fault);
    let swept = world.bundle().run_task("shipping-sweep").await.expect("a run");
    assert_eq!(swept["notShipped"], 1, "{swept}");
    for path in ["", "/message-path"] {
        let method = if path.is_empty() { "GET" } else { "PUT" };
        let path = format!("/api/admin/trade-management{path}");
        world.operator(method, &path, &json!({ "path": "pages/order" })).await;
    }
    money::advance_to_next_noon(&world);
    world.bundle().run_task("reconcile").await.expect("a run");
    world
}

const GET_ORDER: &str = "/wxa/sec/order/get_order";

#[tokio::test]
async fn every_permission_is_used_and_none_is_lacking() {
    let world = World::start().with_template("paid").with_parameter("CustomerWelcomeText", "欢迎").await;
    people(&world).await;
    let phone = world.user().await;
    phones(&world, &phone).await;
    messages(&world, &phone).await;
    customer_service::everything(&world, &phone).await;
    cards(&world, &phone).await;
    fingers_and_codes(&world, &phone).await;
    upload_avatar(&phone).await;
    web_pages(&world, &phone).await;
    sharing(&world).await;
    media_checks::permissions(&world, &phone).await;
    profiles::permissions(&world).await;
    shopping(&world, &phone).await;
    hoarding(&world).await;
    lost_notices(&world, &phone).await;
    money::closed_orders(&world, &phone).await;
    money::mismatched_payments(&world, &phone).await;
    money::refunds(&world, &phone).await;
    complaints::permissions(&world).await;
    money::order_effects(&world, &phone).await;
    money::shipping(&world, &phone).await;
    money::bill_with_differences(&world, &phone).await;
    erase_someone(&world).await;
    let (by_certificates, crowded, with_shipping) =
        (certificates().await, crowded_indexes().await, managed_shipping().await);
    let mut used = BTreeSet::new();
    for world in [&world, &by_certificates, &crowded, &with_shipping] {
        let lacking: Vec<String> = world.dynamo().denied_permissions().iter().map(in_words).collect();
        assert!(lacking.is_empty(), "used and not granted:\n{}", lacking.join("\n"));
        used.extend(world.dynamo().used_permissions());
    }
    assert_none(&unused(&granted(world.bundle().stack()), &used));
}

#[test]
fn a_grant_that_nothing_uses_is_named() {
    let template = template();
    let used = granted(&stack(&template));
    let more = with(&template, "[dynamodb:PutItem, ", "[dynamodb:DeleteItem, ");
    assert_eq!(
        unused(&granted(&stack(&more)), &used),
        ["granted and never used: LoginFunction: dynamodb:DeleteItem on table/local-SessionsTable"]
    );
}

#[test]
fn nothing_can_be_granted_on_everything() {
    let template = template();
    for grant in granted(&stack(&template)) {
        // The objects below a prefix of a bucket have no other name.
        let folder = grant.resource.strip_suffix("/*").filter(|folder| folder.starts_with("arn:aws:s3:::"));
        let named = folder.unwrap_or(&grant.resource);
        assert!(!grant.action.contains('*') && !named.contains('*'), "{}", in_words(&grant));
    }
    for (part, wildcard) in [
        ("Resource: !GetAtt SessionsTable.Arn", "Resource: \"*\""),
        ("[dynamodb:PutItem, ", "[dynamodb:*, "),
        ("\"${UploadsBucket.Arn}/incoming/*\"", "\"${UploadsBucket.Arn}/inc*\""),
        (
            "ManagedPolicyArns: !If [IsTraced",
            "ManagedPolicyArns: [AmazonDynamoDBFullAccess]\n      Tags: !If [IsTraced",
        ),
    ] {
        let wide = with(&template, part, wildcard);
        let refused = std::panic::catch_unwind(|| stack(&wide)).is_err();
        assert!(refused, "{wildcard}");
    }
}
