//! Bills as they are fetched, by each interface, from the address itself and from the backup.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{APP_ID, MCH_ID, generated, gzip, small};
use crate::{
    crypto::{SigningKey, hex, sha1},
    host::{Host, SystemClock, SystemRandomness},
    pay::{Bill, MerchantContext, MerchantSecret, PayError, v2, v3},
    types::{Day, OutTradeNo},
};

const PRIVATE: &str = include_str!("../../../crypto/rsa_g6_private.pem");
/// The same key's public part: here it signs on both sides.
const PUBLIC: &str = include_str!("../../../crypto/rsa_g6_public_of_private.pem");

fn secret() -> MerchantSecret {
    let secret = serde_json::json!({
        "api_v2_key": "rYLVL20kysqVBFxfTgcGyvKjycsY17WV", "serial_no": "5F", "private_key": PRIVATE,
        "platform_keys": [{ "id": "PUB_KEY_ID_1", "pem": PUBLIC }],
    });
    serde_json::from_value(secret).unwrap()
}

fn merchant(base: &str) -> MerchantContext {
    let env = [
        ("PAY_API_BASE", base),
        ("MINI_PROGRAM_APP_ID", APP_ID),
        ("MERCHANT_ID", MCH_ID),
        ("PAY_API", "v2"),
        ("PAY_SIGN_TYPE", "HMAC-SHA256"),
        ("MERCHANT_SECRET_ARN", "x"),
        ("AWS_REGION", "x"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
    ];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    MerchantContext::new(
        &Host::new(env, Arc::new(SystemClock), Arc::new(SystemRandomness), Vec::new()),
        Box::new(v3::NoCertificates),
    )
    .unwrap()
}

/// What the server on the other side says of one request: the answer's head, without its length, and its body.
type RefundResource = (String, Vec<u8>);

/// A server that tells what `answer` says of each request's first line.
async fn server(answer: impl Fn(&str, &str) -> RefundResource + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let own = base.clone();
    drop(tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let asked = request(&mut socket).await;
            let (head, body) = answer(&own, &asked);
            let head = format!("{head}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
            socket.write_all(head.as_bytes()).await.unwrap();
            let _ = socket.write_all(&body).await;
        }
    }));
    base
}

async fn request(socket: &mut TcpStream) -> String {
    let mut bytes = vec![0; 8192];
    let count = socket.read(&mut bytes).await.unwrap();
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}

fn day() -> Day {
    Day::parse("20260823").unwrap()
}

const OK: &str = "HTTP/1.1 200 OK\r\n";

#[tokio::test]
async fn the_bill_of_apiv2_comes_packed_or_plain() {
    for body in [gzip(&small().join("\n")), small().join("\n").into_bytes()] {
        let base = server(move |_, asked| {
            assert!(asked.starts_with("POST /pay/downloadbill "), "{asked}");
            (OK.to_owned(), body.clone())
        });
        let bill = v2::bill(&merchant(&base.await), &secret(), day()).await.unwrap();
        assert!(matches!(bill, Bill::Ready(bill) if bill.totals().payments == 2));
    }
}

#[tokio::test]
async fn a_bill_of_apiv2_that_lost_its_end_is_not_believed() {
    let text = small().join("\n").into_bytes();
    for body in [text[..text.len() - 60].to_vec(), gzip(&small().join("\n"))[..200].to_vec(), Vec::new()] {
        let base = server(move |_, _| (OK.to_owned(), body.clone())).await;
        let bill = v2::bill(&merchant(&base), &secret(), day()).await;
        assert!(matches!(bill, Err(PayError::Bill { .. })), "{bill:?}");
    }
}

#[tokio::test]
async fn apiv2_says_in_xml_that_there_is_no_bill() {
    let none = "<xml><return_code>FAIL</return_code><return_msg>No Bill Exist</return_msg></xml>";
    let base = server(move |_, _| (OK.to_owned(), none.as_bytes().to_vec())).await;
    assert!(matches!(v2::bill(&merchant(&base), &secret(), day()).await, Ok(Bill::None)));
}

/// WeChat Pay's signed answer.
fn signed(status: &str, body: String) -> RefundResource {
    let key = SigningKey::from_pem(PRIVATE).unwrap();
    let timestamp = merchant("x").host.now().get();
    let signature = STANDARD.encode(key.sign(format!("{timestamp}\nn\n{body}\n").as_bytes()));
    let head = format!(
        "HTTP/1.1 {status}\r\nWechatpay-Timestamp: {timestamp}\r\nWechatpay-Nonce: n\r\n\
         Wechatpay-Serial: PUB_KEY_ID_1\r\nWechatpay-Signature: {signature}\r\n"
    );
    (head, body.into_bytes())
}

