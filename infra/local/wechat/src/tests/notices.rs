//! The notice of a payment: its form, its redelivery and what can happen to it on the way.

use serde_json::json;

use super::world::{FAIL, SUCCESS, World};
use crate::pay::v2::sign;
use crate::{CallKind, SignType};

#[tokio::test]
async fn a_payment_is_notified_and_signed_as_the_order_was() {
    for sign_type in [SignType::Md5, SignType::HmacSha256] {
        let world = World::new().await;
        let prepay_id = world.prepay(&[("sign_type", sign_type.as_str())]).await;
        world.phone("requestPayment", world.payment(&prepay_id, sign_type)).await;
        world.wechat.settle().await;

        let notices = world.shop.notices();
        assert_eq!(notices.len(), 1);
        let notice = &notices[0];
        let account = world.wechat.account();
        assert!(sign::is_signed(notice, sign_type, &account.api_v2_key));
        assert_eq!((&notice["appid"], &notice["mch_id"]), (&account.app_id, &account.mch_id));
        assert_eq!((notice["out_trade_no"].as_str(), notice["total_fee"].as_str()), ("order-0001", "101"));
        assert_eq!(notice["openid"], world.openid);
        assert_eq!(notice["time_end"], "20231115061402");
        assert_eq!(Some(&notice["transaction_id"]), world.wechat.ledger()[0].transaction_id.as_ref());
        assert!(notice.contains_key("future_field"));
        assert!(!notice.contains_key("sign_type"));
        let body = &world.shop.bodies()[0];
        assert!(body.contains("<attach><![CDATA[]]></attach>"), "{body}");
        assert!(body.contains("<total_fee>101</total_fee>"), "{body}");
    }
}

#[tokio::test]
async fn a_notice_is_redelivered_until_it_is_acknowledged() {
    let world = World::new().await;
    world.shop.will_answer(&[(200, FAIL), (500, SUCCESS), (200, ""), (302, SUCCESS), (200, SUCCESS)]);
    world.buy("order-0001").await;
    world.wechat.settle().await;

    assert_eq!(world.shop.bodies().len(), 5);
    assert!(world.shop.bodies().windows(2).all(|pair| pair[0] == pair[1]), "every delivery is the same");
    let outcomes: Vec<_> = world.wechat.deliveries().into_iter().map(|call| call.outcome).collect();
    assert!(outcomes[..4].iter().all(|outcome| outcome.starts_with("not acknowledged")), "{outcomes:?}");
    assert_eq!(outcomes[4], "acknowledged");
    let first = &world.wechat.deliveries()[0];
    assert_eq!(
        (first.kind, first.status, first.answer.as_deref()),
        (CallKind::Delivery, Some(200), Some(FAIL))
    );
    assert_eq!(first.request["out_trade_no"], "order-0001");
}

#[tokio::test]
async fn a_lost_notice_never_comes_but_the_order_is_paid() {
    let world = World::new().await;
    world.fault(json!({"fault": "notice_lost"})).await;
    world.buy("order-0001").await;
    world.wechat.settle().await;
    assert!(world.shop.bodies().is_empty());
    assert_eq!(world.wechat.deliveries()[0].outcome, "lost");
    assert_eq!(world.pay_api("/pay/orderquery", world.about(&[])).await["trade_state"], "SUCCESS");
}

#[tokio::test]
async fn copies_come_beside_the_notice() {
    let world = World::new().await;
    world.fault(json!({"fault": "notice_duplicate", "copies": 9})).await;
    world.buy("order-0001").await;
    world.buy("order-0002").await;
    world.wechat.settle().await;
    let numbers: Vec<_> = world.shop.notices().iter().map(|notice| notice["out_trade_no"].clone()).collect();
    assert_eq!(numbers.iter().filter(|number| *number == "order-0001").count(), 10);
    assert_eq!(numbers.len(), 11);
}

#[tokio::test]
async fn a_forged_copy_comes_first_and_its_signature_is_wrong() {
    let world = World::new().await;
    world.fault(json!({"fault": "notice_forged"})).await;
    world.buy("order-0001").await;
    world.wechat.settle().await;
    let key = &world.wechat.account().api_v2_key;
    let genuine: Vec<_> =
        world.shop.notices().iter().map(|notice| sign::is_signed(notice, SignType::Md5, key)).collect();
    assert_eq!(genuine, [false, true]);
    assert_eq!(world.wechat.deliveries()[0].fault.as_deref(), Some("notice_forged"));
}

#[tokio::test]
async fn a_cut_notice_is_redelivered_whole_unless_it_is_acknowledged() {
    for (answer, bodies) in [(FAIL, 2), (SUCCESS, 1)] {
        let world = World::new().await;
        world.shop.will_answer(&[(200, answer), (200, SUCCESS)]);
        world.fault(json!({"fault": "notice_cut"})).await;
        world.buy("order-0001").await;
        world.wechat.settle().await;
        let received = world.shop.bodies();
        assert_eq!(received.len(), bodies);
        assert!(received[0].starts_with("<xml>") && !received[0].ends_with("</xml>"), "{}", received[0]);
        assert_eq!(world.wechat.deliveries()[0].fault.as_deref(), Some("notice_cut"));
    }
}

#[tokio::test]
async fn a_delayed_notice_is_waited_for() {
    let world = World::new().await;
    world.fault(json!({"fault": "notice_delayed", "millis": 50})).await;
    world.buy("order-0001").await;
    assert!(world.shop.bodies().is_empty());
    world.wechat.settle().await;
    assert_eq!(world.shop.bodies().len(), 1);
}

#[tokio::test]
async fn a_held_notice_comes_after_the_next() {
    let world = World::new().await;
    world.fault(json!({"fault": "notice_reordered"})).await;
    world.buy("order-0001").await;
    world.wechat.settle().await;
    assert!(world.shop.bodies().is_empty());
    world.buy("order-0002").await;
    world.wechat.settle().await;
    let numbers: Vec<_> = world.shop.notices().iter().map(|notice| notice["out_trade_no"].clone()).collect();
    assert_eq!(numbers, ["order-0002", "order-0001"]);
}

#[tokio::test]
async fn settle_returns_at_once_when_nothing_is_on_its_way() {
    World::new().await.wechat.settle().await;
}

#[tokio::test]
async fn a_shop_that_is_down_has_not_acknowledged() {
    let world = World::new().await;
    // A port nobody listens on any more.
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let prepay_id = world.prepay(&[("notify_url", &format!("http://{gone}/notify"))]).await;
    world.phone("requestPayment", world.payment(&prepay_id, SignType::Md5)).await;
    while world.wechat.deliveries().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let first = &world.wechat.deliveries()[0];
    assert_eq!(first.status, None);
    assert!(first.outcome.starts_with("not acknowledged"), "{}", first.outcome);
}

#[tokio::test]
async fn a_crafted_notice_is_genuinely_signed() {
    let world = World::new().await;
    world.buy("order-0001").await;
    world.wechat.settle().await;
    let mut fields = world.shop.notices().remove(0);
    fields.insert("total_fee".to_owned(), "1".to_owned());
    let body = world.wechat.sign_notice(fields, SignType::HmacSha256);
    let read = crate::pay::v2::xml::parse(&body).unwrap();
    assert!(sign::is_signed(&read, SignType::HmacSha256, &world.wechat.account().api_v2_key));
    assert_eq!(read["total_fee"], "1");
}
