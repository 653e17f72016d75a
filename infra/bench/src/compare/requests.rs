//! The requests whose processor time and duration are compared, with what the tables and WeChat answer to them.

use std::sync::Arc;

use local_template::Function;
use serde_json::{Map, Value, json};
use shared::{
    crypto::SigningKey,
    host::{Clock, Host, SystemClock, SystemRandomness},
    pay::v2::{self, SignType},
    service::SessionTokens,
    types::{AppId, BoxError, Caller, OpenId, OrderId, OutTradeNo, Secret, UnixSeconds, UserId},
};

use crate::{
    deployment::{self, APP_ID, MERCHANT_ID},
    event,
    merchant::{self, API_V2_KEY, Notice},
    upstream::{Answers, Upstream},
};

/// A request that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// A payment notice of APIv2.
    NoticeV2,
    /// A payment notice of APIv3.
    NoticeV3,
    /// A login of a user who has logged in before.
    Login,
    /// Another prepayment of an order whose `prepay_id` lives.
    RepeatedPrepay,
    /// The first prepayment of an order.
    FirstPrepay,
}

impl Request {
    /// The function that answers it.
    #[must_use]
    pub const fn function(self) -> &'static str {
        match self {
            Self::NoticeV2 | Self::NoticeV3 => "pay-notify",
            Self::Login => "login",
            Self::RepeatedPrepay | Self::FirstPrepay => "unified-order",
        }
    }

    /// What an answer contains if the request was not refused. A refusal costs less, so it must not be measured.
    #[must_use]
    pub const fn sign_of_success(self) -> &'static str {
        match self {
            Self::NoticeV2 => "<![CDATA[SUCCESS]]>",
            Self::NoticeV3 => r#""statusCode":204"#,
            Self::Login => r#"\"success\":true,\"token\""#,
            Self::RepeatedPrepay | Self::FirstPrepay => r#"\"paySign\""#,
        }
    }

    /// What AWS and WeChat answer while `function` handles the request.
    ///
    /// # Errors
    /// The answers can't be written.
    pub fn answers(self, function: &Function) -> Result<Answers, BoxError> {
        match self {
            Self::NoticeV2 | Self::NoticeV3 => Ok(Answers::new()),
            Self::Login => Ok(Answers::from([
                ("/sns/jscode2session", json!({ "openid": OPENID, "session_key": SESSION_KEY }).to_string()),
                ("UpdateItem", json!({ "Attributes": item(&session()?) }).to_string()),
            ])),
            Self::RepeatedPrepay | Self::FirstPrepay => {
                let (order, session) = (item(&order(self)?), item(&session()?));
                let table = |name: &str| function.environment.get(name).cloned().unwrap_or_default();
                let responses = json!({ table("ORDERS_TABLE"): [order], table("SESSIONS_TABLE"): [session] });
                Ok(Answers::from([
                    ("GetItem", json!({ "Item": order }).to_string()),
                    ("BatchGetItem", json!({ "Responses": responses }).to_string()),
                    ("/pay/unifiedorder", prepay_answer()?),
                ]))
            }
        }
    }

    /// The event of the `number`-th request.
    ///
    /// # Errors
    /// The event can't be signed.
    pub async fn event(self, number: u64) -> Result<String, BoxError> {
        match self {
            Self::NoticeV2 => notice_event(merchant::v2_notice(number)?),
            Self::NoticeV3 => {
                let key = SigningKey::from_pem(merchant::PRIVATE_KEY)?;
                notice_event(merchant::v3_notice(number, &key, SystemClock.now_millis() / 1000)?)
            }
            Self::Login => {
                let body = json!({ "code": format!("0a3Ysy000Hk1WT1Wc2300{number:011}") }).to_string();
                let headers = [("content-type", "application/json")];
                Ok(event::http_event("POST /api/login", &headers, Some(&body)))
            }
            Self::RepeatedPrepay | Self::FirstPrepay => {
                let body = json!({ "outTradeNo": out_trade_no().to_string(), "totalFee": 200 }).to_string();
                let token = format!("Bearer {}", token().await?);
                let headers = [("content-type", "application/json"), ("authorization", token.as_str())];
                Ok(event::http_event("POST /api/pay/unified-order", &headers, Some(&body)))
            }
        }
    }
}

fn notice_event(Notice { headers, body }: Notice) -> Result<String, BoxError> {
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Ok(event::http_event("POST /api/pay/notify", &headers, Some(&body)))
}

/// The row of the user's session.
fn session() -> Result<Value, BoxError> {
    Ok(json!({
        "openid": OPENID,
        "user_id": user_id()?,
        "login_at": (SystemClock.now_millis() / 1000 - 3600) * 1000,
        "session_key": { "kid": "1", "nonce": Binary("MDEyMzQ1Njc4OWFi").json(), "data": Binary("AAECAwQFBgc=").json() },
    }))
}

