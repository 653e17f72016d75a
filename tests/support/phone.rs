//! A phone: what its user does in WeChat, and the mini program's requests to our API.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use local_wechat::Fault;
use serde_json::{Value, json};

use crate::{Response, World};

/// A user with a phone, perhaps logged in.
pub struct Phone<'w> {
    world: &'w World,
    /// The user's `openid` at WeChat.
    pub openid: String,
    /// The session token; empty before the first login.
    pub token: String,
}

impl<'w> Phone<'w> {
    pub(crate) fn new(world: &'w World, openid: String) -> Self {
        Self { world, openid, token: String::new() }
    }

    /// Calls `wx.{api}`: what its success or fail callback gets.
    pub async fn wx(&self, api: &str, arguments: Value) -> Response {
        let mut body = json!({ "openid": self.openid });
        body.as_object_mut().expect("an object").extend(arguments.as_object().cloned().unwrap_or_default());
        let url = format!("{}/_wechat/wx/{api}", self.world.url());
        Response::read(self.world.http().post(url).json(&body).send().await.expect("an answer")).await
    }

    /// Calls `wx.login`: the code.
    pub async fn code(&self) -> String {
        self.wx("login", json!({})).await.text("/code")
    }

    /// Logs in, which must succeed, and keeps the token.
    pub async fn log_in(&mut self) -> Response {
        // The table orders logins by their millisecond.
        self.world.clock.advance(Duration::from_millis(1));
        let answer = self.world.post("/api/login", &json!({ "code": self.code().await })).await.ok();
        self.token = answer.text("/token");
        answer
    }

    /// Logs in, and keeps the token of a success; whether it succeeded.
    pub async fn try_log_in(&mut self) -> bool {
        self.world.clock.advance(Duration::from_millis(1));
        let answer = self.world.post("/api/login", &json!({ "code": self.code().await })).await;
        if answer.status == 200 {
            self.token = answer.text("/token");
        }
        answer.status == 200
    }

    /// A `GET` with the token.
    pub async fn get(&self, path: &str) -> Response {
        self.world.send(self.world.request("GET", path).bearer_auth(&self.token)).await
    }

    /// A `DELETE` with the token.
    pub async fn delete(&self, path: &str) -> Response {
        self.world.send(self.world.request("DELETE", path).bearer_auth(&self.token)).await
    }

    /// A `POST` of JSON with the token.
    pub async fn post(&self, path: &str, body: &Value) -> Response {
        self.world.send(self.world.request("POST", path).bearer_auth(&self.token).json(body)).await
    }

    /// A `PUT` of JSON with the token.
    pub async fn put(&self, path: &str, body: &Value) -> Response {
        self.world.send(self.world.request("PUT", path).bearer_auth(&self.token).json(body)).await
    }

    /// A `POST` of JSON with the token and an `Idempotency-Key`.
    pub async fn post_once(&self, path: &str, body: &Value, key: &str) -> Response {
        let request =
            self.world.request("POST", path).bearer_auth(&self.token).header("Idempotency-Key", key);
        self.world.send(request.json(body)).await
    }

    /// Places an order for one bottle of water: its `orderId` and `outTradeNo`.
    pub async fn order(&self) -> (String, String) {
        let answer = self.post("/api/orders", &json!({ "productId": "water", "quantity": 1 })).await.ok();
        (answer.text("/orderId"), answer.text("/outTradeNo"))
    }

    /// Prepays the order, which must succeed: `payParams`.
    pub async fn prepay(&self, out_trade_no: &str) -> Response {
        self.try_prepay(out_trade_no).await.ok()
    }

    /// Asks to prepay the order.
    pub async fn try_prepay(&self, out_trade_no: &str) -> Response {
        self.post("/api/pay/unified-order", &json!({ "outTradeNo": out_trade_no })).await
    }

    /// Pays with the `payParams` of a prepayment, which must succeed.
    pub async fn pay(&self, prepaid: &Response) {
        let response = self.try_pay(prepaid).await;
        assert_eq!(response.status, 200, "{}", response.body);
    }

    /// Tries to pay with the `payParams` of a prepayment: what the callback of `wx.requestPayment` gets.
    pub async fn try_pay(&self, prepaid: &Response) -> Response {
        self.wx("requestPayment", prepaid.json()["payParams"].clone()).await
    }

    /// Cancels the order, which must succeed.
    pub async fn cancel(&self, order_id: &str) -> Response {
        self.try_cancel(order_id).await.ok()
    }

    /// Asks to cancel the order.
    pub async fn try_cancel(&self, order_id: &str) -> Response {
        self.post(&format!("/api/orders/{order_id}/cancel"), &json!({})).await
    }

    /// The user accepts so many messages of the template, and the mini program reports each.
    pub async fn accept_messages(&self, template_id: &str, count: usize) {
        let template = json!({ "tmplIds": [template_id] });
        for _ in 0..count {
            let accepted = self.wx("requestSubscribeMessage", template.clone()).await;
            assert_eq!(accepted.json()[template_id], "accept", "{}", accepted.body);
            self.post("/api/subscribe", &template).await.ok();
        }
    }

    /// Orders, prepays and pays one bottle of water; the notice has arrived: its `orderId` and `outTradeNo`.
    pub async fn buy(&self) -> (String, String) {
        let bought = self.order_and_pay().await;
        self.world.wechat().wait_for_notices().await;
        bought
    }

    /// As [`Phone::buy`], but the notice is lost.
    pub async fn buy_unnoticed(&self) -> (String, String) {
        self.world.wechat().set_fault(Fault::NoticeLost { times: 1 });
        self.order_and_pay().await
    }

    async fn order_and_pay(&self) -> (String, String) {
        let (order_id, out_trade_no) = self.order().await;
        let prepaid = self.prepay(&out_trade_no).await;
        self.pay(&prepaid).await;
        (order_id, out_trade_no)
    }

    /// Uploads a file with a form of ours, which must succeed: the form, which can be used again, with `objectKey`.
    pub async fn upload(&self, kind: &str, content_type: &str, bytes: &[u8]) -> Value {
        let body = json!({ "kind": kind, "contentType": content_type, "size": 1000 });
        let form = self.post("/api/uploads", &body).await.ok().json();
        self.upload_with(&form, bytes).await;
        form
    }

    /// Uploads a file with this form, which must succeed.
    pub async fn upload_with(&self, form: &Value, bytes: &[u8]) {
        let arguments = json!({ "url": form["url"], "formData": form["fields"], "name": "file",
                                "filePath": "wxfile://tmp_1.jpg", "fileContent": STANDARD.encode(bytes) });
        let answer = self.wx("uploadFile", arguments).await;
        assert_eq!(answer.json()["statusCode"], 201, "{}", answer.body);
    }

    /// The status of the order, as its owner reads it.
    pub async fn status(&self, order_id: &str) -> String {
        self.get(&format!("/api/orders/{order_id}")).await.ok().text("/order/status")
    }
}
