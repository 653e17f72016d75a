//! WeChat Pay's notices, as the tests send them.

use std::collections::BTreeMap;

use local_wechat::{SignType, SignedNotice};
use serde_json::Value;

use crate::{Response, World};

/// Sends notices to our API that are signed as WeChat Pay signs them, whatever they say.
#[derive(Clone, Copy)]
pub struct WeChatPay<'w> {
    world: &'w World,
}

impl<'w> WeChatPay<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        Self { world }
    }

    /// The fields of an APIv2 notice that the attempt was paid; tests change the fields that they are about.
    #[must_use]
    pub fn payment_fields(
        self,
        out_trade_no: &str,
        transaction_id: &str,
        openid: &str,
        total_fee: u64,
    ) -> BTreeMap<String, String> {
        let account = self.world.wechat().account();
        [
            ("return_code", "SUCCESS"),
            ("result_code", "SUCCESS"),
            ("appid", &account.app_id),
            ("mch_id", &account.mch_id),
            ("nonce_str", "c4210e95fc37659eb02793a338996fbb"),
            ("out_trade_no", out_trade_no),
            ("transaction_id", transaction_id),
            ("openid", openid),
            ("total_fee", &total_fee.to_string()),
            ("cash_fee", &total_fee.to_string()),
            ("fee_type", "CNY"),
            ("bank_type", "OTHERS"),
            ("trade_type", "JSAPI"),
            ("time_end", "20261121120000"),
            ("attach", ""),
            ("future_field", "新字段"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// The APIv2 notice with these fields and `changes`, signed with HMAC-SHA256.
    #[must_use]
    pub fn sign(self, mut fields: BTreeMap<String, String>, changes: &[(&str, &str)]) -> String {
        fields.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.world.wechat().sign_notice(fields, SignType::HmacSha256)
    }

    /// Sends a body to the address for payments of APIv2.
    pub async fn send_payment_notice(self, body: impl Into<reqwest::Body>) -> Response {
        self.send_xml("/api/pay/notify", body).await
    }

    /// Signs a notice of a payment and sends it. Our API must acknowledge it.
    pub async fn deliver_payment(self, fields: BTreeMap<String, String>) {
        let response = self.send_payment_notice(self.sign(fields, &[])).await;
        assert!(response.body.contains("SUCCESS"), "{} {}", response.status, response.body);
    }

    /// Sends a body to the address for refunds of APIv2.
    pub async fn send_refund_notice(self, body: impl Into<reqwest::Body>) -> Response {
        self.send_xml("/api/pay/refund-notify", body).await
    }

    async fn send_xml(self, path: &str, body: impl Into<reqwest::Body>) -> Response {
        let request = self.world.request("POST", path).header("content-type", "text/xml");
        self.world.send(request.body(body)).await
    }

    /// Signs a notice of APIv3 at the world's time and sends it.
    pub async fn send_v3(self, path: &str, event_type: &str, resource: Value) -> Response {
        let notice = self.world.wechat().sign_notice_v3(event_type, resource, self.world.now());
        self.send_signed_v3(path, &notice).await
    }

    /// Sends a notice of APIv3 with the headers and the body that were signed.
    pub async fn send_signed_v3(self, path: &str, notice: &SignedNotice) -> Response {
        let mut request = self.world.request("POST", path).header("content-type", "application/json");
        for (name, value) in &notice.headers {
            request = request.header(name, value);
        }
        self.world.send(request.body(notice.body.clone())).await
    }
}
