//! Tests of v2 payment notices: content, redelivery and faults.

use serde_json::json;

use super::fixture::{FAIL, Fixture, SUCCESS};
use crate::pay::v2::sign;
use crate::{CallKind, SignType};

#[tokio::test]
async fn a_payment_is_notified_and_signed_as_the_order_was() {
    for sign_type in [SignType::Md5, SignType::HmacSha256] {
        let fixture = Fixture::new().await;
        let prepay_id = fixture.prepay(&[("sign_type", sign_type.as_str())]).await;
        fixture.call_wx("requestPayment", fixture.payment(&prepay_id, sign_type)).await;
        fixture.wechat.wait_for_notices().await;

        let notices = fixture.receiver.notices();
        assert_eq!(notices.len(), 1);
        let notice = &notices[0];
        let account = fixture.wechat.account();
        assert!(sign::is_signed(notice, sign_type, &account.api_v2_key));
        assert_eq!((&notice["appid"], &notice["mch_id"]), (&account.app_id, &account.mch_id));
        assert_eq!((notice["out_trade_no"].as_str(), notice["total_fee"].as_str()), ("order-0001", "101"));
        assert_eq!(notice["openid"], fixture.openid);
        assert_eq!(notice["time_end"], "20231115061402");
        assert_eq!(Some(&notice["transaction_id"]), fixture.wechat.ledger()[0].transaction_id.as_ref());
        assert!(notice.contains_key("future_field"));
        assert!(!notice.contains_key("sign_type"));
        let body = &fixture.receiver.bodies()[0];
        assert!(body.contains("<attach><![CDATA[]]></attach>"), "{body}");
        assert!(body.contains("<total_fee>101</total_fee>"), "{body}");
    }
}

#[tokio::test]
async fn a_notice_is_redelivered_until_it_is_acknowledged() {
    let fixture = Fixture::new().await;
    fixture.receiver.will_answer(&[(200, FAIL), (500, SUCCESS), (200, ""), (302, SUCCESS), (200, SUCCESS)]);
    fixture.buy("order-0001").await;
    fixture.wechat.wait_for_notices().await;

    assert_eq!(fixture.receiver.bodies().len(), 5);
    assert!(
        fixture.receiver.bodies().windows(2).all(|pair| pair[0] == pair[1]),
        "every delivery is the same"
    );
    let outcomes: Vec<_> = fixture.wechat.deliveries().into_iter().map(|call| call.outcome).collect();
    assert!(outcomes[..4].iter().all(|outcome| outcome.starts_with("not acknowledged")), "{outcomes:?}");
    assert_eq!(outcomes[4], "acknowledged");
    let first = &fixture.wechat.deliveries()[0];
    assert_eq!(
        (first.kind, first.status, first.answer.as_deref()),
        (CallKind::Delivery, Some(200), Some(FAIL))
    );
    assert_eq!(first.request["out_trade_no"], "order-0001");
}

#[tokio::test]
async fn a_lost_notice_never_comes_but_the_order_is_paid() {
    let fixture = Fixture::new().await;
    fixture.add_faults(json!({"fault": "notice_lost"})).await;
    fixture.buy("order-0001").await;
    fixture.wechat.wait_for_notices().await;
    assert!(fixture.receiver.bodies().is_empty());
    assert_eq!(fixture.wechat.deliveries()[0].outcome, "lost");
    assert_eq!(fixture.pay_api("/pay/orderquery", fixture.query_fields(&[])).await["trade_state"], "SUCCESS");
}

#[tokio::test]
async fn duplicates_arrive_beside_the_notice() {
    let fixture = Fixture::new().await;
    fixture.add_faults(json!({"fault": "notice_duplicate", "copies": 9})).await;
    fixture.buy("order-0001").await;
    fixture.buy("order-0002").await;
    fixture.wechat.wait_for_notices().await;
    let numbers: Vec<_> =
        fixture.receiver.notices().iter().map(|notice| notice["out_trade_no"].clone()).collect();
    assert_eq!(numbers.iter().filter(|number| *number == "order-0001").count(), 10);
    assert_eq!(numbers.len(), 11);
}

