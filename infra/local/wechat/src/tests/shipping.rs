//! Tests of the order-shipping management: freezing, shipping, receipt, settlement and their events.

use serde_json::{Value, json};

use super::fixture::Fixture;
use crate::{PushMode, PushSettings, ShippingSettings};

const UPLOAD: &str = "/wxa/sec/order/upload_shipping_info";
const GET_ORDER: &str = "/wxa/sec/order/get_order";
const LIST: &str = "/wxa/sec/order/get_order_list";
const REMIND: &str = "/wxa/sec/order/notify_confirm_receive";
const SECOND: u64 = 1000;
const HOUR: u64 = 3600 * SECOND;
const DAY: u64 = 24 * HOUR;

/// A mini program whose trade is managed, and to which events are pushed.
async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    let url = Some(fixture.receiver.push_url());
    fixture.wechat.set_push_settings(PushSettings { url, mode: PushMode::Plain, ..PushSettings::default() });
    fixture.wechat.set_shipping_settings(ShippingSettings { managed: true, ..ShippingSettings::default() });
    fixture.receiver.answer_pushes_with_success();
    fixture
}

/// Buys, and waits until the payment is known; WeChat's number of the payment.
async fn buy(fixture: &Fixture, out_trade_no: &str) -> String {
    let transaction_id = fixture.v3_buy(out_trade_no).await;
    fixture.wechat.wait_for_notices().await;
    fixture.advance(60 * SECOND);
    transaction_id
}

/// The body of an upload of one parcel, with these changes. Its time is that of the clock.
fn upload(fixture: &Fixture, transaction_id: &str, changes: Value) -> Value {
    let at = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(fixture.now()) * 1_000_000).unwrap();
    let at = at.to_offset(time::macros::offset!(+8));
    let format = time::macros::format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]+08:00"
    );
    let mut body = json!({
        "order_key": {"order_number_type": 2, "transaction_id": transaction_id},
        "logistics_type": 1,
        "delivery_mode": 1,
        "shipping_list": [parcel("1")],
        "upload_time": at.format(format).unwrap(),
        "payer": {"openid": fixture.openid},
    });
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    body
}

fn parcel(number: &str) -> Value {
    json!({"tracking_no": number, "express_company": "YTO", "item_desc": "矿泉水 550ml×2"})
}

async fn errcode(fixture: &Fixture, path: &str, body: Value) -> i64 {
    fixture.api(path, body).await["errcode"].as_i64().unwrap()
}

async fn order_of(fixture: &Fixture, transaction_id: &str) -> Value {
    fixture.api(GET_ORDER, json!({"transaction_id": transaction_id})).await["order"].clone()
}

/// The events that were pushed, oldest first.
fn events(fixture: &Fixture) -> Vec<Value> {
    let bodies = fixture.receiver.bodies();
    let events = bodies.iter().filter_map(|body| serde_json::from_str::<Value>(body).ok());
    events.filter(|event| event.get("Event").is_some()).collect()
}

#[tokio::test]
async fn an_account_whose_trade_is_not_managed_gets_48001() {
    let fixture = Fixture::new().await;
    let transaction_id = buy(&fixture, "order-0001").await;
    assert_eq!(errcode(&fixture, UPLOAD, upload(&fixture, &transaction_id, json!({}))).await, 48001);
    let appid = fixture.wechat.account().app_id.clone();
    let managed = fixture.api("/wxa/sec/order/is_trade_managed", json!({"appid": appid})).await;
    assert_eq!(managed["is_trade_managed"], false);
    assert!(!fixture.wechat.shipments()[0].frozen);
    assert_eq!(errcode(&fixture, "/wxa/sec/order/is_trade_managed", json!({"appid": "wx1"})).await, 40013);
}

