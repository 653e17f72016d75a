//! What more than one walk through the world needs.

use e2e::{Phone, World};
use local_wechat::{Fault, NewUser};
use serde_json::{Value, json};

/// What a mini program sends to `POST /api/user/profile`.
pub(crate) async fn profile(phone: &Phone<'_>) -> Value {
    let info = phone.wx("getUserInfo", json!({})).await.json();
    json!({ "rawData": info["rawData"], "signature": info["signature"],
            "encryptedData": info["encryptedData"], "iv": info["iv"] })
}

/// WeChat begins to tell the unionid of this phone's user.
pub(crate) fn reveal(world: &World, phone: &Phone<'_>, unionid: &str) {
    world.wechat().create_user(NewUser {
        openid: Some(phone.openid.clone()),
        unionid: Some(unionid.to_owned()),
        ..Default::default()
    });
}

/// An order that was paid without our hearing of it: its `orderId` and `outTradeNo`.
pub(crate) async fn unnoticed(world: &World, phone: &Phone<'_>) -> (String, String) {
    let (order_id, out_trade_no) = phone.order().await;
    let prepaid = phone.prepay(&out_trade_no).await.ok();
    world.wechat().set_fault(Fault::NoticeLost { times: 1 });
    assert_eq!(phone.pay(&prepaid).await.status, 200);
    (order_id, out_trade_no)
}

/// The user accepts one message of the template `paid`, and the phone reports it; what sends it.
pub(crate) async fn subscribed(phone: &Phone<'_>) -> Value {
    let template = json!({ "tmplIds": ["paid"] });
    assert_eq!(phone.wx("requestSubscribeMessage", template.clone()).await.status, 200);
    let _ = phone.post("/api/subscribe", &template).await.ok();
    json!({ "openid": phone.openid, "templateId": "paid", "data": { "thing1": { "value": "矿泉水" } } })
}
