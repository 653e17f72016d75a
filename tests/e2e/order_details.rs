//! `POST /api/orders`: address, invoice title and remark; `POST /api/pay/unified-order`: the entry for an invoice.

use e2e::{Phone, Response, World};
use serde_json::{Value, json};

pub(crate) fn address() -> Value {
    json!({
        "userName": "张三", "telNumber": "020-81167888", "provinceName": "广东省", "cityName": "广州市",
        "countyName": "海珠区", "detailInfo": "新港中路397号", "postalCode": "510000", "nationalCode": "510000",
    })
}

pub(crate) fn invoice_title() -> Value {
    json!({
        "type": "0", "title": "某某科技有限公司", "taxNumber": "91440101MA59L5D40C", "companyAddress": "新港中路397号",
        "telephone": "020-81167888", "bankName": "招商银行", "bankAccount": "6225880000000000",
    })
}

pub(crate) async fn place(phone: &Phone<'_>, more: Value) -> Response {
    phone.post("/api/orders", &with(json!({ "productId": "water", "quantity": 1 }), more)).await
}

fn with(mut one: Value, other: Value) -> Value {
    let (fields, more) = (one.as_object_mut().expect("an object"), other);
    fields.extend(more.as_object().expect("an object").clone());
    one
}

#[tokio::test]
async fn address_invoice_title_and_remark_are_the_owner_s_and_sealed_at_rest() {
    let world = World::start().await;
    let (one, two) = (world.user().await, world.user().await);
    let details = json!({ "address": address(), "invoiceTitle": invoice_title(), "remark": " 请放门口 " });
    let placed = place(&one, details).await.ok();
    let path = format!("/api/orders/{}", placed.text("/orderId"));
    let order = one.get(&path).await.ok().json()["order"].clone();
    assert_eq!((&order["address"], &order["invoiceTitle"]), (&address(), &invoice_title()));
    assert_eq!(order["remark"], "请放门口");
    let found = one.get(&format!("/api/orders?outTradeNo={}", placed.text("/outTradeNo"))).await.ok();
    assert_eq!(
        (&found.json()["orders"][0], &one.get("/api/orders").await.ok().json()["orders"][0]),
        (&order, &order)
    );
    assert_eq!(two.get(&path).await.outcome(), "404 NOT_FOUND");
    let rows = serde_json::to_string(&world.items("OrdersTable").await).expect("JSON");
    for text in ["张三", "81167888", "397", "91440101", "6225880000000000", "门口"] {
        assert!(!rows.contains(text), "{text} is in clear");
    }
    assert_eq!(
        one.post(&format!("{path}/cancel"), &json!({})).await.ok().json()["order"]["address"],
        address()
    );
}

#[tokio::test]
async fn fields_of_wechat_s_clients_are_taken_and_empty_ones_are_absent() {
    let world = World::start().await;
    let phone = world.user().await;
    let chosen = with(
        address(),
        json!({ "errMsg": "chooseAddress:ok", "streetName": "", "detailInfoNew": "397号",
                "nationalCodeFull": "510000000000", "postalCode": "" }),
    );
    let title = json!({ "type": 1, "title": "张三", "taxNumber": "", "companyAddress": "", "telephone": "",
                        "bankName": "", "bankAccount": "", "errMsg": "chooseInvoiceTitle:ok" });
    let placed = place(&phone, json!({ "address": chosen, "invoiceTitle": title, "remark": "" })).await.ok();
    let order =
        phone.get(&format!("/api/orders/{}", placed.text("/orderId"))).await.ok().json()["order"].clone();
    assert_eq!(order["invoiceTitle"], json!({ "type": "1", "title": "张三" }));
    assert_eq!(
        (order["address"].get("postalCode"), order["address"].get("errMsg"), order.get("remark")),
        (None, None, None)
    );
}

#[tokio::test]
async fn details_that_are_incomplete_too_long_or_unknown_are_refused() {
    let world = World::start().await;
    let phone = world.user().await;
    for (field, more) in [
        ("address.userName", json!({ "address": { "telNumber": "1" } })),
        ("address.telNumber", json!({ "address": with(address(), json!({ "telNumber": " " })) })),
        (
            "address.detailInfo",
            json!({ "address": with(address(), json!({ "detailInfo": "路".repeat(201) })) }),
        ),
        ("address.cityName", json!({ "address": with(address(), json!({ "cityName": "广\u{7}州" })) })),
        ("address.country", json!({ "address": with(address(), json!({ "country": "中国" })) })),
        ("invoiceTitle.type", json!({ "invoiceTitle": { "title": "张三" } })),
        ("invoiceTitle.type", json!({ "invoiceTitle": { "type": "2", "title": "张三" } })),
        ("invoiceTitle.title", json!({ "invoiceTitle": { "type": "1", "title": "" } })),
        ("remark", json!({ "remark": "字".repeat(201) })),
        ("remark", json!({ "remark": 1 })),
    ] {
        let refused = place(&phone, more).await;
        assert_eq!(refused.outcome(), "400 INVALID_INPUT", "{field}");
        assert!(refused.body.contains(field), "{field}: {}", refused.body);
    }
    assert!(world.items("OrdersTable").await.is_empty());
}

#[tokio::test]
async fn the_same_key_with_another_address_is_another_request() {
    let world = World::start().await;
    let phone = world.user().await;
    let body = |name: &str| json!({ "productId": "water", "quantity": 1, "address": with(address(), json!({ "userName": name })) });
    let first = phone.post_once("/api/orders", &body("张三"), "k").await.ok();
    let again = phone.post_once("/api/orders", &body("张三"), "k").await.ok();
    assert_eq!(again.text("/orderId"), first.text("/orderId"));
    assert_eq!(phone.post_once("/api/orders", &body("李四"), "k").await.outcome(), "409 CONFLICT");
}

#[tokio::test]
async fn with_the_setting_wechat_s_page_of_the_payment_offers_an_invoice() {
    for (config, field, value) in
        [("", "receipt", json!("Y")), ("[merchant]\napi = \"v3\"", "support_fapiao", json!(true))]
    {
        for entry in ["true", "false"] {
            let world = World::start().with_config(config).with_parameter("InvoiceEntry", entry).await;
            let phone = world.user().await;
            phone.buy().await;
            let sent = world
                .wechat()
                .upstream_calls()
                .into_iter()
                .any(|call| call.request.get(field) == Some(&value));
            assert_eq!(sent, entry == "true", "{config} {entry}");
        }
    }
}
