//! Tests of Pay v3's APIs for orders, queries and closings, and of the payment on the phone.

use serde_json::{Value, json};

use super::fixture::Fixture;
use crate::core::clock::{self, DAY, HOUR, MINUTE};
use crate::{SignType, TradeState};

const PREPAY: &str = "/v3/pay/transactions/jsapi";

fn with(mut order: Value, pointer: &str, value: Value) -> Value {
    *order.pointer_mut(pointer).unwrap() = value;
    order
}

async fn close_order(fixture: &Fixture, out_trade_no: &str) -> super::merchant::TestResponse {
    let target = format!("/v3/pay/transactions/out-trade-no/{out_trade_no}/close");
    fixture.v3_post(&target, json!({"mchid": fixture.wechat.account().mch_id})).await
}

#[tokio::test]
async fn each_field_is_checked() {
    let fixture = Fixture::new().await;
    let mut full = fixture.v3_order();
    for (name, value) in [
        ("time_expire", json!("2023-11-15T07:14:02+08:00")),
        ("attach", json!("水".repeat(128))),
        ("goods_tag", json!("WXG")),
        ("support_fapiao", json!(true)),
        ("detail", json!({"goods_detail": [{"merchant_goods_id": "1", "quantity": 1, "unit_price": 101}]})),
        ("scene_info", json!({"payer_client_ip": "::1", "store_info": {"id": "1"}})),
        ("settle_info", json!({"profit_sharing": false})),
    ] {
        full[name] = value;
    }
    for (pointer, value, outcome) in [
        ("/appid", json!(null), "400 PARAM_ERROR"),
        ("/appid", json!("wx0000000000000000"), "400 APPID_MCHID_NOT_MATCH"),
        ("/mchid", json!("1600000000"), "400 MCH_NOT_EXISTS"),
        ("/description", json!(""), "400 PARAM_ERROR"),
        ("/description", json!("水".repeat(128)), "400 PARAM_ERROR"),
        ("/out_trade_no", json!("12345"), "400 PARAM_ERROR"),
        ("/out_trade_no", json!("order@0001"), "400 PARAM_ERROR"),
        ("/notify_url", json!("http://example.com/n"), "400 PARAM_ERROR"),
        ("/notify_url", json!("https://example.com/n?a=1"), "400 PARAM_ERROR"),
        ("/amount", json!(101), "400 PARAM_ERROR"),
        ("/amount/total", json!(0), "400 PARAM_ERROR"),
        ("/amount/total", json!("101"), "400 PARAM_ERROR"),
        ("/amount/total", json!(1.01), "400 PARAM_ERROR"),
        ("/amount/currency", json!("USD"), "400 PARAM_ERROR"),
        ("/payer", json!({}), "400 PARAM_ERROR"),
        ("/payer/openid", json!("oGZUI0egBJY1zhBYw2KhdUfwVJJE"), "400 PARAM_ERROR"),
        ("/time_expire", json!("20231115071402"), "400 PARAM_ERROR"),
        ("/time_expire", json!("2023-11-15T07:14:02.000+08:00"), "400 PARAM_ERROR"),
        ("/attach", json!("水".repeat(129)), "400 PARAM_ERROR"),
        ("/goods_tag", json!("1".repeat(33)), "400 PARAM_ERROR"),
        ("/support_fapiao", json!("true"), "400 PARAM_ERROR"),
        ("/detail/goods_detail/0/quantity", json!(0), "400 PARAM_ERROR"),
        ("/scene_info/payer_client_ip", json!("localhost"), "400 PARAM_ERROR"),
        ("/scene_info/store_info", json!({"name": "x"}), "400 PARAM_ERROR"),
        ("/settle_info/profit_sharing", json!("N"), "400 PARAM_ERROR"),
    ] {
        let answer = fixture.v3_post(PREPAY, with(full.clone(), pointer, value.clone())).await;
        assert_eq!(answer.outcome(), outcome, "{pointer}={value}");
        assert!(!answer.json()["message"].as_str().unwrap().is_empty());
    }
    assert!(fixture.wechat.ledger().is_empty());
    assert!(fixture.v3_prepay(full).await.starts_with("wx20231115061402"));
}

