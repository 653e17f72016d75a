//! Tests of refunds in both versions, which share one ledger and its rules.

use reqwest::Client;
use serde_json::{Value, json};

use super::fixture::Fixture;
use super::merchant::TestResponse;
use super::tls;
use crate::core::clock::{DAY, MINUTE};
use crate::pay::v2::Fields;
use crate::{RefundSource, RefundStatus, SimulatorOptions, TradeState};

const REFUNDS: &str = "/v3/refund/domestic/refunds";

impl Fixture {
    /// The fields of a v2 refund of half a yuan, with these changes. An empty value removes a field.
    pub(super) fn refund(&self, changes: &[(&str, &str)]) -> Fields {
        let mut fields = self.query_fields(&[]);
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        fields.extend(
            [("out_refund_no", "refund-1"), ("total_fee", "101"), ("refund_fee", "50")].iter().map(own),
        );
        fields.extend(changes.iter().map(own));
        fields.retain(|_, value| !value.is_empty());
        fields
    }

    /// The body of a v3 refund of half a yuan, with a `notify_url`.
    pub(super) fn v3_refund(&self, out_refund_no: &str, fee: u64) -> Value {
        json!({
            "out_trade_no": "order-0001",
            "out_refund_no": out_refund_no,
            "reason": "商品已售完",
            "notify_url": self.receiver.url,
            "amount": {"refund": fee, "total": 101, "currency": "CNY"},
        })
    }

    /// Options without the minute between two refunds.
    pub(super) async fn without_interval() -> Self {
        Self::with(SimulatorOptions { refund_interval_ms: 0, ..SimulatorOptions::default() }).await
    }
}

/// A fixture with a paid order, and a TLS client that can refund it.
async fn paid() -> (Fixture, Client, String) {
    let fixture = Fixture::without_interval().await;
    fixture.buy("order-0001").await;
    let base = tls::serve(&fixture).await;
    let client = tls::merchant(&fixture);
    (fixture, client, format!("{base}/secapi/pay/refund"))
}

async fn refund(fixture: &Fixture, out_refund_no: &str, fee: u64) -> TestResponse {
    fixture.v3_post(REFUNDS, fixture.v3_refund(out_refund_no, fee)).await
}

#[tokio::test]
async fn a_v3_refund_is_processing_when_accepted_and_then_done() {
    let fixture = Fixture::new().await;
    let transaction_id = fixture.v3_buy("order-0001").await;
    let accepted = refund(&fixture, "refund-1", 50).await;
    assert_eq!((accepted.status, accepted.signed_by().is_some()), (200, true));
    let response = accepted.json();
    assert_eq!((response["status"].as_str(), response.get("success_time")), (Some("PROCESSING"), None));
    assert_eq!(response["transaction_id"], transaction_id.as_str());
    assert_eq!(response["amount"]["refund"], 50);
    let response = fixture.v3_get(&format!("{REFUNDS}/refund-1")).await.json();
    assert_eq!(response["status"], "SUCCESS");
    assert_eq!(response["success_time"], "2023-11-15T06:14:02+08:00");
    assert_eq!(fixture.v3_get(&format!("{REFUNDS}/refund-2")).await.outcome(), "404 RESOURCE_NOT_EXISTS");

    let refunds = fixture.wechat.refunds();
    assert_eq!((refunds.len(), refunds[0].refund_fee, refunds[0].status), (1, 50, RefundStatus::Success));
    assert_eq!(fixture.wechat.ledger()[0].trade_state, TradeState::Refund);
    assert_eq!(fixture.v3_get(&fixture.v3_query("order-0001")).await.json()["trade_state"], "REFUND");
    assert_eq!(fixture.pay_api("/pay/orderquery", fixture.query_fields(&[])).await["trade_state"], "REFUND");
}

