//! `GET /api/admin/trade-management`, `PUT /api/admin/trade-management/message-path`

use e2e::World;
use local_wechat::ShippingSettings;
use serde_json::{Value, json};

const MANAGEMENT: &str = "/api/admin/trade-management";

async fn management(world: &World) -> Value {
    world.operator("GET", MANAGEMENT, &json!({})).await.ok().json()
}

#[tokio::test]
async fn a_stack_that_agrees_with_wechat_has_nothing_to_do() {
    for (world, is_managed) in [(World::start().with_shipping(), true), (World::start(), false)] {
        let shown = management(&world.await).await;
        assert_eq!(shown["isTradeManaged"], is_managed);
        assert_eq!(shown["shippingInformation"], if is_managed { "on" } else { "off" });
        assert_eq!(shown["toDo"], json!([]));
    }
}

#[tokio::test]
async fn a_setting_that_differs_from_wechat_is_to_be_changed() {
    let world = World::start().with_shipping().await;
    let settings = world.wechat().shipping_settings();
    world.wechat().set_shipping_settings(ShippingSettings { confirmed: false, ..settings });
    let shown = management(&world).await;
    assert_eq!(shown["isConfirmationCompleted"], false);
    assert!(shown["toDo"][0].as_str().is_some_and(|text| text.contains("订单与发货")), "{shown}");
    let settings = world.wechat().shipping_settings();
    world.wechat().set_shipping_settings(ShippingSettings { managed: false, ..settings });
    let shown = management(&world).await;
    assert!(shown["toDo"][0].as_str().is_some_and(|text| text.contains("off")), "{shown}");
}

#[tokio::test]
async fn order_messages_lead_to_the_page_that_was_set() {
    let world = World::start().with_shipping().await;
    let path = format!("{MANAGEMENT}/message-path");
    let set = world.operator("PUT", &path, &json!({ "path": "pages/order/order" })).await.ok();
    assert_eq!(set.text("/path"), "pages/order/order");
    assert_eq!(world.wechat().order_message_path().as_deref(), Some("pages/order/order"));
    for (body, field) in [(json!({}), "path"), (json!({ "path": "/pages/order" }), "path")] {
        let refused = world.operator("PUT", &path, &body).await;
        assert_eq!(refused.outcome(), "400 INVALID_INPUT");
        assert!(refused.body.contains(field), "{}", refused.body);
    }
    // The page gets the number of the payment and finds the order with it.
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.buy().await;
    let found = phone.get(&format!("/api/orders?outTradeNo={out_trade_no}")).await.ok();
    assert_eq!(found.text("/orders/0/orderId"), order_id);
}

#[tokio::test]
async fn an_account_that_wechat_does_not_manage_has_no_message_path() {
    let world = World::start().await;
    let path = format!("{MANAGEMENT}/message-path");
    let refused = world.operator("PUT", &path, &json!({ "path": "pages/order/order" })).await;
    assert_ne!(refused.status, 200, "{}", refused.body);
}