#[tokio::test]
async fn a_forged_copy_comes_first_and_its_signature_is_wrong() {
    let fixture = Fixture::new().await;
    fixture.add_faults(json!({"fault": "notice_forged"})).await;
    fixture.buy("order-0001").await;
    fixture.wechat.wait_for_notices().await;
    let key = &fixture.wechat.account().api_v2_key;
    let genuine: Vec<_> =
        fixture.receiver.notices().iter().map(|notice| sign::is_signed(notice, SignType::Md5, key)).collect();
    assert_eq!(genuine, [false, true]);
    assert_eq!(fixture.wechat.deliveries()[0].fault.as_deref(), Some("notice_forged"));
}

#[tokio::test]
async fn a_cut_notice_is_redelivered_whole_unless_it_is_acknowledged() {
    for (answer, bodies) in [(FAIL, 2), (SUCCESS, 1)] {
        let fixture = Fixture::new().await;
        fixture.receiver.will_answer(&[(200, answer), (200, SUCCESS)]);
        fixture.add_faults(json!({"fault": "notice_cut"})).await;
        fixture.buy("order-0001").await;
        fixture.wechat.wait_for_notices().await;
        let received = fixture.receiver.bodies();
        assert_eq!(received.len(), bodies);
        assert!(received[0].starts_with("<xml>") && !received[0].ends_with("</xml>"), "{}", received[0]);
        assert_eq!(fixture.wechat.deliveries()[0].fault.as_deref(), Some("notice_cut"));
    }
}

#[tokio::test]
async fn a_delayed_notice_is_waited_for() {
    let fixture = Fixture::new().await;
    fixture.add_faults(json!({"fault": "notice_delayed", "millis": 50})).await;
    fixture.buy("order-0001").await;
    assert!(fixture.receiver.bodies().is_empty());
    fixture.wechat.wait_for_notices().await;
    assert_eq!(fixture.receiver.bodies().len(), 1);
}

#[tokio::test]
async fn a_reordered_notice_arrives_after_the_next() {
    let fixture = Fixture::new().await;
    fixture.add_faults(json!({"fault": "notice_reordered"})).await;
    fixture.buy("order-0001").await;
    fixture.wechat.wait_for_notices().await;
    assert!(fixture.receiver.bodies().is_empty());
    fixture.buy("order-0002").await;
    fixture.wechat.wait_for_notices().await;
    let numbers: Vec<_> =
        fixture.receiver.notices().iter().map(|notice| notice["out_trade_no"].clone()).collect();
    assert_eq!(numbers, ["order-0002", "order-0001"]);
}

#[tokio::test]
async fn waiting_for_notices_returns_at_once_if_none_is_in_flight() {
    Fixture::new().await.wechat.wait_for_notices().await;
}

#[tokio::test]
async fn a_notice_to_a_closed_port_is_not_acknowledged() {
    let fixture = Fixture::new().await;
    // A port on which no server listens any more.
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let prepay_id = fixture.prepay(&[("notify_url", &format!("http://{gone}/notify"))]).await;
    fixture.call_wx("requestPayment", fixture.payment(&prepay_id, SignType::Md5)).await;
    while fixture.wechat.deliveries().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let first = &fixture.wechat.deliveries()[0];
    assert_eq!(first.status, None);
    assert!(first.outcome.starts_with("not acknowledged"), "{}", first.outcome);
}

#[tokio::test]
async fn a_crafted_v3_notice_has_a_valid_signature() {
    let fixture = Fixture::new().await;
    fixture.buy("order-0001").await;
    fixture.wechat.wait_for_notices().await;
    let mut fields = fixture.receiver.notices().remove(0);
    fields.insert("total_fee".to_owned(), "1".to_owned());
    let body = fixture.wechat.sign_notice(fields, SignType::HmacSha256);
    let read = crate::pay::v2::xml::parse(&body).unwrap();
    assert!(sign::is_signed(&read, SignType::HmacSha256, &fixture.wechat.account().api_v2_key));
    assert_eq!(read["total_fee"], "1");
}
