//! A phone: its user's side of WeChat, and the mini program's requests to our API.

use std::time::Duration;

use local_wechat::Fault;
use serde_json::{Value, json};

use crate::{Answer, World};

/// A user who holds a phone, perhaps logged in.
pub struct Phone<'w> {
    world: &'w World,
    /// Who WeChat says it is.
    pub openid: String,
    /// The session token, once logged in.
    pub token: String,
}

impl<'w> Phone<'w> {
    pub(crate) fn new(world: &'w World, openid: String) -> Self {
        Self { world, openid, token: String::new() }
    }

    /// `wx.{api}`: what the success or fail callback gets.
    pub async fn wx(&self, api: &str, arguments: Value) -> Answer {
        let mut body = json!({ "openid": self.openid });
        body.as_object_mut().expect("an object").extend(arguments.as_object().cloned().unwrap_or_default());
        let url = format!("{}/_wechat/wx/{api}", self.world.url());
        Answer::read(self.world.http().post(url).json(&body).send().await.expect("an answer")).await
    }

    /// `wx.login`: a code.
    pub async fn code(&self) -> String {
        self.wx("login", json!({})).await.text("/code")
    }

    /// Logs in and keeps the token.
    pub async fn log_in(&mut self) -> Answer {
        // Of two logins in one millisecond nobody can tell which is the later one.
        self.world.clock.advance(Duration::from_millis(1));
        let answer = self.world.post("/api/login", &json!({ "code": self.code().await })).await.ok();
        self.token = answer.text("/token");
        answer
    }

    /// Logs in and keeps the token, if all goes well; whether it did.
    pub async fn try_log_in(&mut self) -> bool {
        self.world.clock.advance(Duration::from_millis(1));
        let answer = self.world.post("/api/login", &json!({ "code": self.code().await })).await;
        if answer.status == 200 {
            self.token = answer.text("/token");
        }
        answer.status == 200
    }

    /// A `GET` with the token.
    pub async fn get(&self, path: &str) -> Answer {
        self.world.send(self.world.request("GET", path).bearer_auth(&self.token)).await
    }

    /// A `POST` of JSON with the token.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.world.send(self.world.request("POST", path).bearer_auth(&self.token).json(body)).await
    }

    /// A `POST` of JSON with the token and an `Idempotency-Key`.
    pub async fn post_once(&self, path: &str, body: &Value, key: &str) -> Answer {
        let request =
            self.world.request("POST", path).bearer_auth(&self.token).header("Idempotency-Key", key);
        self.world.send(request.json(body)).await
    }

    /// Places an order for one bottle of water: its `orderId` and `outTradeNo`.
    pub async fn order(&self) -> (String, String) {
        let answer = self.post("/api/orders", &json!({ "productId": "water", "quantity": 1 })).await.ok();
        (answer.text("/orderId"), answer.text("/outTradeNo"))
    }

    /// Prepays the order.
    pub async fn prepay(&self, out_trade_no: &str) -> Answer {
        self.post("/api/pay/unified-order", &json!({ "outTradeNo": out_trade_no })).await
    }

    /// Pays with what a prepayment answered.
    pub async fn pay(&self, prepaid: &Answer) -> Answer {
        self.wx("requestPayment", prepaid.json()["payParams"].clone()).await
    }

    /// Orders, prepays and pays one bottle of water, and the notice has arrived: its `orderId` and `outTradeNo`.
    pub async fn buy(&self) -> (String, String) {
        let bought = self.order_and_pay().await;
        self.world.wechat().wait_for_notices().await;
        bought
    }

    /// As [`Phone::buy`], and the notice never comes.
    pub async fn buy_unnoticed(&self) -> (String, String) {
        self.world.wechat().set_fault(Fault::NoticeLost { times: 1 });
        self.order_and_pay().await
    }

    async fn order_and_pay(&self) -> (String, String) {
        let (order_id, out_trade_no) = self.order().await;
        let prepaid = self.prepay(&out_trade_no).await.ok();
        assert_eq!(self.pay(&prepaid).await.status, 200);
        (order_id, out_trade_no)
    }

    /// The order's status, by asking for it.
    pub async fn status(&self, order_id: &str) -> String {
        self.get(&format!("/api/orders/{order_id}")).await.ok().text("/order/status")
    }
}
