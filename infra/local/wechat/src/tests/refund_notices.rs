//! The notices of refunds, in the format of the API that made the refund.

use serde_json::json;

use super::merchant::sealed_by;
use super::tls;
use super::world::{FAIL, World};
use crate::pay::v2::envelope::own;
use crate::pay::v2::{Fields, refund_notice, xml};

/// What is in a v2 refund notice.
fn opened(world: &World, body: &str) -> Fields {
    let outer = xml::parse(body).unwrap();
    assert!(!outer.contains_key("sign"));
    assert_eq!(outer["return_code"], "SUCCESS");
    let plain = refund_notice::decrypt(&outer["req_info"], &world.wechat.account().api_v2_key);
    xml::parse(&plain.replace("<root>", "<xml>").replace("</root>", "</xml>")).unwrap()
}

#[tokio::test]
async fn a_v2_refund_is_notified_encrypted() {
    let world = World::new().await;
    world.buy("order-0001").await;
    world.wechat.settle().await;
    let url = format!("{}/secapi/pay/refund", tls::serve(&world).await);
    let notify_url = world.shop.url.clone();
    world.shop.will_answer(&[(200, FAIL)]);
    let refund = world.signed(world.refund(&[("notify_url", &notify_url)]));
    tls::post(&tls::merchant(&world), &url, refund).await;
    world.wechat.settle().await;
    let bodies = world.shop.bodies();
    assert_eq!(bodies.len(), 3, "the payment's notice, the refund's and its redelivery");
    let notice = opened(&world, &bodies[1]);
    assert_eq!((notice["refund_status"].as_str(), notice["refund_fee"].as_str()), ("SUCCESS", "50"));
    assert_eq!(notice["success_time"], "2023-11-15 06:14:02");
    assert_eq!(notice["refund_request_source"], "API");
    assert_eq!(notice["out_refund_no"], world.wechat.refunds()[0].out_refund_no);
}

#[tokio::test]
async fn a_v3_refund_is_notified_with_what_became_of_it() {
    let world = World::without_interval().await;
    world.v3_buy("order-0001").await;
    world.wechat.settle().await;
    for (n, (status, event_type)) in
        [("SUCCESS", "REFUND.SUCCESS"), ("ABNORMAL", "REFUND.ABNORMAL"), ("CLOSED", "REFUND.CLOSED")]
            .into_iter()
            .enumerate()
    {
        world.fault(json!({"fault": "refund_outcome", "status": status})).await;
        let body = world.v3_refund(&format!("refund-{n}"), 1);
        world.v3_post("/v3/refund/domestic/refunds", body).await;
        world.wechat.settle().await;
        let (headers, body) = world.shop.requests().pop().unwrap();
        assert!(sealed_by(&headers, body.as_bytes()).is_some());
        let (told_type, told) = world.opened(&body);
        assert_eq!((told_type.as_str(), told["refund_status"].as_str()), (event_type, Some(status)));
        assert_eq!(told.get("success_time").is_some(), status == "SUCCESS");
        assert!(told.get("status").is_none());
        assert_eq!(told["amount"]["refund"], 1);
    }
}

#[tokio::test]
async fn a_refund_without_an_address_is_not_notified() {
    let world = World::new().await;
    world.v3_buy("order-0001").await;
    world.wechat.settle().await;
    let mut body = world.v3_refund("refund-1", 50);
    body.as_object_mut().unwrap().remove("notify_url");
    world.v3_post("/v3/refund/domestic/refunds", body).await;
    world.wechat.settle().await;
    assert_eq!(world.shop.requests().len(), 1);
}

#[tokio::test]
async fn what_can_happen_to_a_payments_notice_can_happen_to_a_refunds() {
    let world = World::without_interval().await;
    world.v3_buy("order-0001").await;
    world.wechat.settle().await;
    let faults = json!([{"fault": "notice_lost"}, {"fault": "notice_forged"}, {"fault": "signature_probe"}]);
    world.fault(faults).await;
    world.shop.will_answer(&[(401, ""), (401, "")]);
    for number in ["refund-1", "refund-2"] {
        world.v3_post("/v3/refund/domestic/refunds", world.v3_refund(number, 1)).await;
        world.wechat.settle().await;
    }
    let genuine: Vec<_> = world
        .shop
        .requests()
        .iter()
        .skip(1)
        .map(|(headers, body)| sealed_by(headers, body.as_bytes()).is_some())
        .collect();
    assert_eq!(genuine, [false, false, true]);
    assert!(world.wechat.accepted_probes().is_empty());
}

#[tokio::test]
async fn a_forged_v2_notice_cannot_be_decrypted() {
    let world = World::new().await;
    world.buy("order-0001").await;
    world.wechat.settle().await;
    world.fault(json!({"fault": "notice_forged"})).await;
    let url = format!("{}/secapi/pay/refund", tls::serve(&world).await);
    let notify_url = world.shop.url.clone();
    let refund = world.signed(world.refund(&[("notify_url", &notify_url)]));
    tls::post(&tls::merchant(&world), &url, refund).await;
    world.wechat.settle().await;
    let bodies = world.shop.bodies();
    assert_eq!(bodies.len(), 3);
    let forged = xml::parse(&bodies[1]).unwrap();
    let plain = refund_notice::decrypt(&forged["req_info"], &world.wechat.account().api_v2_key);
    assert!(!plain.contains("<root>"));
    assert_eq!(opened(&world, &bodies[2])["refund_status"], "SUCCESS");
}

#[tokio::test]
async fn a_crafted_refund_notice_is_genuine() {
    let world = World::new().await;
    let body = world.wechat.refund_req_info(own(&[("refund_fee", "1"), ("refund_status", "SUCCESS")]));
    let notice = opened(&world, &body);
    assert_eq!(notice, own(&[("refund_fee", "1"), ("refund_status", "SUCCESS")]));
    assert_eq!(xml::parse(&body).unwrap()["mch_id"], world.wechat.account().mch_id);
}
