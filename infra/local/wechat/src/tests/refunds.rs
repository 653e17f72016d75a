//! Refunds of both versions: one ledger, one set of rules.

use reqwest::Client;
use serde_json::{Value, json};

use super::merchant::Answer;
use super::tls;
use super::world::World;
use crate::core::clock::{DAY, MINUTE};
use crate::pay::v2::Fields;
use crate::{Options, RefundSource, RefundStatus, TradeState};

const REFUNDS: &str = "/v3/refund/domestic/refunds";

impl World {
    /// A complete v2 refund of half a yuan; an empty value takes a field away.
    pub(super) fn refund(&self, changes: &[(&str, &str)]) -> Fields {
        let mut fields = self.about(&[]);
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        fields.extend(
            [("out_refund_no", "refund-1"), ("total_fee", "101"), ("refund_fee", "50")].iter().map(own),
        );
        fields.extend(changes.iter().map(own));
        fields.retain(|_, value| !value.is_empty());
        fields
    }

    /// A complete v3 refund of half a yuan, notified.
    pub(super) fn v3_refund(&self, out_refund_no: &str, fee: u64) -> Value {
        json!({
            "out_trade_no": "order-0001",
            "out_refund_no": out_refund_no,
            "reason": "商品已售完",
            "notify_url": self.shop.url,
            "amount": {"refund": fee, "total": 101, "currency": "CNY"},
        })
    }

    /// Without the minute between two refunds.
    pub(super) async fn without_interval() -> Self {
        Self::with(Options { refund_interval_ms: 0, ..Options::default() }).await
    }
}

/// A world with a paid order, and how to refund it over TLS.
async fn paid() -> (World, Client, String) {
    let world = World::without_interval().await;
    world.buy("order-0001").await;
    let base = tls::serve(&world).await;
    let client = tls::merchant(&world);
    (world, client, format!("{base}/secapi/pay/refund"))
}

async fn refund(world: &World, out_refund_no: &str, fee: u64) -> Answer {
    world.v3_post(REFUNDS, world.v3_refund(out_refund_no, fee)).await
}

#[tokio::test]
async fn a_v3_refund_is_processing_when_accepted_and_then_done() {
    let world = World::new().await;
    let transaction_id = world.v3_buy("order-0001").await;
    let accepted = refund(&world, "refund-1", 50).await;
    assert_eq!((accepted.status, accepted.sealed_by().is_some()), (200, true));
    let told = accepted.json();
    assert_eq!((told["status"].as_str(), told.get("success_time")), (Some("PROCESSING"), None));
    assert_eq!(told["transaction_id"], transaction_id.as_str());
    assert_eq!(told["amount"]["refund"], 50);
    let told = world.v3_get(&format!("{REFUNDS}/refund-1")).await.json();
    assert_eq!(told["status"], "SUCCESS");
    assert_eq!(told["success_time"], "2023-11-15T06:14:02+08:00");
    assert_eq!(world.v3_get(&format!("{REFUNDS}/refund-2")).await.outcome(), "404 RESOURCE_NOT_EXISTS");

    let refunds = world.wechat.refunds();
    assert_eq!((refunds.len(), refunds[0].refund_fee, refunds[0].status), (1, 50, RefundStatus::Success));
    assert_eq!(world.wechat.ledger()[0].trade_state, TradeState::Refund);
    assert_eq!(world.v3_get(&world.v3_query("order-0001")).await.json()["trade_state"], "REFUND");
    assert_eq!(world.pay_api("/pay/orderquery", world.about(&[])).await["trade_state"], "REFUND");
}

