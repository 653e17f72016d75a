//! WeChat Pay v3 with the crate wechat-pay: with platform certificates, or with the WeChat Pay public key (`mode`).

use std::{
    collections::HashMap,
    env,
    error::Error,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use wechat_pay::{
    BillTarType, Config, NotifyHandler, NotifyHeaders, WechatPayClient, WechatPayError, models::RefundRequest,
    models::RefundAmount,
};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The simulated WeChat and its account, as `check` tells it.
struct World(Value);

impl World {
    fn text(&self, pointer: &str) -> &str {
        self.0.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    async fn control(&self, path: &str, body: Option<Value>) -> Outcome<Value> {
        let (http, url) = (reqwest::Client::new(), format!("{}/_wechat/{path}", self.text("/url")));
        let request = match body {
            Some(body) => http.post(url).json(&body),
            None => http.get(url),
        };
        let answer = request.send().await?;
        let (status, told) = (answer.status(), answer.json::<Value>().await?);
        if status.is_success() { Ok(told) } else { Err(told.to_string().into()) }
    }
}

/// A notice as it came.
struct Notice {
    headers: HashMap<String, String>,
    body: String,
}

/// A merchant's address for notices, and what arrives at it.
fn receive() -> Outcome<(String, Receiver<Notice>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/notify", listener.local_addr()?);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            let mut headers = HashMap::new();
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                if let Some((name, value)) = line.split_once(": ") {
                    headers.insert(name.to_lowercase(), value.trim().to_owned());
                }
                line.clear();
            }
            let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            let mut body = vec![0; length];
            let _ = reader.read_exact(&mut body);
            let _ = reader.get_mut().write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
            let _ = sender.send(Notice { headers, body: String::from_utf8_lossy(&body).into_owned() });
        }
    });
    Ok((url, receiver))
}

fn equal<T: PartialEq + std::fmt::Debug>(found: T, wanted: T) -> Outcome {
    if found == wanted { Ok(()) } else { Err(format!("found {found:?}, wanted {wanted:?}").into()) }
}

fn new_number(prefix: &str) -> Outcome<String> {
    Ok(format!("{prefix}{}", SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos()))
}

/// One client and what it has bought.
struct Shop {
    world: World,
    pay: WechatPayClient,
    notify_url: String,
    notices: Receiver<Notice>,
    openid: String,
    paid: String,
    unpaid: String,
    refund: String,
}

impl Shop {
    async fn open(world: World) -> Outcome<Self> {
        let user = world.control("users", Some(json!({}))).await?;
        let (notify_url, notices) = receive()?;
        let certificate = world.text("/account/certificate");
        let config = Config::from_cert_files(
            world.text("/account/app_id"),
            world.text("/account/mch_id"),
            world.text("/account/api_v3_key"),
            certificate,
            None,
        )?;
        // It trusts public authorities only.
        let config = config.with_base_url(world.text("/url"));
        Ok(Self {
            pay: WechatPayClient::new(config)?,
            world,
            notify_url,
            notices,
            openid: user["openid"].as_str().unwrap_or_default().to_owned(),
            paid: new_number("rs3-")?,
            unpaid: new_number("rs3u-")?,
            refund: new_number("rs3r-")?,
        })
    }

    /// From now on the client verifies answers.
    async fn keys(&mut self) -> Outcome {
        let (id, pem) = if self.world.text("/mode") == "public key" {
            let key = self.world.control("platform_keys", None).await?["public_key"].clone();
            let text = |name: &str| key[name].as_str().unwrap_or_default().to_owned();
            (text("id"), text("pem"))
        } else {
            self.pay.latest_platform_public_key().await?
        };
        let config = self.pay.config().clone().with_platform_public_key(id, pem);
        self.pay = WechatPayClient::new(config)?;
        Ok(())
    }

    async fn prepay_and_pay(&mut self) -> Outcome {
        let signed = self.pay.jsapi_pay("矿泉水 550ml×2", &self.paid, 400, &self.openid, &self.notify_url).await?;
        let arguments = json!({
            "openid": self.openid, "timeStamp": signed.time_stamp, "nonceStr": signed.nonce_str, "package": signed.package,
            "signType": signed.sign_type, "paySign": signed.pay_sign,
        });
        self.world.control("wx/requestPayment", Some(arguments)).await.map(drop)
    }

