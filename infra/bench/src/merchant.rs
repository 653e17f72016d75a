//! A merchant's keys, and genuine notices of both interfaces for this merchant.

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;
use shared::{
    crypto::SigningKey,
    pay::v2::{self, Fields, SignType},
    types::{BoxError, OrderId, OutTradeNo, Secret, UnixSeconds},
};

use crate::deployment::{APP_ID, MERCHANT_ID};

/// The key of APIv2.
pub const API_V2_KEY: &str = "benchApiV2KeyOfThirtyTwoLetters2";
/// The key of APIv3.
pub const API_V3_KEY: &str = "benchApiV3KeyOfThirtyTwoLetters3";
/// A published RSA-2048 private key, used as the merchant's and as WeChat Pay's.
pub const PRIVATE_KEY: &str = include_str!("../../../shared/src/crypto/rsa_g6_private.pem");
/// The public key of [`PRIVATE_KEY`].
pub const PUBLIC_KEY: &str = include_str!("public.pem");
/// WeChat Pay's id of the public key.
pub const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0116482039572026112100000000000001";
const OPENID: &str = "o5wQws1FH2FD2uaNtxmrc1jiG4dc";

/// A notice as an HTTP request.
pub struct Notice {
    /// The headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

/// A secret with every key that a function can ask for.
#[must_use]
pub fn secret() -> String {
    json!({
        "app_secret": "be9c4be9c4be9c4be9c4be9c4be9c4be",
        "kid": "1",
        "key": "a key that is long enough to sign with",
        "api_v2_key": API_V2_KEY,
        "api_v3_key": API_V3_KEY,
        "serial_no": "5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
        "private_key": PRIVATE_KEY,
        "platform_keys": [{ "id": PUBLIC_KEY_ID, "pem": PUBLIC_KEY }],
    })
    .to_string()
}

/// The fields of the `number`-th notice of APIv2, unsigned.
#[must_use]
pub fn v2_fields(number: u64) -> Fields {
    [
        ("appid", APP_ID),
        ("attach", ""),
        ("bank_type", "OTHERS"),
        ("cash_fee", "200"),
        ("fee_type", "CNY"),
        ("is_subscribe", "N"),
        ("mch_id", MERCHANT_ID),
        ("nonce_str", "c4210e95fc37659eb02793a338996fbb"),
        ("openid", OPENID),
        ("out_trade_no", &out_trade_no(number)),
        ("result_code", "SUCCESS"),
        ("return_code", "SUCCESS"),
        ("time_end", "20261121120000"),
        ("total_fee", "200"),
        ("trade_type", "JSAPI"),
        ("transaction_id", &transaction_id(number)),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into_iter()
    .collect()
}

/// The `number`-th notice of APIv2, signed with HMAC-SHA256.
///
/// # Errors
/// The XML can't be written.
pub fn v2_notice(number: u64) -> Result<Notice, BoxError> {
    let mut fields = v2_fields(number);
    let signature = v2::sign(&fields, SignType::HmacSha256, &Secret::new(API_V2_KEY.to_owned()));
    fields.set("sign", signature);
    Ok(Notice { headers: vec![("content-type", "text/xml".to_owned())], body: v2::write("xml", &fields)? })
}

/// The `number`-th notice of APIv3, signed by `key` at `now`.
///
/// # Errors
/// The notice can't be encrypted.
pub fn v3_notice(number: u64, key: &SigningKey, now: u64) -> Result<Notice, BoxError> {
    let transaction = json!({
        "transaction_id": transaction_id(number),
        "amount": { "payer_total": 200, "total": 200, "currency": "CNY", "payer_currency": "CNY" },
        "mchid": MERCHANT_ID,
        "trade_state": "SUCCESS",
        "bank_type": "OTHERS",
        "success_time": "2026-11-21T12:00:00+08:00",
        "payer": { "openid": OPENID },
        "out_trade_no": out_trade_no(number),
        "appid": APP_ID,
        "trade_state_desc": "支付成功",
        "trade_type": "JSAPI",
        "attach": "",
    });
    let body = json!({
        "id": "EV-2026112112000000001",
        "create_time": "2026-11-21T12:00:00+08:00",
        "resource_type": "encrypt-resource",
        "event_type": "TRANSACTION.SUCCESS",
        "summary": "支付成功",
        "resource": {
            "original_type": "transaction",
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": STANDARD.encode(seal(transaction.to_string().as_bytes())?),
            "associated_data": "transaction",
            "nonce": NONCE,
        },
    })
    .to_string();
    let (timestamp, nonce) = (now.to_string(), "9cz9G91rqRNjuSEJYB5SHuJLrjYyVpu1");
    let signature = key.sign(format!("{timestamp}\n{nonce}\n{body}\n").as_bytes());
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("wechatpay-timestamp", timestamp),
        ("wechatpay-nonce", nonce.to_owned()),
        ("wechatpay-signature", STANDARD.encode(signature)),
        ("wechatpay-signature-type", "WECHATPAY2-SHA256-RSA2048".to_owned()),
        ("wechatpay-serial", PUBLIC_KEY_ID.to_owned()),
    ];
    Ok(Notice { headers: headers.into(), body })
}

/// Encrypts with AES-256-GCM under the APIv3 key, as in a notice.
///
/// # Errors
/// The text is too long.
pub fn seal(plain: &[u8]) -> Result<Vec<u8>, BoxError> {
    let cipher = Aes256Gcm::new_from_slice(API_V3_KEY.as_bytes())?;
    let nonce: [u8; 12] = NONCE.as_bytes().try_into()?;
    let payload = Payload { msg: plain, aad: b"transaction" };
    Ok(cipher.encrypt(&nonce.into(), payload).map_err(|_| "not encrypted")?)
}

/// The nonce of [`seal`].
pub const NONCE: &str = "0123456789ab";

fn out_trade_no(number: u64) -> String {
    let mut random = [0; 10];
    random.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
    OutTradeNo::first(OrderId::new(UnixSeconds::new(1_795_000_000), random)).to_string()
}

fn transaction_id(number: u64) -> String {
    format!("4200{number:024}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use shared::{
        host::{Clock, Host, SystemClock, SystemRandomness},
        pay::Notice as Received,
        service::notice_receiver,
    };

    use super::*;
    use crate::{deployment, upstream::Upstream};

    #[tokio::test]
    async fn notices_of_both_interfaces_are_genuine() {
        let upstream = Upstream::start(&secret()).await.expect("a port");
        let stack = deployment::stack(&upstream.url).expect("the template");
        let function = stack.functions.iter().find(|function| function.folder == "pay-notify").expect("it");
        let environment = deployment::environment(function, &upstream.url);
        let host = Host::new(environment, Arc::new(SystemClock), Arc::new(SystemRandomness), Vec::new());
        let receiver = notice_receiver(&host).expect("its settings");
        let key = SigningKey::from_pem(PRIVATE_KEY).expect("a key");
        let v3 = v3_notice(7, &key, SystemClock.now_millis() / 1000);
        for notice in [v2_notice(7), v3] {
            let Notice { headers, body } = notice.expect("a notice");
            let mut all = http::HeaderMap::new();
            for (name, value) in headers {
                all.insert(name, value.parse().expect("a header"));
            }
            let received = receiver.receive(&all, body.as_bytes()).await;
            assert!(
                matches!(&received, Ok(Received::Paid(paid)) if paid.total_fee().get() == 200),
                "{received:?}"
            );
        }
        assert_eq!(upstream.calls(), 1, "the secret");
    }
}
