//! Tests of refund notices, which follow the API that made the refund.

use serde_json::json;

use super::fixture::{FAIL, Fixture};
use super::merchant::signed_by;
use super::tls;
use crate::pay::v2::fields_from;
use crate::pay::v2::{Fields, refund_notice, xml};

/// The decrypted fields of a v2 refund notice.
fn decrypt_notice(fixture: &Fixture, body: &str) -> Fields {
    let outer = xml::parse(body).unwrap();
    assert!(!outer.contains_key("sign"));
    assert_eq!(outer["return_code"], "SUCCESS");
    let plain = refund_notice::decrypt(&outer["req_info"], &fixture.wechat.account().api_v2_key);
    xml::parse(&plain.replace("<root>", "<xml>").replace("</root>", "</xml>")).unwrap()
}

#[tokio::test]
async fn a_v2_refund_is_notified_encrypted() {
    let fixture = Fixture::new().await;
    fixture.buy("order-0001").await;
    fixture.wechat.wait_for_notices().await;
    let url = format!("{}/secapi/pay/refund", tls::serve(&fixture).await);
    let notify_url = fixture.receiver.url.clone();
    fixture.receiver.will_answer(&[(200, FAIL)]);
    let refund = fixture.signed(fixture.refund(&[("notify_url", &notify_url)]));
    tls::post(&tls::merchant(&fixture), &url, refund).await;
    fixture.wechat.wait_for_notices().await;
    let bodies = fixture.receiver.bodies();
    assert_eq!(bodies.len(), 3, "the payment's notice, the refund's and its redelivery");
    let notice = decrypt_notice(&fixture, &bodies[1]);
    assert_eq!((notice["refund_status"].as_str(), notice["refund_fee"].as_str()), ("SUCCESS", "50"));
    assert_eq!(notice["success_time"], "2023-11-15 06:14:02");
    assert_eq!(notice["refund_request_source"], "API");
    assert_eq!(notice["out_refund_no"], fixture.wechat.refunds()[0].out_refund_no);
}

#[tokio::test]
async fn a_v3_refund_is_notified_with_what_became_of_it() {
    let fixture = Fixture::without_interval().await;
    fixture.v3_buy("order-0001").await;
    fixture.wechat.wait_for_notices().await;
    for (n, (status, event_type)) in
        [("SUCCESS", "REFUND.SUCCESS"), ("ABNORMAL", "REFUND.ABNORMAL"), ("CLOSED", "REFUND.CLOSED")]
            .into_iter()
            .enumerate()
    {
        fixture.add_faults(json!({"fault": "refund_outcome", "status": status})).await;
        let body = fixture.v3_refund(&format!("refund-{n}"), 1);
        fixture.v3_post("/v3/refund/domestic/refunds", body).await;
        fixture.wechat.wait_for_notices().await;
        let (headers, body) = fixture.receiver.requests().pop().unwrap();
        assert!(signed_by(&headers, body.as_bytes()).is_some());
        let (notice_type, refund) = fixture.decrypt_notice(&body);
        assert_eq!((notice_type.as_str(), refund["refund_status"].as_str()), (event_type, Some(status)));
        assert_eq!(refund.get("success_time").is_some(), status == "SUCCESS");
        assert!(refund.get("status").is_none());
        assert_eq!(refund["amount"]["refund"], 1);
    }
}

#[tokio::test]
async fn a_refund_without_an_address_is_not_notified() {
    let fixture = Fixture::new().await;
    fixture.v3_buy("order-0001").await;
    fixture.wechat.wait_for_notices().await;
    let mut body = fixture.v3_refund("refund-1", 50);
    body.as_object_mut().unwrap().remove("notify_url");
    fixture.v3_post("/v3/refund/domestic/refunds", body).await;
    fixture.wechat.wait_for_notices().await;
    assert_eq!(fixture.receiver.requests().len(), 1);
}

#[tokio::test]
async fn the_faults_of_payment_notices_apply_to_refund_notices() {
    let fixture = Fixture::without_interval().await;
    fixture.v3_buy("order-0001").await;
    fixture.wechat.wait_for_notices().await;
    let faults = json!([{"fault": "notice_lost"}, {"fault": "notice_forged"}, {"fault": "signature_probe"}]);
    fixture.add_faults(faults).await;
    fixture.receiver.will_answer(&[(401, ""), (401, "")]);
    for number in ["refund-1", "refund-2"] {
        fixture.v3_post("/v3/refund/domestic/refunds", fixture.v3_refund(number, 1)).await;
        fixture.wechat.wait_for_notices().await;
    }
    let genuine: Vec<_> = fixture
        .receiver
        .requests()
        .iter()
        .skip(1)
        .map(|(headers, body)| signed_by(headers, body.as_bytes()).is_some())
        .collect();
    assert_eq!(genuine, [false, false, true]);
    assert!(fixture.wechat.accepted_probes().is_empty());
}

#[tokio::test]
async fn a_forged_v2_notice_cannot_be_decrypted() {
    let fixture = Fixture::new().await;
    fixture.buy("order-0001").await;
    fixture.wechat.wait_for_notices().await;
    fixture.add_faults(json!({"fault": "notice_forged"})).await;
    let url = format!("{}/secapi/pay/refund", tls::serve(&fixture).await);
    let notify_url = fixture.receiver.url.clone();
    let refund = fixture.signed(fixture.refund(&[("notify_url", &notify_url)]));
    tls::post(&tls::merchant(&fixture), &url, refund).await;
    fixture.wechat.wait_for_notices().await;
    let bodies = fixture.receiver.bodies();
    assert_eq!(bodies.len(), 3);
    let forged = xml::parse(&bodies[1]).unwrap();
    let plain = refund_notice::decrypt(&forged["req_info"], &fixture.wechat.account().api_v2_key);
    assert!(!plain.contains("<root>"));
    assert_eq!(decrypt_notice(&fixture, &bodies[2])["refund_status"], "SUCCESS");
}

#[tokio::test]
async fn a_crafted_refund_notice_can_be_decrypted() {
    let fixture = Fixture::new().await;
    let body = fixture
        .wechat
        .encrypt_refund_notice(fields_from(&[("refund_fee", "1"), ("refund_status", "SUCCESS")]));
    let notice = decrypt_notice(&fixture, &body);
    assert_eq!(notice, fields_from(&[("refund_fee", "1"), ("refund_status", "SUCCESS")]));
    assert_eq!(xml::parse(&body).unwrap()["mch_id"], fixture.wechat.account().mch_id);
}
