//! A merchant's client of Pay v3 for tests. It signs requests and verifies responses and notices.

use http::HeaderMap;
use serde_json::{Value, json};

use super::fixture::Fixture;
use crate::core::random;
use crate::pay::ledger::platform_keys;
use crate::pay::v3::{resource, signature};

/// A request before it is signed. A test changes fields to make it wrong.
pub(super) struct TestRequest {
    pub(super) method: &'static str,
    pub(super) target: String,
    pub(super) body: String,
    pub(super) mchid: String,
    pub(super) nonce: String,
    pub(super) timestamp: String,
    pub(super) serial: String,
    /// A signature to send instead of the correct one.
    pub(super) signature: Option<String>,
    /// Headers beside `Authorization`. An empty value removes a header.
    pub(super) headers: Vec<(&'static str, String)>,
}

#[derive(Debug)]
pub(super) struct TestResponse {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) bytes: Vec<u8>,
}

impl TestResponse {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    /// The status, with the error code if there is one.
    pub(super) fn outcome(&self) -> String {
        match self.status {
            200 | 204 => self.status.to_string(),
            status => format!("{status} {}", self.json()["code"].as_str().unwrap()),
        }
    }

    /// The serial of the key whose signature was verified.
    pub(super) fn signed_by(&self) -> Option<String> {
        signed_by(&self.headers, &self.bytes)
    }
}

/// The serial of the key whose signature over the message was verified; `None` if the signature is wrong.
pub(super) fn signed_by(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let serial = header("wechatpay-serial")?;
    let at = header("wechatpay-timestamp")?.parse().ok()?;
    let message = signature::signed_message(at, header("wechatpay-nonce")?, body);
    let good = platform_keys::by_id(serial)?.verify(&message, header("wechatpay-signature")?);
    good.then(|| serial.to_owned())
}

impl Fixture {
    pub(super) fn request(&self, method: &'static str, target: &str, body: &str) -> TestRequest {
        let account = self.wechat.account();
        TestRequest {
            method,
            target: target.to_owned(),
            body: body.to_owned(),
            mchid: account.mch_id.clone(),
            nonce: random::nonce(),
            timestamp: (self.now() / 1000).to_string(),
            serial: account.merchant_serial_no.clone(),
            signature: None,
            headers: Vec::new(),
        }
    }

    /// Signs the request and sends it.
    pub(super) async fn send(&self, request: TestRequest) -> Result<TestResponse, reqwest::Error> {
        let TestRequest { method, target, body, mchid, nonce, timestamp, serial, signature, headers } =
            request;
        let message = format!("{method}\n{target}\n{timestamp}\n{nonce}\n{body}\n");
        let signature =
            signature.unwrap_or_else(|| self.wechat.pay().merchant_key().unwrap().sign(message.as_bytes()));
        let mut sent = vec![
            (
                "authorization",
                format!(
                    "WECHATPAY2-SHA256-RSA2048 mchid=\"{mchid}\",nonce_str=\"{nonce}\",timestamp=\"{timestamp}\",\
                     serial_no=\"{serial}\",signature=\"{signature}\""
                ),
            ),
            ("accept", "application/json".to_owned()),
            ("content-type", "application/json".to_owned()),
            ("user-agent", "a shop".to_owned()),
        ];
        sent.retain(|(name, _)| !headers.iter().any(|(changed, _)| changed == name));
        sent.extend(headers);
        let mut builder = self.client.request(method.parse().unwrap(), format!("{}{target}", self.base));
        for (name, value) in sent.into_iter().filter(|(_, value)| !value.is_empty()) {
            builder = builder.header(name, value);
        }
        let response = builder.body(body).send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(TestResponse { status, headers, bytes: response.bytes().await?.to_vec() })
    }

    pub(super) async fn v3_get(&self, target: &str) -> TestResponse {
        self.send(self.request("GET", target, "")).await.unwrap()
    }

    pub(super) async fn v3_post(&self, target: &str, body: Value) -> TestResponse {
        self.send(self.request("POST", target, &body.to_string())).await.unwrap()
    }

    /// The body of an order of 1.01 yuan.
    pub(super) fn v3_order(&self) -> Value {
        let account = self.wechat.account();
        json!({
            "appid": account.app_id,
            "mchid": account.mch_id,
            "description": "小店-矿泉水 550ml×2",
            "out_trade_no": "order-0001",
            "notify_url": self.receiver.url,
            "amount": {"total": 101, "currency": "CNY"},
            "payer": {"openid": self.openid},
        })
    }

    pub(super) async fn v3_prepay(&self, order: Value) -> String {
        let answer = self.v3_post("/v3/pay/transactions/jsapi", order).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()["prepay_id"].as_str().unwrap().to_owned()
    }

    /// The arguments of `wx.requestPayment`, signed.
    pub(super) fn v3_payment(&self, prepay_id: &str) -> Value {
        let package = format!("prepay_id={prepay_id}");
        let app_id = &self.wechat.account().app_id;
        let message = format!("{app_id}\n1700000042\n6Zku3M0P5L94XBubJuGMkzmLljENHfYZ\n{package}\n");
        json!({
            "timeStamp": "1700000042",
            "nonceStr": "6Zku3M0P5L94XBubJuGMkzmLljENHfYZ",
            "package": package,
            "signType": "RSA",
            "paySign": self.wechat.pay().merchant_key().unwrap().sign(message.as_bytes()),
        })
    }

    /// Makes an order and pays it; returns WeChat's number of the payment.
    pub(super) async fn v3_buy(&self, out_trade_no: &str) -> String {
        let mut order = self.v3_order();
        order["out_trade_no"] = out_trade_no.into();
        let prepay_id = self.v3_prepay(order).await;
        let (status, answer) = self.call_wx("requestPayment", self.v3_payment(&prepay_id)).await;
        assert_eq!(status, 200, "{answer}");
        let ledger = self.wechat.ledger();
        let bought = ledger.iter().find(|order| order.out_trade_no == out_trade_no).unwrap();
        bought.transaction_id.clone().unwrap()
    }

    /// The target of a query of the order.
    pub(super) fn v3_query(&self, out_trade_no: &str) -> String {
        let mch_id = &self.wechat.account().mch_id;
        format!("/v3/pay/transactions/out-trade-no/{out_trade_no}?mchid={mch_id}")
    }

    /// Decrypts a notice; returns its event type and its resource.
    pub(super) fn decrypt_notice(&self, body: &str) -> (String, Value) {
        let notice: Value = serde_json::from_str(body).unwrap();
        let plain = resource::decrypt(&notice["resource"], &self.wechat.account().api_v3_key).unwrap();
        (notice["event_type"].as_str().unwrap().to_owned(), serde_json::from_str(&plain).unwrap())
    }
}