#[tokio::test]
async fn a_v2_refund_is_accepted_and_queried_with_numbered_fields() {
    let (fixture, client, url) = paid().await;
    let accepted = tls::post(&client, &url, fixture.signed(fixture.refund(&[]))).await;
    assert_eq!(accepted["result_code"], "SUCCESS");
    assert_eq!((accepted["refund_fee"].as_str(), accepted["refund_id"].len()), ("50", 29));
    let second = [("out_refund_no", "refund-2"), ("refund_fee", "51")];
    tls::post(&client, &url, fixture.signed(fixture.refund(&second))).await;

    let response = fixture.pay_api("/pay/refundquery", fixture.query_fields(&[])).await;
    assert_eq!((response["refund_count"].as_str(), response["total_refund_count"].as_str()), ("2", "2"));
    assert_eq!(
        (response["out_refund_no_0"].as_str(), response["refund_status_0"].as_str()),
        ("refund-1", "SUCCESS")
    );
    assert_eq!(
        (response["refund_fee_1"].as_str(), response["refund_channel_1"].as_str()),
        ("51", "ORIGINAL")
    );
    assert_eq!(response["refund_success_time_0"], "2023-11-15 06:14:02");
    assert_eq!(response["refund_recv_accout_0"], "支付用户零钱");
    let one = fixture.query_fields(&[("refund_id", &accepted["refund_id"]), ("out_refund_no", "refund-2")]);
    let response = fixture.pay_api("/pay/refundquery", one).await;
    assert_eq!((response["refund_count"].as_str(), response["out_refund_no_0"].as_str()), ("1", "refund-1"));
    let none =
        fixture.pay_api("/pay/refundquery", fixture.query_fields(&[("out_refund_no", "refund-3")])).await;
    assert_eq!(none["err_code"], "REFUNDNOTEXIST");
}

#[tokio::test]
async fn refunds_are_queried_ten_at_a_time() {
    let fixture = Fixture::without_interval().await;
    fixture.v3_buy("order-0001").await;
    for n in 0..12 {
        refund(&fixture, &format!("refund-{n}"), 1).await;
    }
    let response = fixture.pay_api("/pay/refundquery", fixture.query_fields(&[])).await;
    assert_eq!((response["refund_count"].as_str(), response["total_refund_count"].as_str()), ("10", "12"));
    let rest = fixture.pay_api("/pay/refundquery", fixture.query_fields(&[("offset", "10")])).await;
    assert_eq!((rest["refund_count"].as_str(), rest["out_refund_no_1"].as_str()), ("2", "refund-11"));
}

#[tokio::test]
async fn the_same_refund_is_made_once_and_a_number_belongs_to_one() {
    let (fixture, client, url) = paid().await;
    let first = refund(&fixture, "refund-1", 50).await.json();
    let again = refund(&fixture, "refund-1", 50).await.json();
    assert_eq!((&again["refund_id"], again["status"].as_str()), (&first["refund_id"], Some("SUCCESS")));
    assert_eq!(refund(&fixture, "refund-1", 51).await.outcome(), "400 INVALID_REQUEST");
    let v2 = tls::post(&client, &url, fixture.signed(fixture.refund(&[]))).await;
    assert_eq!(Some(v2["refund_id"].as_str()), first["refund_id"].as_str(), "one ledger");
    let other = tls::post(&client, &url, fixture.signed(fixture.refund(&[("refund_fee", "51")]))).await;
    assert_eq!(other["err_code"], "ERROR");
    assert_eq!(fixture.wechat.refunds().len(), 1);
}

#[tokio::test]
async fn no_more_is_refunded_than_was_paid() {
    let (fixture, client, url) = paid().await;
    assert_eq!(refund(&fixture, "refund-1", 100).await.status, 200);
    assert_eq!(refund(&fixture, "refund-2", 2).await.outcome(), "400 INVALID_REQUEST");
    let v2 = fixture.refund(&[("out_refund_no", "refund-2"), ("refund_fee", "2")]);
    assert_eq!(tls::post(&client, &url, fixture.signed(v2)).await["err_code"], "ERROR");
    assert_eq!(refund(&fixture, "refund-2", 1).await.status, 200);
}