/// APIv3's side: an offer of a file with the hash of `hashed`, and `file` itself.
fn offering(
    hashed: &str,
    file: Vec<u8>,
    url: &'static str,
) -> impl Fn(&str, &str) -> RefundResource + Send + 'static {
    let hash = hex(&sha1(&[hashed.as_bytes()])).to_uppercase();
    move |base, asked| {
        if asked.starts_with("GET /v3/billdownload/file?token=a%2Fb ") {
            assert!(asked.to_lowercase().contains("\r\nauthorization: wechatpay2-sha256-rsa2048 mchid="));
            return (OK.to_owned(), file.clone());
        }
        assert!(
            asked.starts_with("GET /v3/bill/tradebill?bill_date=2026-08-23&bill_type=ALL&tar_type=GZIP ")
        );
        let url = url.replace("BASE", base);
        signed("200 OK", format!(r#"{{"hash_type":"SHA1","hash_value":"{hash}","download_url":"{url}"}}"#))
    }
}

const FILE: &str = "BASE/v3/billdownload/file?token=a%2Fb";
/// Where nobody listens.
const DEAD: &str = "http://127.0.0.1:1";

#[tokio::test]
async fn a_bill_offered_at_another_host_is_fetched_from_the_configured_one() {
    let text = small().join("\n");
    for url in [
        "https://api.mch.weixin.qq.com/v3/billdownload/file?token=a%2Fb",
        "https://api2.wechatpay.cn/v3/billdownload/file?token=a%2Fb",
    ] {
        let base = server(offering(&text, gzip(&text), url)).await;
        let bill = v3::bill(&merchant(&base), &secret(), day()).await.unwrap();
        assert!(matches!(bill, Bill::Ready(bill) if bill.totals().lines == 4), "{url}");
    }
}

#[tokio::test]
async fn the_backup_is_asked_while_wechat_pay_s_own_address_does_not_answer() {
    let text = small().join("\n");
    // The same request, signed for no host in particular: the third attempt of the first call comes to the backup.
    let base = server(offering(&text, gzip(&text), FILE)).await;
    let both = merchant(&format!("{DEAD},{base}"));
    for _ in 0..2 {
        let bill = v3::bill(&both, &secret(), day()).await.unwrap();
        assert!(matches!(bill, Bill::Ready(bill) if bill.totals().lines == 4));
    }
    // A bill of APIv2 is asked for once a run.
    let body = small().join("\n").into_bytes();
    let base = server(move |_, _| (OK.to_owned(), body.clone())).await;
    let both = merchant(&format!("{DEAD},{base}"));
    for there in [false, false, true, true] {
        let bill = v2::bill(&both, &secret(), day()).await;
        assert_eq!(matches!(bill, Ok(Bill::Ready(_))), there, "{bill:?}");
    }
    // Without a backup nothing else is asked.
    assert!(matches!(
        v2::bill(&merchant(DEAD), &secret(), day()).await,
        Err(PayError::OutcomeUnknown { .. })
    ));
}

#[tokio::test]
async fn a_gateway_that_reaches_nothing_sends_calls_to_the_backup() {
    let down = server(|_, _| ("HTTP/1.1 502 Bad Gateway\r\n".to_owned(), b"<html>".to_vec())).await;
    let signed = "<xml><return_code>SUCCESS</return_code></xml>";
    let base = server(move |_, _| (OK.to_owned(), signed.as_bytes().to_vec())).await;
    let number = OutTradeNo::parse("01HF7Y9B9X000000000000000001").unwrap();
    let asked = v2::query(&merchant(&format!("{down},{base}")), &secret(), number).await;
    // The answer is the backup's: it has no signature.
    assert!(matches!(asked, Err(PayError::NotVerified { what: "signature", .. })), "{asked:?}");
}

#[tokio::test]
async fn the_bill_of_apiv3_is_believed_by_its_hash() {
    let text = small().join("\n");
    let bill = async |hashed: &str, file: Vec<u8>, url| {
        let base = server(offering(hashed, file, url)).await;
        v3::bill(&merchant(&base), &secret(), day()).await
    };
    let right = bill(&text, gzip(&text), FILE).await.unwrap();
    assert!(matches!(right, Bill::Ready(bill) if bill.totals().lines == 4));
    // Whole in itself, and another one.
    let other = bill(&text, gzip(&generated(&[1, 2])), FILE).await;
    assert!(matches!(other, Err(PayError::NotVerified { what: "hash", .. })), "{other:?}");
    let elsewhere = bill(&text, gzip(&text), "http://127.0.0.1:1/v3/billdownload/file?token=a%2Fb").await;
    assert!(matches!(elsewhere, Err(PayError::NotVerified { what: "download_url", .. })), "{elsewhere:?}");
}

#[tokio::test]
async fn apiv3_says_by_its_code_that_there_is_no_bill() {
    for (code, none) in [("NO_STATEMENT_EXIST", true), ("STATEMENT_CREATING", false)] {
        let body = format!(r#"{{"code":"{code}","message":""}}"#);
        let base = server(move |_, _| signed("400 Bad Request", body.clone())).await;
        let bill = v3::bill(&merchant(&base), &secret(), day()).await;
        assert_eq!(matches!(bill, Ok(Bill::None)), none, "{bill:?}");
        assert_eq!(matches!(bill, Ok(Bill::NotReady)), !none, "{bill:?}");
    }
}
