//! The simulated WeChat alone, on free ports of 127.0.0.1: everything over plain HTTP, and WeChat Pay over TLS as well.
//!
//! The rehearsal of a deployment (`infra/deploy/rehearse`) points `WechatApiBase` and `PayApiBase` at it, and the check with
//! real clients (`infra/clients/check`) their addresses. The first line of output is JSON: the addresses, the certificate authority
//! that a caller of `pay_url` must trust, and the account. Refunds of Pay v2 are refused on the plain address, because they take
//! TLS with the merchant's certificate.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::Path,
};

use axum::Router;
use local_wechat::{Simulator, SimulatorOptions, TlsPeer};
use serde_json::json;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let wechat = Simulator::new(SimulatorOptions::default());
    let app = Router::new().nest("/_wechat", wechat.control()).merge(wechat.upstream());
    let plain = TcpListener::bind(("127.0.0.1", 0)).await?;
    let tls = TcpListener::bind(("127.0.0.1", 0)).await?;
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("keys");
    let account = wechat.account();
    let description = json!({
        "url": format!("http://{}", plain.local_addr()?),
        "pay_url": format!("https://{}", tls.local_addr()?),
        "ca": keys.join("ca.pem"),
        "parameters": { "MiniProgramAppId": account.app_id, "MerchantId": account.mch_id },
        "secrets": {
            "MiniProgramSecret": { "app_secret": account.app_secret },
            "MerchantSecret": { "api_v2_key": account.api_v2_key },
            "MessagePushSecret": { "token": account.push_token, "encoding_aes_key": account.push_encoding_aes_key },
        },
        "account": {
            "app_id": account.app_id,
            "app_secret": account.app_secret,
            "original_id": account.original_id,
            "official_app_id": account.official_app_id,
            "official_app_secret": account.official_app_secret,
            "mch_id": account.mch_id,
            "api_v2_key": account.api_v2_key,
            "api_v3_key": account.api_v3_key,
            "message_push": { "token": account.push_token, "encoding_aes_key": account.push_encoding_aes_key },
            "serial_no": account.merchant_serial_no,
            "private_key": keys.join("apiclient_key.pem"),
            "certificate": keys.join("apiclient_cert.pem"),
        },
    });
    let mut out = io::stdout();
    writeln!(out, "{description}")?;
    out.flush()?;
    let pay = wechat.pay_listener(tls);
    let pay_app = wechat.upstream().into_make_service_with_connect_info::<TlsPeer>();
    let plain_app = app.into_make_service_with_connect_info::<SocketAddr>();
    let (plain, pay) = tokio::join!(axum::serve(plain, plain_app), axum::serve(pay, pay_app));
    plain.and(pay)
}