#[tokio::test]
async fn a_v2_refund_is_accepted_and_queried_with_numbered_fields() {
    let (world, client, url) = paid().await;
    let accepted = tls::post(&client, &url, world.signed(world.refund(&[]))).await;
    assert_eq!(accepted["result_code"], "SUCCESS");
    assert_eq!((accepted["refund_fee"].as_str(), accepted["refund_id"].len()), ("50", 29));
    let second = [("out_refund_no", "refund-2"), ("refund_fee", "51")];
    tls::post(&client, &url, world.signed(world.refund(&second))).await;

    let told = world.pay_api("/pay/refundquery", world.about(&[])).await;
    assert_eq!((told["refund_count"].as_str(), told["total_refund_count"].as_str()), ("2", "2"));
    assert_eq!((told["out_refund_no_0"].as_str(), told["refund_status_0"].as_str()), ("refund-1", "SUCCESS"));
    assert_eq!((told["refund_fee_1"].as_str(), told["refund_channel_1"].as_str()), ("51", "ORIGINAL"));
    assert_eq!(told["refund_success_time_0"], "2023-11-15 06:14:02");
    assert_eq!(told["refund_recv_accout_0"], "支付用户零钱");
    let one = world.about(&[("refund_id", &accepted["refund_id"]), ("out_refund_no", "refund-2")]);
    let told = world.pay_api("/pay/refundquery", one).await;
    assert_eq!((told["refund_count"].as_str(), told["out_refund_no_0"].as_str()), ("1", "refund-1"));
    let none = world.pay_api("/pay/refundquery", world.about(&[("out_refund_no", "refund-3")])).await;
    assert_eq!(none["err_code"], "REFUNDNOTEXIST");
}

#[tokio::test]
async fn refunds_are_queried_ten_at_a_time() {
    let world = World::without_interval().await;
    world.v3_buy("order-0001").await;
    for n in 0..12 {
        refund(&world, &format!("refund-{n}"), 1).await;
    }
    let told = world.pay_api("/pay/refundquery", world.about(&[])).await;
    assert_eq!((told["refund_count"].as_str(), told["total_refund_count"].as_str()), ("10", "12"));
    let rest = world.pay_api("/pay/refundquery", world.about(&[("offset", "10")])).await;
    assert_eq!((rest["refund_count"].as_str(), rest["out_refund_no_1"].as_str()), ("2", "refund-11"));
}

#[tokio::test]
async fn the_same_refund_is_made_once_and_a_number_belongs_to_one() {
    let (world, client, url) = paid().await;
    let first = refund(&world, "refund-1", 50).await.json();
    let again = refund(&world, "refund-1", 50).await.json();
    assert_eq!((&again["refund_id"], again["status"].as_str()), (&first["refund_id"], Some("SUCCESS")));
    assert_eq!(refund(&world, "refund-1", 51).await.outcome(), "400 INVALID_REQUEST");
    let v2 = tls::post(&client, &url, world.signed(world.refund(&[]))).await;
    assert_eq!(Some(v2["refund_id"].as_str()), first["refund_id"].as_str(), "one ledger");
    let other = tls::post(&client, &url, world.signed(world.refund(&[("refund_fee", "51")]))).await;
    assert_eq!(other["err_code"], "ERROR");
    assert_eq!(world.wechat.refunds().len(), 1);
}

#[tokio::test]
async fn no_more_is_refunded_than_was_paid() {
    let (world, client, url) = paid().await;
    assert_eq!(refund(&world, "refund-1", 100).await.status, 200);
    assert_eq!(refund(&world, "refund-2", 2).await.outcome(), "400 INVALID_REQUEST");
    let v2 = world.refund(&[("out_refund_no", "refund-2"), ("refund_fee", "2")]);
    assert_eq!(tls::post(&client, &url, world.signed(v2)).await["err_code"], "ERROR");
    assert_eq!(refund(&world, "refund-2", 1).await.status, 200);
}

