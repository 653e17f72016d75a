//! `POST /api/pay/unified-order` of an order that was prepaid before: by another interface, with another text, or near its end.

use std::time::Duration;

use e2e::{Requests, World};
use insta::assert_snapshot;
use local_wechat::Fault;
use serde_json::json;

const PREPAY: &str = "/pay/unifiedorder";

fn package(answer: &e2e::Response) -> String {
    answer.text("/payParams/package")
}

/// The settings of `unified-order` with these changes, as they were before.
fn configured_otherwise(world: &World, changes: &[(&str, &str)]) -> shared::host::Host {
    use std::sync::Arc;

    use shared::host::{Host, SystemRandomness};
    let now = world.bundle().host("unified-order").expect("a function");
    let names = [
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_DYNAMODB",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        "MERCHANT_ID",
        "MERCHANT_SECRET_ARN",
        "MINI_PROGRAM_APP_ID",
        "ORDERS_TABLE",
        "PAY_API",
        "PAY_API_BASE",
        "PAY_SIGN_TYPE",
        "PLATFORM_CERTIFICATES_TABLE",
    ];
    let settings = names.iter().filter_map(|name| Some((*name, now.optional_var(name)?)));
    let settings = settings.chain(changes.iter().copied());
    let env = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Host::new(
        env,
        Arc::new(world.clock.clone()),
        Arc::new(SystemRandomness),
        vec![world.wechat().ca_certificate()],
    )
}

/// Prepays the order with the settings before, and stores the result unless the answer was `lost`: the `prepay_id`.
async fn prepaid_before(world: &World, order_id: &str, changes: &[(&str, &str)], lost: bool) -> String {
    use shared::{
        pay::{PrepayOutcome, PrepayRequest},
        service::pay_client,
        store::{Orders, Prepay, PrepayTerms},
    };
    let host = configured_otherwise(world, changes);
    let (pay, orders) = (pay_client(&host).expect("settings"), Orders::new(&host).expect("settings"));
    let id = shared::types::OrderId::parse(order_id).expect("an id");
    let order = orders.get(id).await.expect("an answer").expect("the order");
    let terms = PrepayTerms {
        description: "矿泉水 550ml×1".to_owned(),
        client_ip: "127.0.0.1".to_owned(),
        time_expire: None,
        offers_invoice: false,
    };
    let request = PrepayRequest {
        out_trade_no: order.out_trade_no,
        description: &terms.description,
        total_fee: order.total_fee,
        openid: order.openid.as_ref().expect("a user"),
        client_ip: &terms.client_ip,
        expires_at: order.expires_at,
        notify_url: &format!("{}/api/pay/notify", world.url()),
        offers_invoice: false,
    };
    let prepay_id = match pay.prepay(&request).await.expect("an answer") {
        PrepayOutcome::Ready(prepay_id) => Some(prepay_id),
        _ => None,
    };
    let prepay_id = prepay_id.expect("it can be prepaid");
    if lost {
        orders.store_terms(&order, &terms).await.expect("it is stored");
    } else {
        let at = shared::types::UnixSeconds::new(world.now());
        let prepay = Prepay { prepay_id: prepay_id.clone(), at, sign_type: pay.sign_type().to_owned() };
        orders.store_prepay(&order, &terms, &prepay).await.expect("it is stored");
    }
    prepay_id.as_str().to_owned()
}