#[tokio::test]
async fn a_payment_is_unknown_at_first_then_shipped_received_and_settled() {
    let fixture = fixture().await;
    let transaction_id = fixture.v3_buy("order-0001").await;
    let body = upload(&fixture, &transaction_id, json!({}));
    assert_eq!(errcode(&fixture, UPLOAD, body).await, 10_060_001);
    fixture.advance(60 * SECOND);
    assert_eq!(order_of(&fixture, &transaction_id).await["order_state"], 1);
    assert_eq!(errcode(&fixture, UPLOAD, upload(&fixture, &transaction_id, json!({}))).await, 0);
    let order = order_of(&fixture, &transaction_id).await;
    assert_eq!((&order["order_state"], &order["shipping"]["finish_shipping_count"]), (&json!(2), &json!(1)));
    assert_eq!(order["shipping"]["shipping_list"][0]["tracking_no"], "1");

    let merchant = json!({"merchant_id": fixture.wechat.account().mch_id, "merchant_trade_no": "order-0001"});
    let view = json!({"businessType": "weappOrderConfirm", "extraData": merchant.clone()});
    let (_, answer) = fixture.call_wx("openBusinessView", view.clone()).await;
    assert_eq!(answer["extraData"]["status"], "success");
    let (_, answer) = fixture.call_wx("openBusinessView", view).await;
    assert_eq!(answer["extraData"]["status"], "fail");
    assert_eq!(fixture.api(GET_ORDER, merchant).await["order"]["order_state"], 3);
    assert!(fixture.wechat.shipments()[0].frozen);
    fixture.advance(2 * HOUR);
    assert_eq!(order_of(&fixture, &transaction_id).await["order_state"], 6);
    fixture.advance(HOUR);
    assert_eq!(order_of(&fixture, &transaction_id).await["order_state"], 4);
    assert!(!fixture.wechat.shipments()[0].frozen);

    fixture.wechat.wait_for_notices().await;
    let events = events(&fixture);
    let names: Vec<_> = events.iter().map(|event| event["Event"].as_str().unwrap()).collect();
    assert_eq!(names, ["trade_manage_order_settlement", "trade_manage_order_settlement"]);
    let shipped = events[0]["shipped_time"].as_u64().unwrap();
    assert_eq!(events[0]["estimated_settlement_time"], shipped + 864_000);
    assert_eq!(events[0].get("settlement_time"), None);
    assert_eq!(
        (&events[1]["confirm_receive_method"], &events[1]["shipped_time"]),
        (&json!(2), &json!(shipped))
    );
    assert_eq!(events[1]["settlement_time"], shipped + 3 * 3600);
    assert_eq!(events[1]["transaction_id"], transaction_id);
}

#[tokio::test]
async fn an_unshipped_payment_is_reminded_of_and_a_shipped_one_received_by_time() {
    let fixture = fixture().await;
    let first = buy(&fixture, "order-0001").await;
    let second = buy(&fixture, "order-0002").await;
    assert_eq!(errcode(&fixture, UPLOAD, upload(&fixture, &second, json!({}))).await, 0);
    fixture.advance(10 * DAY + 3 * HOUR);
    assert_eq!(order_of(&fixture, &second).await["order_state"], 4);
    assert_eq!(order_of(&fixture, &first).await["order_state"], 1);
    fixture.wechat.wait_for_notices().await;
    let events = events(&fixture);
    let seen: Vec<_> =
        events.iter().map(|event| (event["Event"].as_str().unwrap(), &event["transaction_id"])).collect();
    let (first, second) = (json!(first), json!(second));
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert!(seen.contains(&("trade_manage_remind_shipping", &first)));
    assert_eq!(seen.iter().filter(|(_, id)| **id == second).count(), 2);
    assert!(events.iter().any(|event| event["confirm_receive_method"] == 1));
}

#[tokio::test]
async fn a_wrong_upload_has_its_errcode() {
    let fixture = fixture().await;
    let id = buy(&fixture, "order-0001").await;
    for (changes, code) in [
        (json!({"access_token": "t"}), 47001),
        (json!({"delivery_mode": "UNIFIED_DELIVERY"}), 47001),
        (json!({"upload_time": "2023-11-15T06:16:02.000+0800"}), 47001),
        (json!({"upload_time": "2023-11-15T06:16:02+08:00"}), 268_485_216),
        (json!({"order_key": {"order_number_type": 3}}), 268_485_194),
        (json!({"order_key": {"order_number_type": 2}}), 268_485_195),
        (json!({"order_key": {"order_number_type": 1, "mchid": "1"}}), 268_485_196),
        (json!({"order_key": {"order_number_type": 1, "out_trade_no": "order-0001"}}), 268_485_197),
        (json!({"order_key": {"order_number_type": 2, "transaction_id": "42"}}), 10_060_001),
        (json!({"logistics_type": 5}), 10_060_005),
        (json!({"delivery_mode": 3}), 268_485_224),
        (json!({"logistics_type": 3, "delivery_mode": 2, "is_all_delivered": true}), 10_060_006),
        (json!({"delivery_mode": 2}), 10_060_007),
        (json!({"shipping_list": []}), 268_485_228),
        (json!({"shipping_list": [parcel("1"), parcel("2")]}), 268_485_228),
        (json!({"shipping_list": (0..11).map(|n| parcel(&n.to_string())).collect::<Vec<_>>()}), 10_060_024),
        (json!({"shipping_list": [{"tracking_no": "1", "express_company": "YTO"}]}), 10_060_008),
        (json!({"shipping_list": [{"express_company": "YTO", "item_desc": "水"}]}), 268_485_226),
        (json!({"shipping_list": [{"tracking_no": "1", "item_desc": "水"}]}), 268_485_227),
        (
            json!({"shipping_list": [{"tracking_no": "1", "express_company": "??", "item_desc": "水"}]}),
            268_485_227,
        ),
        (
            json!({"shipping_list": [{"tracking_no": "1", "express_company": "SF", "item_desc": "水"}]}),
            10_060_014,
        ),
        (json!({"payer": {"openid": "o5wQws1FH2FD2uaNtxmrc1jiG4dc"}}), 10_060_031),
    ] {
        let body = upload(&fixture, &id, changes.clone());
        assert_eq!(errcode(&fixture, UPLOAD, body).await, code, "{changes}");
    }
    let contact = json!({"receiver_contact": "189****1234"});
    let sf = json!({"tracking_no": "SF1", "express_company": "SF", "item_desc": "水", "contact": contact});
    let body = upload(&fixture, &id, json!({"shipping_list": [sf]}));
    assert_eq!(errcode(&fixture, UPLOAD, body).await, 0);
}