#[tokio::test]
async fn what_cannot_be_refunded_is_refused_by_each_versions_code() {
    let (world, client, url) = paid().await;
    world.prepay(&[("out_trade_no", "order-0002")]).await;
    for (pointer, name, value, v3, v2) in [
        ("/out_trade_no", "out_trade_no", "order-0003", "404 RESOURCE_NOT_EXISTS", "ORDERNOTEXIST"),
        ("/out_trade_no", "out_trade_no", "order-0002", "400 INVALID_REQUEST", "ERROR"),
        ("/out_refund_no", "out_refund_no", "退款", "400 PARAM_ERROR", "PARAM_ERROR"),
        ("/notify_url", "notify_url", "http://example.com/n", "400 PARAM_ERROR", "PARAM_ERROR"),
    ] {
        let mut body = world.v3_refund("refund-1", 50);
        *body.pointer_mut(pointer).unwrap() = value.into();
        assert_eq!(world.v3_post(REFUNDS, body).await.outcome(), v3, "{name}={value}");
        let answer = tls::post(&client, &url, world.signed(world.refund(&[(name, value)]))).await;
        assert_eq!(answer["err_code"], v2, "{name}={value}");
    }
    let mut body = world.v3_refund("refund-1", 50);
    body["amount"]["total"] = 100.into();
    assert_eq!(world.v3_post(REFUNDS, body.clone()).await.outcome(), "400 INVALID_REQUEST");
    body["amount"] = json!({"total": 100, "refund": 101, "currency": "CNY"});
    assert_eq!(world.v3_post(REFUNDS, body).await.outcome(), "400 PARAM_ERROR");
    let long = json!({"reason": "很".repeat(27)});
    let mut body = world.v3_refund("refund-1", 50);
    body["reason"] = long["reason"].clone();
    assert_eq!(world.v3_post(REFUNDS, body).await.outcome(), "400 PARAM_ERROR");
    for (name, value, err_code) in [
        ("refund_fee", "0", "PARAM_ERROR"),
        ("refund_fee", "102", "PARAM_ERROR"),
        ("total_fee", "100", "ERROR"),
        ("transaction_id", "1", "INVALID_TRANSACTIONID"),
        ("out_trade_no", "", "LACK_PARAMS"),
        ("refund_account", "BALANCE", "PARAM_ERROR"),
    ] {
        let answer = tls::post(&client, &url, world.signed(world.refund(&[(name, value)]))).await;
        assert_eq!(answer["err_code"], err_code, "{name}={value}");
    }
    assert!(world.wechat.refunds().is_empty());
}

#[tokio::test]
async fn two_refunds_of_an_order_are_a_minute_apart() {
    let world = World::new().await;
    world.v3_buy("order-0001").await;
    let client = tls::merchant(&world);
    let url = format!("{}/secapi/pay/refund", tls::serve(&world).await);
    assert_eq!(refund(&world, "refund-1", 50).await.status, 200);
    world.advance(MINUTE - 1);
    assert_eq!(refund(&world, "refund-2", 1).await.outcome(), "429 FREQUENCY_LIMITED");
    assert_eq!(refund(&world, "refund-1", 50).await.status, 200, "the same is not another");
    let v2 = world.refund(&[("out_refund_no", "refund-2"), ("refund_fee", "1")]);
    assert_eq!(tls::post(&client, &url, world.signed(v2)).await["err_code"], "INVALID_REQ_TOO_MUCH");
    world.advance(1);
    assert_eq!(refund(&world, "refund-2", 1).await.status, 200);
}

#[tokio::test]
async fn an_order_is_refunded_fifty_times_and_for_a_year() {
    let world = World::without_interval().await;
    world.v3_buy("order-0001").await;
    for n in 0..50 {
        assert_eq!(refund(&world, &format!("refund-{n}"), 1).await.status, 200);
    }
    assert_eq!(refund(&world, "refund-50", 1).await.outcome(), "400 INVALID_REQUEST");

    let (world, client, url) = paid().await;
    world.advance(365 * DAY + 1);
    assert_eq!(refund(&world, "refund-1", 50).await.outcome(), "403 TRADE_OVERDUE");
    let v2 = tls::post(&client, &url, world.signed(world.refund(&[]))).await;
    assert_eq!(v2["err_code"], "TRADE_OVERDUE");
}

#[tokio::test]
async fn a_merchant_without_balance_refunds_nothing() {
    let (world, client, url) = paid().await;
    world.fault(json!({"fault": "refund_balance", "times": 2})).await;
    assert_eq!(refund(&world, "refund-1", 50).await.outcome(), "403 NOT_ENOUGH");
    let v2 = tls::post(&client, &url, world.signed(world.refund(&[]))).await;
    assert_eq!(v2["err_code"], "NOTENOUGH");
    assert_eq!(world.wechat.ledger()[0].trade_state, TradeState::Success);
    assert_eq!(refund(&world, "refund-1", 50).await.status, 200);
}

