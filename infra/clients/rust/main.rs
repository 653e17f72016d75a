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

type StepResult<T = ()> = Result<T, Box<dyn Error>>;

/// The simulator's addresses and account, as `check` passes them.
struct Simulator(Value);

impl Simulator {
    fn text(&self, pointer: &str) -> &str {
        self.0.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    async fn control(&self, path: &str, body: Option<Value>) -> StepResult<Value> {
        let (http, url) = (reqwest::Client::new(), format!("{}/_wechat/{path}", self.text("/url")));
        let request = match body {
            Some(body) => http.post(url).json(&body),
            None => http.get(url),
        };
        let answer = request.send().await?;
        let (status, body) = (answer.status(), answer.json::<Value>().await?);
        if status.is_success() { Ok(body) } else { Err(body.to_string().into()) }
    }
}

/// A notice as it arrived.
struct Notice {
    headers: HashMap<String, String>,
    body: String,
}

/// Starts a merchant's receiver of notices; returns its URL and the notices that arrive.
fn start_notice_receiver() -> StepResult<(String, Receiver<Notice>)> {
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

fn expect_equal<T: PartialEq + std::fmt::Debug>(found: T, wanted: T) -> StepResult {
    if found == wanted { Ok(()) } else { Err(format!("found {found:?}, wanted {wanted:?}").into()) }
}

fn new_number(prefix: &str) -> StepResult<String> {
    Ok(format!("{prefix}{}", SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos()))
}

/// The client, and the numbers of its orders and its refund.
struct Merchant {
    simulator: Simulator,
    pay: WechatPayClient,
    notify_url: String,
    notices: Receiver<Notice>,
    openid: String,
    paid: String,
    unpaid: String,
    refund: String,
}

impl Merchant {
    async fn open(simulator: Simulator) -> StepResult<Self> {
        let user = simulator.control("users", Some(json!({}))).await?;
        let (notify_url, notices) = start_notice_receiver()?;
        let certificate = simulator.text("/account/certificate");
        let config = Config::from_cert_files(
            simulator.text("/account/app_id"),
            simulator.text("/account/mch_id"),
            simulator.text("/account/api_v3_key"),
            certificate,
            None,
        )?;
        // The client trusts public certificate authorities only, so it gets the plain address.
        let config = config.with_base_url(simulator.text("/url"));
        Ok(Self {
            pay: WechatPayClient::new(config)?,
            simulator,
            notify_url,
            notices,
            openid: user["openid"].as_str().unwrap_or_default().to_owned(),
            paid: new_number("rs3-")?,
            unpaid: new_number("rs3u-")?,
            refund: new_number("rs3r-")?,
        })
    }

    /// Gives the client WeChat Pay's key, so that it verifies responses.
    async fn load_platform_keys(&mut self) -> StepResult {
        let (id, pem) = if self.simulator.text("/mode") == "public key" {
            let key = self.simulator.control("platform_keys", None).await?["public_key"].clone();
            let text = |name: &str| key[name].as_str().unwrap_or_default().to_owned();
            (text("id"), text("pem"))
        } else {
            self.pay.latest_platform_public_key().await?
        };
        let config = self.pay.config().clone().with_platform_public_key(id, pem);
        self.pay = WechatPayClient::new(config)?;
        Ok(())
    }

    async fn prepay_and_pay(&mut self) -> StepResult {
        let signed = self.pay.jsapi_pay("矿泉水 550ml×2", &self.paid, 400, &self.openid, &self.notify_url).await?;
        let arguments = json!({
            "openid": self.openid, "timeStamp": signed.time_stamp, "nonceStr": signed.nonce_str, "package": signed.package,
            "signType": signed.sign_type, "paySign": signed.pay_sign,
        });
        self.simulator.control("wx/requestPayment", Some(arguments)).await.map(drop)
    }

    fn next_notice(&self) -> StepResult<(NotifyHeaders, String)> {
        let Notice { headers, body } = self.notices.recv_timeout(Duration::from_secs(10))?;
        let header = |name: &str| headers.get(&format!("wechatpay-{name}")).cloned().unwrap_or_default();
        Ok((NotifyHeaders::new(header("timestamp"), header("nonce"), header("signature"), header("serial")), body))
    }

    async fn check_payment_notice(&mut self) -> StepResult {
        let (headers, body) = self.next_notice()?;
        let notice = NotifyHandler::new(self.pay.config()).parse_transaction(&headers, &body)?;
        expect_equal((notice.out_trade_no, notice.amount.and_then(|amount| amount.total)), (self.paid.clone(), Some(400)))
    }

    async fn query_order(&mut self) -> StepResult {
        let found = self.pay.query_by_out_trade_no(&self.paid).await?;
        expect_equal(found.trade_state.as_deref(), Some("SUCCESS"))?;
        let transaction_id = found.transaction_id.unwrap_or_default();
        expect_equal(&self.pay.query_by_transaction_id(&transaction_id).await?.out_trade_no, &self.paid)
    }

    async fn refund_and_query(&mut self) -> StepResult {
        let request = RefundRequest {
            transaction_id: None,
            out_trade_no: Some(self.paid.clone()),
            out_refund_no: self.refund.clone(),
            reason: Some("少发一瓶".to_owned()),
            notify_url: Some(self.notify_url.clone()),
            funds_account: None,
            amount: RefundAmount::cny(150, 400),
        };
        expect_equal(&self.pay.refund(&request).await?.out_refund_no, &self.refund)?;
        expect_equal(self.pay.query_refund(&self.refund).await?.status.as_deref(), Some("SUCCESS"))
    }

    async fn check_refund_notice(&mut self) -> StepResult {
        let (headers, body) = self.next_notice()?;
        // The client's type has no field `refund_status`, so the notice is parsed as JSON.
        let notice: Value = serde_json::from_str(&NotifyHandler::new(self.pay.config()).decrypt_raw(&headers, &body)?)?;
        expect_equal((notice["out_refund_no"].as_str(), notice["refund_status"].as_str()), (Some(self.refund.as_str()), Some("SUCCESS")))
    }

    async fn close_order(&mut self) -> StepResult {
        self.pay.jsapi_pay("矿泉水 550ml×2", &self.unpaid, 400, &self.openid, &self.notify_url).await?;
        self.pay.close_order(&self.unpaid).await?;
        expect_equal(self.pay.query_by_out_trade_no(&self.unpaid).await?.trade_state.as_deref(), Some("CLOSED"))
    }

    async fn download_bill(&mut self) -> StepResult {
        // The bill is not compressed, because the client compares the hash of a compressed bill with the wrong bytes.
        let file = self.pay.download_trade_bill(self.simulator.text("/bill_date"), None, None::<BillTarType>).await?;
        expect_equal(String::from_utf8(file)?.contains(self.simulator.text("/bill_order")), true)
    }

    async fn check_error(&mut self) -> StepResult {
        match self.pay.query_by_out_trade_no("never-ordered").await {
            Err(WechatPayError::Api { status, code, .. }) => expect_equal((status, code.as_str()), (404, "ORDER_NOT_EXIST")),
            answer => Err(format!("{answer:?}").into()),
        }
    }
}

fn print_step(mode: &str, step: &str, outcome: StepResult) {
    let detail = outcome.as_ref().err().map(ToString::to_string).unwrap_or_default();
    println!("{}", json!({"client": format!("rust wechat-pay, {mode}"), "step": step, "ok": outcome.is_ok(), "detail": detail}));
}

#[tokio::main]
async fn main() -> StepResult {
    let mut merchant = Merchant::open(Simulator(serde_json::from_str(&env::var("SIMULATOR")?)?)).await?;
    let mode = merchant.simulator.text("/mode").to_owned();
    print_step(&mode, "keys", merchant.load_platform_keys().await);
    print_step(&mode, "prepay and pay", merchant.prepay_and_pay().await);
    print_step(&mode, "notice of the payment", merchant.check_payment_notice().await);
    print_step(&mode, "query", merchant.query_order().await);
    print_step(&mode, "refund and its query", merchant.refund_and_query().await);
    print_step(&mode, "notice of the refund", merchant.check_refund_notice().await);
    print_step(&mode, "close", merchant.close_order().await);
    print_step(&mode, "bill", merchant.download_bill().await);
    print_step(&mode, "an error", merchant.check_error().await);
    Ok(())
}