#[tokio::test]
async fn an_order_prepaid_before_a_change_of_interface_can_be_paid() {
    const V2: (&str, &str) = ("PAY_API", "v2");
    const V3: (&str, &str) = ("PAY_API", "v3");
    const MD5: (&str, &str) = ("PAY_SIGN_TYPE", "MD5");
    const HMAC: (&str, &str) = ("PAY_SIGN_TYPE", "HMAC-SHA256");
    for (config, before) in [
        ("", vec![V2, MD5]),
        ("[merchant]\nsign_type = \"MD5\"", vec![V2, HMAC]),
        ("", vec![V3]),
        ("[merchant]\napi = \"v3\"", vec![V2, MD5]),
        ("[merchant]\napi = \"v3\"", vec![V2, HMAC]),
    ] {
        for lost in [false, true] {
            let world = World::start().with_config(config).await;
            let phone = world.user().await;
            let (order_id, out_trade_no) = phone.order().await;
            let old = prepaid_before(&world, &order_id, &before, lost).await;
            let (prepaid, requests) = world.count_requests(phone.try_prepay(&out_trade_no)).await;
            let prepaid = prepaid.ok();
            assert_ne!(package(&prepaid), format!("prepay_id={old}"), "{config} {before:?}");
            // The refused request, a query, a close, the new request; and downloads of certificates.
            assert!(requests.wechat <= 6, "{config} {before:?} {lost}: {requests:?}");
            let (_, cost) = world.count_requests(phone.try_prepay(&out_trade_no)).await;
            assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 }, "it is kept");
            assert_eq!(phone.try_pay(&prepaid).await.status, 200, "{config} {before:?} {lost}");
            world.wechat().wait_for_notices().await;
            let order = phone.get(&format!("/api/orders/{order_id}")).await;
            assert_eq!(order.text("/order/status"), "PAID");
            assert!(order.text("/order/outTradeNo").ends_with("02"));
        }
    }
}

#[tokio::test]
async fn an_order_paid_before_a_change_of_interface_is_not_prepaid_again() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.buy_unnoticed().await;
    let update = json!({ "TableName": world.table("OrdersTable"), "Key": { "order_id": { "S": order_id } },
        "UpdateExpression": "SET prepay.sign_type = :md5", "ExpressionAttributeValues": { ":md5": { "S": "MD5" } } });
    world.dynamo().call_as_operator("UpdateItem", update).await.expect("an update");
    assert_eq!(phone.try_prepay(&out_trade_no).await.outcome(), "409 ORDER_PAID");
    assert_eq!(phone.status(&order_id).await, "PAID");
}

#[tokio::test]
async fn a_number_that_wechat_pay_refuses_after_expiry_is_replaced_by_the_next() {
    for (config, path, codes) in [
        ("", PREPAY, &["INVALID_REQUEST", "OUT_TRADE_NO_USED", "ORDERCLOSED"][..]),
        (
            "[merchant]\napi = \"v3\"",
            "/v3/pay/transactions/jsapi",
            &["INVALID_REQUEST", "PARAM_ERROR", "OUT_TRADE_NO_USED", "ORDER_CLOSED", "TRADE_ERROR"][..],
        ),
    ] {
        for code in codes {
            let world = World::start().with_config(config).await;
            let phone = world.user().await;
            let (order_id, out_trade_no) = phone.order().await;
            phone.prepay(&out_trade_no).await;
            let expired = json!({ "TableName": world.table("OrdersTable"), "Key": { "order_id": { "S": order_id } },
                "UpdateExpression": "SET prepay.#at = :at", "ExpressionAttributeNames": { "#at": "at" },
                "ExpressionAttributeValues": { ":at": { "N": (world.now() - 6901).to_string() } } });
            world.dynamo().call_as_operator("UpdateItem", expired).await.expect("an update");
            world.wechat().set_fault(Fault::ErrCode {
                path: path.into(),
                err_code: (*code).into(),
                times: 1,
            });
            let prepaid = phone.prepay(&out_trade_no).await;
            assert_eq!(phone.try_pay(&prepaid).await.status, 200, "{code}");
            world.wechat().wait_for_notices().await;
            assert_eq!(phone.status(&order_id).await, "PAID", "{code}");
        }
    }
}

#[tokio::test]
async fn a_description_can_be_changed_nine_times() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    let ask = |body: String| {
        let (phone, body) = (&phone, json!({ "outTradeNo": out_trade_no, "body": body }));
        async move { phone.post("/api/pay/unified-order", &body).await }
    };
    for number in 1..=10 {
        ask(format!("第{number}段")).await.ok();
    }
    let before = world.calls_to(PREPAY);
    assert_snapshot!(ask("又一段".to_owned()).await.snapshot(), @r#"409 {"success":false,"code":"CONFLICT","message":"订单说明更改过多，请重新下单","requestId":"…"}"#);
    assert_eq!(world.calls_to(PREPAY), before, "WeChat Pay is not asked");
    let prepaid = ask("第10段".to_owned()).await.ok();
    phone.pay(&prepaid).await;
    world.wechat().wait_for_notices().await;
    assert_eq!(phone.status(&order_id).await, "PAID");
}

