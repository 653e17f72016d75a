//! Tests of v3 payment notices: content, signature, redelivery and faults.

use serde_json::json;

use super::fixture::{FAIL, Fixture};
use super::merchant::signed_by;

fn header<'a>(headers: &'a http::HeaderMap, name: &str) -> &'a str {
    headers[name].to_str().unwrap()
}

#[tokio::test]
async fn a_payment_is_notified_encrypted_and_signed() {
    let fixture = Fixture::new().await;
    let transaction_id = fixture.v3_buy("order-0001").await;
    fixture.wechat.wait_for_notices().await;
    let requests = fixture.receiver.requests();
    assert_eq!(requests.len(), 1);
    let (headers, body) = &requests[0];
    assert_eq!(
        signed_by(headers, body.as_bytes()),
        Some(fixture.wechat.platform_certificates()[0].id.clone())
    );
    assert_eq!(header(headers, "wechatpay-signature-type"), "WECHATPAY2-SHA256-RSA2048");
    assert_eq!(header(headers, "content-type"), "application/json");
    let (event_type, resource) = fixture.decrypt_notice(body);
    assert_eq!(event_type, "TRANSACTION.SUCCESS");
    assert_eq!(resource["transaction_id"], transaction_id.as_str());
    assert_eq!((resource["trade_state"].as_str(), resource["attach"].as_str()), (Some("SUCCESS"), Some("")));
    assert_eq!(resource["amount"]["total"], 101);
    assert_eq!(fixture.wechat.deliveries()[0].request["resource"], resource);
}

#[tokio::test]
async fn every_delivery_of_the_same_notice_is_signed_anew_until_one_is_accepted() {
    let fixture = Fixture::new().await;
    fixture.receiver.will_answer(&[(500, ""), (401, FAIL), (204, "")]);
    fixture.v3_buy("order-0001").await;
    fixture.wechat.wait_for_notices().await;
    let requests = fixture.receiver.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests.windows(2).all(|pair| pair[0].1 == pair[1].1));
    assert!(requests.windows(2).all(|pair| pair[0].0["wechatpay-nonce"] != pair[1].0["wechatpay-nonce"]));
    assert!(requests.iter().all(|(headers, body)| signed_by(headers, body.as_bytes()).is_some()));
    let outcomes: Vec<_> = fixture.wechat.deliveries().into_iter().map(|call| call.outcome).collect();
    assert_eq!(outcomes, ["not acknowledged: HTTP 500", "not acknowledged: HTTP 401", "acknowledged"]);
}

#[tokio::test]
async fn a_status_of_200_acknowledges_whatever_the_body_is() {
    let fixture = Fixture::new().await;
    fixture.receiver.will_answer(&[(200, "{\"code\":\"FAIL\"}")]);
    fixture.v3_buy("order-0001").await;
    fixture.wechat.wait_for_notices().await;
    assert_eq!(fixture.receiver.requests().len(), 1);
}

#[tokio::test]
async fn a_probe_comes_first_and_an_accepted_one_is_recorded() {
    for (answer, accepted) in [(401, 0), (200, 1)] {
        let fixture = Fixture::new().await;
        fixture.add_faults(json!({"fault": "signature_probe"})).await;
        fixture.receiver.will_answer(&[(answer, "")]);
        fixture.v3_buy("order-0001").await;
        fixture.wechat.wait_for_notices().await;
        let requests = fixture.receiver.requests();
        assert_eq!(requests.len(), 2);
        assert!(header(&requests[0].0, "wechatpay-signature").starts_with("WECHATPAY/SIGNTEST/"));
        assert!(signed_by(&requests[1].0, requests[1].1.as_bytes()).is_some());
        assert_eq!(fixture.wechat.accepted_probes().len(), accepted);
        let probe = &fixture.wechat.deliveries()[0];
        assert_eq!((probe.fault.as_deref(), probe.status), (Some("signature_probe"), Some(answer)));
    }
}

#[tokio::test]
async fn a_forged_notice_is_signed_by_another_key_than_it_names() {
    let fixture = Fixture::new().await;
    fixture.add_faults(json!({"fault": "notice_forged"})).await;
    fixture.v3_buy("order-0001").await;
    fixture.wechat.wait_for_notices().await;
    let genuine: Vec<_> = fixture
        .receiver
        .requests()
        .iter()
        .map(|(headers, body)| signed_by(headers, body.as_bytes()).is_some())
        .collect();
    assert_eq!(genuine, [false, true]);
}

#[tokio::test]
async fn the_faults_of_v2_notices_apply_to_v3_notices() {
    let fixture = Fixture::new().await;
    fixture.add_faults(json!([{"fault": "notice_lost"}, {"fault": "notice_duplicate", "copies": 2}])).await;
    fixture.v3_buy("order-0001").await;
    fixture.v3_buy("order-0002").await;
    fixture.wechat.wait_for_notices().await;
    assert_eq!(fixture.receiver.requests().len(), 3);
    fixture.add_faults(json!({"fault": "notice_reordered"})).await;
    fixture.v3_buy("order-0003").await;
    fixture.buy("order-0004").await;
    fixture.wechat.wait_for_notices().await;
    let last: Vec<_> = fixture.receiver.bodies().into_iter().skip(3).collect();
    assert!(last[0].starts_with("<xml>"));
    assert_eq!(fixture.decrypt_notice(&last[1]).1["out_trade_no"], "order-0003");
}

#[tokio::test]
async fn the_first_delivery_may_be_stamped_with_a_skewed_clock() {
    let fixture = Fixture::new().await;
    fixture.add_faults(json!({"fault": "clock_skew", "seconds": -300})).await;
    fixture.receiver.will_answer(&[(401, "")]);
    fixture.v3_buy("order-0001").await;
    fixture.wechat.wait_for_notices().await;
    let stamps: Vec<_> = fixture
        .receiver
        .requests()
        .iter()
        .map(|(headers, body)| {
            assert!(signed_by(headers, body.as_bytes()).is_some());
            header(headers, "wechatpay-timestamp").to_owned()
        })
        .collect();
    assert_eq!(stamps, ["1699999742", "1700000042"]);
}

#[tokio::test]
async fn a_crafted_notice_has_a_valid_signature() {
    let fixture = Fixture::new().await;
    let notice = fixture.wechat.sign_notice_v3("TRANSACTION.SUCCESS", json!({"mchid": "1"}), 1_700_000_000);
    let headers: http::HeaderMap = notice
        .headers
        .iter()
        .map(|(name, value)| (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap()))
        .collect();
    assert!(signed_by(&headers, notice.body.as_bytes()).is_some());
    assert_eq!(header(&headers, "wechatpay-timestamp"), "1700000000");
    assert_eq!(
        fixture.decrypt_notice(&notice.body),
        ("TRANSACTION.SUCCESS".to_owned(), json!({"mchid": "1"}))
    );
}