    fn next_notice(&self) -> Outcome<(NotifyHeaders, String)> {
        let Notice { headers, body } = self.notices.recv_timeout(Duration::from_secs(10))?;
        let header = |name: &str| headers.get(&format!("wechatpay-{name}")).cloned().unwrap_or_default();
        Ok((NotifyHeaders::new(header("timestamp"), header("nonce"), header("signature"), header("serial")), body))
    }

    async fn notice_of_payment(&mut self) -> Outcome {
        let (headers, body) = self.next_notice()?;
        let told = NotifyHandler::new(self.pay.config()).parse_transaction(&headers, &body)?;
        equal((told.out_trade_no, told.amount.and_then(|amount| amount.total)), (self.paid.clone(), Some(400)))
    }

    async fn query(&mut self) -> Outcome {
        let found = self.pay.query_by_out_trade_no(&self.paid).await?;
        equal(found.trade_state.as_deref(), Some("SUCCESS"))?;
        let transaction_id = found.transaction_id.unwrap_or_default();
        equal(&self.pay.query_by_transaction_id(&transaction_id).await?.out_trade_no, &self.paid)
    }

    async fn refund_and_query(&mut self) -> Outcome {
        let request = RefundRequest {
            transaction_id: None,
            out_trade_no: Some(self.paid.clone()),
            out_refund_no: self.refund.clone(),
            reason: Some("少发一瓶".to_owned()),
            notify_url: Some(self.notify_url.clone()),
            funds_account: None,
            amount: RefundAmount::cny(150, 400),
        };
        equal(&self.pay.refund(&request).await?.out_refund_no, &self.refund)?;
        equal(self.pay.query_refund(&self.refund).await?.status.as_deref(), Some("SUCCESS"))
    }

    async fn notice_of_refund(&mut self) -> Outcome {
        let (headers, body) = self.next_notice()?;
        // Its own type has no field for what a notice calls the state, so that it is read as JSON.
        let told: Value = serde_json::from_str(&NotifyHandler::new(self.pay.config()).decrypt_raw(&headers, &body)?)?;
        equal((told["out_refund_no"].as_str(), told["refund_status"].as_str()), (Some(self.refund.as_str()), Some("SUCCESS")))
    }

    async fn close(&mut self) -> Outcome {
        self.pay.jsapi_pay("矿泉水 550ml×2", &self.unpaid, 400, &self.openid, &self.notify_url).await?;
        self.pay.close_order(&self.unpaid).await?;
        equal(self.pay.query_by_out_trade_no(&self.unpaid).await?.trade_state.as_deref(), Some("CLOSED"))
    }

    async fn bill(&mut self) -> Outcome {
        // Not compressed: of a compressed one it holds the hash against the wrong bytes.
        let file = self.pay.download_trade_bill(self.world.text("/bill_date"), None, None::<BillTarType>).await?;
        equal(String::from_utf8(file)?.contains(self.world.text("/bill_order")), true)
    }

    async fn refusal(&mut self) -> Outcome {
        match self.pay.query_by_out_trade_no("never-ordered").await {
            Err(WechatPayError::Api { status, code, .. }) => equal((status, code.as_str()), (404, "ORDER_NOT_EXIST")),
            answered => Err(format!("{answered:?}").into()),
        }
    }
}

fn tell(world: &str, step: &str, outcome: Outcome) {
    let detail = outcome.as_ref().err().map(ToString::to_string).unwrap_or_default();
    println!("{}", json!({"client": format!("rust wechat-pay, {world}"), "step": step, "ok": outcome.is_ok(), "detail": detail}));
}

#[tokio::main]
async fn main() -> Outcome {
    let mut shop = Shop::open(World(serde_json::from_str(&env::var("WORLD")?)?)).await?;
    let mode = shop.world.text("/mode").to_owned();
    tell(&mode, "keys", shop.keys().await);
    tell(&mode, "prepay and pay", shop.prepay_and_pay().await);
    tell(&mode, "notice of the payment", shop.notice_of_payment().await);
    tell(&mode, "query", shop.query().await);
    tell(&mode, "refund and its query", shop.refund_and_query().await);
    tell(&mode, "notice of the refund", shop.notice_of_refund().await);
    tell(&mode, "close", shop.close().await);
    tell(&mode, "bill", shop.bill().await);
    tell(&mode, "a refusal", shop.refusal().await);
    Ok(())
}