#[tokio::test]
async fn an_order_whose_numbers_are_used_up_is_closed() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    let last = json!({ "TableName": world.table("OrdersTable"), "Key": { "order_id": { "S": order_id } },
        "UpdateExpression": "SET out_trade_no = :no",
        "ExpressionAttributeValues": { ":no": { "S": format!("{order_id}99") } } });
    world.dynamo().call_as_operator("UpdateItem", last).await.expect("an update");
    world.wechat().set_fault(Fault::ErrCode {
        path: PREPAY.into(),
        err_code: "ORDERCLOSED".into(),
        times: 1,
    });
    assert_eq!(phone.try_prepay(&out_trade_no).await.outcome(), "409 ORDER_CLOSED");
    assert_eq!(phone.status(&order_id).await, "CLOSED");
}

#[tokio::test]
async fn a_prepayment_in_the_last_minutes_gets_five_and_the_order_ends_in_time() {
    for config in ["", "[merchant]\napi = \"v3\""] {
        let world = World::start().with_config(config).await;
        let phone = world.user().await;
        let (order_id, out_trade_no) = phone.order().await;
        world.clock.advance(Duration::from_secs(1650));
        let path = if config.is_empty() { PREPAY } else { "/v3/pay/transactions/jsapi" };
        world.wechat().set_fault(Fault::TimeoutAfter { path: path.into(), times: 3, millis: 0 });
        assert_eq!(phone.try_prepay(&out_trade_no).await.outcome(), "503 UPSTREAM_BUSY");
        let first = shared::types::UnixSeconds::new(world.now() + 330);
        world.clock.advance(Duration::from_secs(10));
        let prepaid = phone.prepay(&out_trade_no).await;
        let calls = world.wechat().upstream_calls();
        let expiries: std::collections::BTreeSet<_> = calls
            .iter()
            .filter(|call| call.path == path)
            .map(|call| call.request["time_expire"].as_str().unwrap_or_default().to_owned())
            .collect();
        let expected = if config.is_empty() { first.to_pay_v2() } else { first.to_pay_v3() };
        assert_eq!(expiries.into_iter().collect::<Vec<_>>(), [expected], "the same in each repetition");
        world.clock.advance(Duration::from_secs(140));
        assert_eq!(world.sweep().await["closed"], 1, "the order ends when it ends");
        assert_ne!(phone.try_pay(&prepaid).await.status, 200, "it was closed at WeChat Pay, too");
        assert_eq!(phone.status(&order_id).await, "CLOSED");
    }
}

#[tokio::test]
async fn an_expiry_that_wechat_pay_finds_too_near_closes_or_renumbers() {
    let world = World::start().await;
    let phone = world.user().await;
    let refuse = || {
        let (path, err_code) = (PREPAY.into(), "PARAM_ERROR".into());
        world.wechat().set_fault(Fault::ErrCode { path, err_code, times: 1 });
    };
    let (_, out_trade_no) = phone.order().await;
    world.clock.advance(Duration::from_secs(1600));
    refuse();
    assert_eq!(phone.try_prepay(&out_trade_no).await.outcome(), "409 ORDER_CLOSED");
    // A request with an expiry that was far enough never arrives. When it is repeated, its expiry is too near, and the next
    // attempt gets a later one.
    let (order_id, out_trade_no) = phone.order().await;
    world.clock.advance(Duration::from_secs(1400));
    world.wechat().set_fault(Fault::TimeoutBefore { path: PREPAY.into(), times: 3, millis: 0 });
    assert_eq!(phone.try_prepay(&out_trade_no).await.outcome(), "503 UPSTREAM_BUSY");
    world.clock.advance(Duration::from_secs(300));
    refuse();
    let prepaid = phone.prepay(&out_trade_no).await;
    phone.pay(&prepaid).await;
    world.wechat().wait_for_notices().await;
    assert_eq!(phone.status(&order_id).await, "PAID");
}