#[tokio::test]
async fn a_refund_may_end_otherwise_and_a_closed_one_frees_its_amount() {
    let world = World::without_interval().await;
    world.v3_buy("order-0001").await;
    world
        .fault(json!([
            {"fault": "refund_outcome", "status": "CLOSED"},
            {"fault": "refund_outcome", "status": "ABNORMAL"},
        ]))
        .await;
    refund(&world, "refund-1", 101).await;
    refund(&world, "refund-2", 101).await;
    let statuses: Vec<_> = world.wechat.refunds().into_iter().map(|refund| refund.status).collect();
    assert_eq!(statuses, [RefundStatus::Closed, RefundStatus::Abnormal]);
    let told = world.pay_api("/pay/refundquery", world.about(&[])).await;
    assert_eq!(
        (told["refund_status_0"].as_str(), told["refund_status_1"].as_str()),
        ("REFUNDCLOSE", "CHANGE")
    );
    assert!(!told.contains_key("refund_success_time_0"));
    assert_eq!(refund(&world, "refund-3", 1).await.outcome(), "400 INVALID_REQUEST");
    world.wechat.finish_refund("refund-2", RefundStatus::Success);
    assert_eq!(world.v3_get(&format!("{REFUNDS}/refund-2")).await.json()["status"], "SUCCESS");
}

#[tokio::test]
async fn a_stalled_refund_ends_when_it_is_told_to() {
    let world = World::new().await;
    world.v3_buy("order-0001").await;
    world.fault(json!({"fault": "refund_stalled"})).await;
    refund(&world, "refund-1", 50).await;
    assert_eq!(world.v3_get(&format!("{REFUNDS}/refund-1")).await.json()["status"], "PROCESSING");
    let finish = async |status: &str| {
        let body = json!({"out_refund_no": "refund-1", "status": status});
        world.post("/_wechat/refunds/finish", body).await.unwrap().status().as_u16()
    };
    assert_eq!(finish("PROCESSING").await, 400);
    assert_eq!(finish("SUCCESS").await, 200);
    assert_eq!(finish("SUCCESS").await, 400, "it has ended");
    let listed = world.get_json("/_wechat/refunds").await;
    assert_eq!(
        (&listed["refunds"][0]["status"], &listed["refunds"][0]["source"]),
        (&json!("SUCCESS"), &json!("API"))
    );
}

#[tokio::test]
async fn a_lost_answer_leaves_the_refund_behind() {
    let (world, client, url) = paid().await;
    world.fault(json!({"fault": "timeout_after", "path": "/secapi/pay/refund"})).await;
    assert!(client.post(&url).body(world.signed(world.refund(&[]))).send().await.is_err());
    assert_eq!(world.wechat.refunds().len(), 1);
    let again = tls::post(&client, &url, world.signed(world.refund(&[]))).await;
    assert_eq!(again["result_code"], "SUCCESS");
    assert_eq!(world.wechat.refunds().len(), 1);
}

#[tokio::test]
async fn a_refund_in_the_console_counts_and_is_not_notified() {
    let world = World::new().await;
    let transaction_id = world.v3_buy("order-0001").await;
    world.wechat.settle().await;
    let made = world.wechat.console_refund(&transaction_id, 100);
    assert_eq!((made.source, made.status), (RefundSource::VendorPlatform, RefundStatus::Success));
    world.wechat.settle().await;
    assert_eq!(world.shop.requests().len(), 1, "the payment's notice");
    world.advance(MINUTE);
    assert_eq!(refund(&world, "refund-1", 2).await.outcome(), "400 INVALID_REQUEST");
    let over_http = json!({"transaction_id": transaction_id, "refund_fee": 1});
    let made = world.post_json("/_wechat/refunds/console", over_http).await;
    assert_eq!(made["source"], "VENDOR_PLATFORM");
    let too_much = json!({"transaction_id": transaction_id, "refund_fee": 1});
    assert_eq!(world.post("/_wechat/refunds/console", too_much).await.unwrap().status(), 400);
}