/// The row of an order of two products, placed just now.
fn order(request: Request) -> Result<Value, BoxError> {
    let now = SystemClock.now_millis() / 1000;
    let mut order = json!({
        "order_id": order_id().to_string(),
        "user_id": user_id()?,
        "openid": OPENID,
        "status": "UNPAID",
        "total_fee": 200,
        "items": [
            { "product_id": "water-550", "name": "矿泉水 550ml", "price": 50, "quantity": 2 },
            { "product_id": "bread", "name": "面包", "price": 100, "quantity": 1 },
        ],
        "created_at": now - 60,
        "expires_at": now + 3600,
        "out_trade_no": out_trade_no().to_string(),
        "queries": 0,
        "refunded_fee": 0,
        "refunding_fee": 0,
        "next_query_at": now + 60,
        "due_shard": "5",
    });
    if let (Request::RepeatedPrepay, Some(order)) = (request, order.as_object_mut()) {
        order.insert(
            "terms".to_owned(),
            json!({ "description": "矿泉水 550ml×2，面包×1", "client_ip": "203.0.113.7" }),
        );
        order.insert(
            "prepay".to_owned(),
            json!({ "prepay_id": PREPAY_ID, "at": now - 30, "sign_type": "HMAC-SHA256" }),
        );
    }
    Ok(order)
}

/// WeChat Pay's answer to 统一下单.
fn prepay_answer() -> Result<String, BoxError> {
    let mut fields: v2::Fields = [
        ("appid", APP_ID),
        ("mch_id", MERCHANT_ID),
        ("nonce_str", "IITRi8Iabbblz1Jc"),
        ("prepay_id", PREPAY_ID),
        ("result_code", "SUCCESS"),
        ("return_code", "SUCCESS"),
        ("return_msg", "OK"),
        ("trade_type", "JSAPI"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into_iter()
    .collect();
    let signature = v2::sign(&fields, SignType::HmacSha256, &Secret::new(API_V2_KEY.to_owned()));
    fields.set("sign", signature);
    Ok(v2::write("xml", &fields)?)
}

/// A session token of the user, made with the keys of [`merchant::secret`].
async fn token() -> Result<String, BoxError> {
    let upstream = Upstream::start(&merchant::secret()).await?;
    let mut environment = deployment::lambda_variables("bench");
    environment.insert("AWS_ENDPOINT_URL".to_owned(), upstream.url.clone());
    environment.insert("SESSION_KEYS_ARN".to_owned(), "bench".to_owned());
    let host = Host::new(environment, Arc::new(SystemClock), Arc::new(SystemRandomness), Vec::new());
    let issued_at = UnixSeconds::new(SystemClock.now_millis() / 1000);
    let caller = Caller { user_id: user_id()?, openid: OpenId::parse(OPENID)?, issued_at };
    Ok(SessionTokens::new(&host)?.issue(&caller).await?)
}

fn user_id() -> Result<UserId, BoxError> {
    Ok(UserId::of(&AppId::parse(APP_ID)?, &OpenId::parse(OPENID)?))
}

fn order_id() -> OrderId {
    OrderId::new(UnixSeconds::new(1_795_000_000), [7; 10])
}

fn out_trade_no() -> OutTradeNo {
    OutTradeNo::first(order_id())
}

/// Bytes in a row, by their Base64.
struct Binary(&'static str);

impl Binary {
    /// An object with a name that no row has, which [`attribute`] recognizes.
    fn json(&self) -> Value {
        json!({ BINARY: self.0 })
    }
}

/// A row as an item of DynamoDB.
fn item(row: &Value) -> Value {
    let attributes = row.as_object().into_iter().flatten();
    attributes.map(|(name, value)| (name.clone(), attribute(value))).collect::<Map<_, _>>().into()
}

fn attribute(value: &Value) -> Value {
    match value {
        Value::Null => json!({ "NULL": true }),
        Value::Bool(value) => json!({ "BOOL": value }),
        Value::Number(number) => json!({ "N": number.to_string() }),
        Value::String(text) => json!({ "S": text }),
        Value::Array(values) => json!({ "L": values.iter().map(attribute).collect::<Vec<_>>() }),
        Value::Object(fields) => match fields.get(BINARY) {
            Some(base64) => json!({ "B": base64 }),
            None => json!({ "M": item(value) }),
        },
    }
}

const BINARY: &str = "$binary";
const OPENID: &str = "o5wQws1FH2FD2uaNtxmrc1jiG4dc";
const SESSION_KEY: &str = "HyVFkGl5F5OQWJZZaNzBBg==";
const PREPAY_ID: &str = "wx211200003b1e8f5e1a2b3c4d5e6f700000";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_becomes_an_item_of_dynamodb() {
        let row = json!({ "a": "x", "b": 7, "c": [true], "d": { "e": Binary("AA==").json() } });
        let expected = json!({
            "a": { "S": "x" },
            "b": { "N": "7" },
            "c": { "L": [{ "BOOL": true }] },
            "d": { "M": { "e": { "B": "AA==" } } },
        });
        assert_eq!(item(&row), expected);
    }
}