#[tokio::test]
async fn each_refused_refund_has_its_code_in_both_versions() {
    let (fixture, client, url) = paid().await;
    fixture.prepay(&[("out_trade_no", "order-0002")]).await;
    for (pointer, name, value, v3, v2) in [
        ("/out_trade_no", "out_trade_no", "order-0003", "404 RESOURCE_NOT_EXISTS", "ORDERNOTEXIST"),
        ("/out_trade_no", "out_trade_no", "order-0002", "400 INVALID_REQUEST", "ERROR"),
        ("/out_refund_no", "out_refund_no", "退款", "400 PARAM_ERROR", "PARAM_ERROR"),
        ("/notify_url", "notify_url", "http://example.com/n", "400 PARAM_ERROR", "PARAM_ERROR"),
    ] {
        let mut body = fixture.v3_refund("refund-1", 50);
        *body.pointer_mut(pointer).unwrap() = value.into();
        assert_eq!(fixture.v3_post(REFUNDS, body).await.outcome(), v3, "{name}={value}");
        let answer = tls::post(&client, &url, fixture.signed(fixture.refund(&[(name, value)]))).await;
        assert_eq!(answer["err_code"], v2, "{name}={value}");
    }
    let mut body = fixture.v3_refund("refund-1", 50);
    body["amount"]["total"] = 100.into();
    assert_eq!(fixture.v3_post(REFUNDS, body.clone()).await.outcome(), "400 INVALID_REQUEST");
    body["amount"] = json!({"total": 100, "refund": 101, "currency": "CNY"});
    assert_eq!(fixture.v3_post(REFUNDS, body).await.outcome(), "400 PARAM_ERROR");
    let long = json!({"reason": "很".repeat(27)});
    let mut body = fixture.v3_refund("refund-1", 50);
    body["reason"] = long["reason"].clone();
    assert_eq!(fixture.v3_post(REFUNDS, body).await.outcome(), "400 PARAM_ERROR");
    for (name, value, err_code) in [
        ("refund_fee", "0", "PARAM_ERROR"),
        ("refund_fee", "102", "PARAM_ERROR"),
        ("total_fee", "100", "ERROR"),
        ("transaction_id", "1", "INVALID_TRANSACTIONID"),
        ("out_trade_no", "", "LACK_PARAMS"),
        ("refund_account", "BALANCE", "PARAM_ERROR"),
    ] {
        let answer = tls::post(&client, &url, fixture.signed(fixture.refund(&[(name, value)]))).await;
        assert_eq!(answer["err_code"], err_code, "{name}={value}");
    }
    assert!(fixture.wechat.refunds().is_empty());
}

#[tokio::test]
async fn two_refunds_of_an_order_are_a_minute_apart() {
    let fixture = Fixture::new().await;
    fixture.v3_buy("order-0001").await;
    let client = tls::merchant(&fixture);
    let url = format!("{}/secapi/pay/refund", tls::serve(&fixture).await);
    assert_eq!(refund(&fixture, "refund-1", 50).await.status, 200);
    fixture.advance(MINUTE - 1);
    assert_eq!(refund(&fixture, "refund-2", 1).await.outcome(), "429 FREQUENCY_LIMITED");
    assert_eq!(refund(&fixture, "refund-1", 50).await.status, 200, "the same is not another");
    let v2 = fixture.refund(&[("out_refund_no", "refund-2"), ("refund_fee", "1")]);
    assert_eq!(tls::post(&client, &url, fixture.signed(v2)).await["err_code"], "INVALID_REQ_TOO_MUCH");
    fixture.advance(1);
    assert_eq!(refund(&fixture, "refund-2", 1).await.status, 200);
}

#[tokio::test]
async fn an_order_is_refunded_fifty_times_and_for_a_year() {
    let fixture = Fixture::without_interval().await;
    fixture.v3_buy("order-0001").await;
    for n in 0..50 {
        assert_eq!(refund(&fixture, &format!("refund-{n}"), 1).await.status, 200);
    }
    assert_eq!(refund(&fixture, "refund-50", 1).await.outcome(), "400 INVALID_REQUEST");

    let (fixture, client, url) = paid().await;
    fixture.advance(365 * DAY + 1);
    assert_eq!(refund(&fixture, "refund-1", 50).await.outcome(), "403 TRADE_OVERDUE");
    let v2 = tls::post(&client, &url, fixture.signed(fixture.refund(&[]))).await;
    assert_eq!(v2["err_code"], "TRADE_OVERDUE");
}

#[tokio::test]
async fn a_merchant_without_balance_refunds_nothing() {
    let (fixture, client, url) = paid().await;
    fixture.add_faults(json!({"fault": "refund_balance", "times": 2})).await;
    assert_eq!(refund(&fixture, "refund-1", 50).await.outcome(), "403 NOT_ENOUGH");
    let v2 = tls::post(&client, &url, fixture.signed(fixture.refund(&[]))).await;
    assert_eq!(v2["err_code"], "NOTENOUGH");
    assert_eq!(fixture.wechat.ledger()[0].trade_state, TradeState::Success);
    assert_eq!(refund(&fixture, "refund-1", 50).await.status, 200);
}