#[tokio::test]
async fn the_same_request_gives_a_fresh_prepay_id_and_another_is_refused() {
    let fixture = Fixture::new().await;
    let first = fixture.v3_prepay(fixture.v3_order()).await;
    let second = fixture.v3_prepay(fixture.v3_order()).await;
    assert_ne!(first, second);
    for changed in [with(fixture.v3_order(), "/amount/total", json!(102)), {
        let mut order = fixture.v3_order();
        order["time_expire"] = "2023-11-16T07:14:02+08:00".into();
        order
    }] {
        assert_eq!(fixture.v3_post(PREPAY, changed).await.outcome(), "400 INVALID_REQUEST");
    }
    assert_eq!(fixture.wechat.ledger().len(), 1);
    assert_eq!(fixture.call_wx("requestPayment", fixture.v3_payment(&first)).await.0, 200);
}

#[tokio::test]
async fn both_versions_share_the_order_numbers() {
    let fixture = Fixture::new().await;
    fixture.prepay(&[]).await;
    assert_eq!(fixture.v3_post(PREPAY, fixture.v3_order()).await.outcome(), "403 OUT_TRADE_NO_USED");
    assert_eq!(fixture.v3_get(&fixture.v3_query("order-0001")).await.json()["trade_state"], "NOTPAY");
    fixture.v3_prepay(with(fixture.v3_order(), "/out_trade_no", json!("order-0002"))).await;
    let again = fixture.pay_api("/pay/unifiedorder", fixture.order(&[("out_trade_no", "order-0002")])).await;
    assert_eq!(again["err_code"], "OUT_TRADE_NO_USED");
    let query =
        fixture.pay_api("/pay/orderquery", fixture.query_fields(&[("out_trade_no", "order-0002")])).await;
    assert_eq!(query["trade_state"], "NOTPAY");
}

#[tokio::test]
async fn a_paid_order_is_found_by_both_numbers() {
    let fixture = Fixture::new().await;
    let unpaid = fixture.v3_prepay(fixture.v3_order()).await;
    let response = fixture.v3_get(&fixture.v3_query("order-0001")).await.json();
    assert_eq!((response["trade_state"].as_str(), response.get("transaction_id")), (Some("NOTPAY"), None));
    fixture.call_wx("requestPayment", fixture.v3_payment(&unpaid)).await;

    let transaction_id = fixture.wechat.ledger()[0].transaction_id.clone().unwrap();
    let mch_id = &fixture.wechat.account().mch_id;
    let by_id = format!("/v3/pay/transactions/id/{transaction_id}?mchid={mch_id}");
    let response = fixture.v3_get(&by_id).await.json();
    assert_eq!(response, fixture.v3_get(&fixture.v3_query("order-0001")).await.json());
    assert_eq!(response["trade_state"], "SUCCESS");
    assert_eq!(response["amount"]["total"], 101);
    assert_eq!(response["payer"]["openid"], fixture.openid.as_str());
    assert_eq!(response["success_time"], "2023-11-15T06:14:02+08:00");
}

#[tokio::test]
async fn a_query_that_finds_nothing_says_why() {
    let fixture = Fixture::new().await;
    let mch_id = fixture.wechat.account().mch_id.clone();
    for (target, outcome) in [
        ("/v3/pay/transactions/out-trade-no/order-0001".to_owned(), "400 PARAM_ERROR"),
        ("/v3/pay/transactions/out-trade-no/order-0001?mchid=1600000000".to_owned(), "400 MCH_NOT_EXISTS"),
        (format!("/v3/pay/transactions/out-trade-no/1?mchid={mch_id}"), "400 PARAM_ERROR"),
        (format!("/v3/pay/transactions/id/1?mchid={mch_id}"), "500 INVALID_TRANSACTIONID"),
        (
            format!("/v3/pay/transactions/id/4200000000202311150000000000?mchid={mch_id}"),
            "404 ORDER_NOT_EXIST",
        ),
    ] {
        assert_eq!(fixture.v3_get(&target).await.outcome(), outcome, "{target}");
    }
}