#[tokio::test]
async fn a_shipment_is_changed_once_and_only_with_a_later_time() {
    let fixture = fixture().await;
    let id = buy(&fixture, "order-0001").await;
    let first = upload(&fixture, &id, json!({}));
    assert_eq!(errcode(&fixture, UPLOAD, first.clone()).await, 0);
    assert_eq!(errcode(&fixture, UPLOAD, first).await, 268_485_216);
    let ship = async |number: &str| {
        fixture.advance(SECOND);
        let body = upload(&fixture, &id, json!({"shipping_list": [parcel(number)]}));
        errcode(&fixture, UPLOAD, body).await
    };
    assert_eq!(ship("1").await, 10_060_023);
    assert_eq!(ship("2").await, 0);
    assert_eq!(ship("3").await, 10_060_003);
    let shipments = fixture.wechat.shipments();
    assert_eq!((shipments[0].finish_count, shipments[0].uploads), (2, 2));
}

#[tokio::test]
async fn split_delivery_is_done_with_the_last_parcel() {
    let fixture = fixture().await;
    let id = buy(&fixture, "order-0001").await;
    let ship = async |number: &str, last: bool| {
        fixture.advance(SECOND);
        let changes =
            json!({"delivery_mode": 2, "is_all_delivered": last, "shipping_list": [parcel(number)]});
        errcode(&fixture, UPLOAD, upload(&fixture, &id, changes)).await
    };
    assert_eq!(ship("1", false).await, 0);
    assert_eq!(order_of(&fixture, &id).await["order_state"], 1);
    assert_eq!(ship("2", true).await, 0);
    let order = order_of(&fixture, &id).await;
    assert_eq!((&order["order_state"], &order["shipping"]["delivery_mode"]), (&json!(2), &json!(2)));
    assert_eq!(order["shipping"]["shipping_list"].as_array().unwrap().len(), 2);
    assert_eq!(ship("3", false).await, 10_060_002);
}

#[tokio::test]
async fn a_refunded_payment_is_neither_shipped_nor_settled() {
    let fixture = fixture().await;
    let (first, second) = (buy(&fixture, "order-0001").await, buy(&fixture, "order-0002").await);
    assert_eq!(errcode(&fixture, UPLOAD, upload(&fixture, &second, json!({}))).await, 0);
    for id in [&first, &second] {
        fixture.wechat.refund_in_console(id, 101);
    }
    assert_eq!(errcode(&fixture, UPLOAD, upload(&fixture, &first, json!({}))).await, 10_060_004);
    fixture.advance(20 * DAY);
    assert_eq!(order_of(&fixture, &second).await["order_state"], 5);
    assert!(fixture.wechat.shipments().iter().all(|shipment| !shipment.frozen));
}

#[tokio::test]
async fn a_buyer_is_asked_once_to_confirm_the_receipt_of_a_parcel() {
    let fixture = fixture().await;
    let (parcel, goods) = (buy(&fixture, "order-0001").await, buy(&fixture, "order-0002").await);
    let remind = async |id: &str, at: u64| {
        errcode(&fixture, REMIND, json!({"transaction_id": id, "received_time": at})).await
    };
    let now = fixture.now() / 1000;
    assert_eq!(remind(&parcel, now).await, 10_060_028);
    assert_eq!(errcode(&fixture, UPLOAD, upload(&fixture, &parcel, json!({}))).await, 0);
    let virtual_goods = json!({"logistics_type": 3, "shipping_list": [{"item_desc": "会员"}]});
    assert_eq!(errcode(&fixture, UPLOAD, upload(&fixture, &goods, virtual_goods)).await, 0);
    assert_eq!(remind(&goods, now).await, 10_060_032);
    assert_eq!(remind(&parcel, now + 1).await, 10_060_029);
    assert_eq!(remind(&parcel, now).await, 0);
    assert_eq!(remind(&parcel, now).await, 10_060_030);
}