#[tokio::test]
async fn a_refund_may_end_otherwise_and_a_closed_one_frees_its_amount() {
    let fixture = Fixture::without_interval().await;
    fixture.v3_buy("order-0001").await;
    fixture
        .add_faults(json!([
            {"fault": "refund_outcome", "status": "CLOSED"},
            {"fault": "refund_outcome", "status": "ABNORMAL"},
        ]))
        .await;
    refund(&fixture, "refund-1", 101).await;
    refund(&fixture, "refund-2", 101).await;
    let statuses: Vec<_> = fixture.wechat.refunds().into_iter().map(|refund| refund.status).collect();
    assert_eq!(statuses, [RefundStatus::Closed, RefundStatus::Abnormal]);
    let response = fixture.pay_api("/pay/refundquery", fixture.query_fields(&[])).await;
    assert_eq!(
        (response["refund_status_0"].as_str(), response["refund_status_1"].as_str()),
        ("REFUNDCLOSE", "CHANGE")
    );
    assert!(!response.contains_key("refund_success_time_0"));
    assert_eq!(refund(&fixture, "refund-3", 1).await.outcome(), "400 INVALID_REQUEST");
    fixture.wechat.finish_refund("refund-2", RefundStatus::Success);
    assert_eq!(fixture.v3_get(&format!("{REFUNDS}/refund-2")).await.json()["status"], "SUCCESS");
}

#[tokio::test]
async fn a_stalled_refund_ends_when_a_test_ends_it() {
    let fixture = Fixture::new().await;
    fixture.v3_buy("order-0001").await;
    fixture.add_faults(json!({"fault": "refund_stalled"})).await;
    refund(&fixture, "refund-1", 50).await;
    assert_eq!(fixture.v3_get(&format!("{REFUNDS}/refund-1")).await.json()["status"], "PROCESSING");
    let finish = async |status: &str| {
        let body = json!({"out_refund_no": "refund-1", "status": status});
        fixture.post("/_wechat/refunds/finish", body).await.unwrap().status().as_u16()
    };
    assert_eq!(finish("PROCESSING").await, 400);
    assert_eq!(finish("SUCCESS").await, 200);
    assert_eq!(finish("SUCCESS").await, 400, "it has ended");
    let listed = fixture.get_json("/_wechat/refunds").await;
    assert_eq!(
        (&listed["refunds"][0]["status"], &listed["refunds"][0]["source"]),
        (&json!("SUCCESS"), &json!("API"))
    );
}

#[tokio::test]
async fn a_lost_answer_leaves_the_refund_behind() {
    let (fixture, client, url) = paid().await;
    fixture.add_faults(json!({"fault": "timeout_after", "path": "/secapi/pay/refund"})).await;
    assert!(client.post(&url).body(fixture.signed(fixture.refund(&[]))).send().await.is_err());
    assert_eq!(fixture.wechat.refunds().len(), 1);
    let again = tls::post(&client, &url, fixture.signed(fixture.refund(&[]))).await;
    assert_eq!(again["result_code"], "SUCCESS");
    assert_eq!(fixture.wechat.refunds().len(), 1);
}

#[tokio::test]
async fn a_refund_in_the_console_counts_and_is_not_notified() {
    let fixture = Fixture::new().await;
    let transaction_id = fixture.v3_buy("order-0001").await;
    fixture.wechat.wait_for_notices().await;
    let made = fixture.wechat.refund_in_console(&transaction_id, 100);
    assert_eq!((made.source, made.status), (RefundSource::VendorPlatform, RefundStatus::Success));
    fixture.wechat.wait_for_notices().await;
    assert_eq!(fixture.receiver.requests().len(), 1, "the payment's notice");
    fixture.advance(MINUTE);
    assert_eq!(refund(&fixture, "refund-1", 2).await.outcome(), "400 INVALID_REQUEST");
    let over_http = json!({"transaction_id": transaction_id, "refund_fee": 1});
    let made = fixture.post_json("/_wechat/refunds/console", over_http).await;
    assert_eq!(made["source"], "VENDOR_PLATFORM");
    let too_much = json!({"transaction_id": transaction_id, "refund_fee": 1});
    assert_eq!(fixture.post("/_wechat/refunds/console", too_much).await.unwrap().status(), 400);
}