#[tokio::test]
async fn closing_an_order_is_a_signed_204_without_a_body() {
    let fixture = Fixture::new().await;
    fixture.v3_prepay(fixture.v3_order()).await;
    let closed = close_order(&fixture, "order-0001").await;
    assert_eq!((closed.status, closed.bytes.len()), (204, 0));
    assert!(closed.signed_by().is_some());
    assert!(!closed.headers.contains_key("content-type"));
    assert_eq!(close_order(&fixture, "order-0001").await.outcome(), "400 ORDER_CLOSED");
    assert_eq!(fixture.v3_post(PREPAY, fixture.v3_order()).await.outcome(), "400 ORDER_CLOSED");
    assert_eq!(close_order(&fixture, "order-0002").await.outcome(), "404 ORDER_NOT_EXIST");
    let target = "/v3/pay/transactions/out-trade-no/order-0001/close";
    assert_eq!(fixture.v3_post(target, json!({})).await.outcome(), "400 PARAM_ERROR");
}

#[tokio::test]
async fn a_paid_order_is_neither_closed_nor_ordered_again() {
    let fixture = Fixture::new().await;
    fixture.v3_buy("order-0001").await;
    assert_eq!(close_order(&fixture, "order-0001").await.outcome(), "400 INVALID_REQUEST");
    assert_eq!(fixture.v3_post(PREPAY, fixture.v3_order()).await.outcome(), "400 INVALID_REQUEST");
    assert_eq!(fixture.wechat.ledger()[0].trade_state, TradeState::Success);
}

#[tokio::test]
async fn time_expire_is_moved_into_the_allowed_range() {
    let fixture = Fixture::new().await;
    let order = |number: &str, at: u64| {
        let mut order = with(fixture.v3_order(), "/out_trade_no", json!(number));
        order["time_expire"] = clock::rfc3339(at).into();
        order
    };
    let short = fixture.v3_prepay(order("order-0001", fixture.now() + 1000)).await;
    fixture.v3_prepay(order("order-0002", fixture.now() + 400 * DAY)).await;
    fixture.advance(MINUTE - 1000);
    assert_eq!(fixture.call_wx("requestPayment", fixture.v3_payment(&short)).await.0, 200);
    fixture.advance(30 * DAY);
    assert_eq!(fixture.wechat.ledger()[1].trade_state, TradeState::NotPay);
    fixture.advance(60 * DAY);
    assert_eq!(fixture.wechat.ledger()[1].trade_state, TradeState::Closed);
}

#[tokio::test]
async fn an_order_is_paid_with_the_version_that_made_it() {
    let fixture = Fixture::new().await;
    let v3 = fixture.v3_prepay(fixture.v3_order()).await;
    let v2 = fixture.prepay(&[("out_trade_no", "order-0002")]).await;
    for wrong in [fixture.payment(&v3, SignType::Md5), fixture.v3_payment(&v2)] {
        let (status, answer) = fixture.call_wx("requestPayment", wrong).await;
        assert_eq!(status, 400);
        assert!(answer["errMsg"].as_str().unwrap().contains("支付验证签名失败"), "{answer}");
    }
    let mut wrong = fixture.v3_payment(&v3);
    wrong["timeStamp"] = "1700000043".into();
    assert_eq!(fixture.call_wx("requestPayment", wrong).await.0, 400);
    fixture.advance(2 * HOUR);
    assert_eq!(
        fixture.call_wx("requestPayment", fixture.v3_payment(&v3)).await.0,
        400,
        "the prepay_id is old"
    );
    let fresh = fixture.v3_prepay(fixture.v3_order()).await;
    assert_eq!(fixture.call_wx("requestPayment", fixture.v3_payment(&fresh)).await.0, 200);
}