#[tokio::test]
async fn a_list_is_cut_into_pages_and_filtered_by_state() {
    let fixture = fixture().await;
    let mut ids = Vec::new();
    for number in ["order-0001", "order-0002", "order-0003"] {
        ids.push(buy(&fixture, number).await);
    }
    assert_eq!(errcode(&fixture, UPLOAD, upload(&fixture, &ids[1], json!({}))).await, 0);
    let first = fixture.api(LIST, json!({"page_size": 1, "order_state": 1})).await;
    assert_eq!(
        (&first["has_more"], &first["order_list"][0]["transaction_id"]),
        (&json!(true), &json!(ids[0]))
    );
    let next = json!({"page_size": 1, "order_state": 1, "last_index": first["last_index"]});
    let second = fixture.api(LIST, next).await;
    assert_eq!(
        (&second["has_more"], &second["order_list"][0]["transaction_id"]),
        (&json!(false), &json!(ids[2]))
    );
    assert_eq!(errcode(&fixture, LIST, json!({"last_index": "x"})).await, 10_060_011);
}

#[tokio::test]
async fn too_many_unshipped_payments_stop_further_ones() {
    let fixture = fixture().await;
    fixture.wechat.set_shipping_settings(ShippingSettings {
        managed: true,
        unshipped_limit: Some(1),
        ..ShippingSettings::default()
    });
    let id = buy(&fixture, "order-0001").await;
    let mut order = fixture.v3_order();
    order["out_trade_no"] = "order-0002".into();
    let prepay_id = fixture.v3_prepay(order).await;
    let (_, refused) = fixture.call_wx("requestPayment", fixture.v3_payment(&prepay_id)).await;
    assert_eq!(refused["errMsg"], "requestPayment:fail no permission");
    assert_eq!(errcode(&fixture, UPLOAD, upload(&fixture, &id, json!({}))).await, 0);
    let (status, _) = fixture.call_wx("requestPayment", fixture.v3_payment(&prepay_id)).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn paths_and_companies_are_kept_and_listed() {
    let fixture = fixture().await;
    let path = "/wxa/sec/order/set_msg_jump_path";
    assert_eq!(errcode(&fixture, path, json!({"path": "/pages/order"})).await, 10_060_014);
    assert_eq!(errcode(&fixture, path, json!({"path": "pages/order/detail"})).await, 0);
    assert_eq!(fixture.wechat.order_message_path().as_deref(), Some("pages/order/detail"));
    let path = "/wxa/sec/order/update_order_detail_path";
    assert_eq!(errcode(&fixture, path, json!({"path": "pages/order/detail"})).await, 10_060_035);
    let detail = "pages/order/detail?outTradeNo=${商品订单号}";
    assert_eq!(errcode(&fixture, path, json!({"path": detail})).await, 0);
    assert_eq!(fixture.api("/wxa/sec/order/get_order_detail_path", json!({})).await["path"], detail);
    let list = fixture.api("/cgi-bin/express/delivery/open_msg/get_delivery_list", json!({})).await;
    assert_eq!(list["count"], list["delivery_list"].as_array().unwrap().len());
    assert_eq!(list["delivery_list"][0], json!({"delivery_id": "SF", "delivery_name": "顺丰速运"}));
}

#[tokio::test]
async fn the_controls_show_and_change_what_is_frozen() {
    let fixture = fixture().await;
    let id = buy(&fixture, "order-0001").await;
    let settings = fixture.client.put(format!("{}/_wechat/shipping/settings", fixture.base));
    let answer = settings.body(r#"{"ingestSeconds": 0}"#).send().await.unwrap();
    let shown: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(
        (&shown["settings"]["managed"], &shown["settings"]["ingestSeconds"]),
        (&json!(true), &json!(0))
    );
    assert_eq!(
        (&shown["orders"][0]["frozen"], &shown["orders"][0]["order_state"]),
        (&json!(true), &json!(1))
    );
    let early = fixture.post("/_wechat/shipping/confirm", json!({"transaction_id": id})).await.unwrap();
    assert_eq!(early.status(), 400);
    assert_eq!(errcode(&fixture, UPLOAD, upload(&fixture, &id, json!({}))).await, 0);
    let confirmed = fixture.post_json("/_wechat/shipping/confirm", json!({"transaction_id": id})).await;
    assert_eq!(confirmed["orders"][0]["order_state"], 3);
}
