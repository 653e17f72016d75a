//! The simulated WeChat alone, over plain HTTP on a free port of 127.0.0.1.
//!
//! The rehearsal of a deployment (`infra/deploy/rehearse`) points `WechatApiBase` and `PayApiBase` at it. The first line of
//! output is JSON: where it listens, and the account that the back end must have. Refunds of Pay v2 are refused here, because
//! they take TLS with the merchant's certificate.

use std::{
    io::{self, Write},
    net::SocketAddr,
};

use axum::Router;
use local_wechat::{Options, WeChat};
use serde_json::json;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let wechat = WeChat::new(Options::default());
    let app = Router::new().nest("/_wechat", wechat.control()).merge(wechat.upstream());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let account = wechat.account();
    let told = json!({
        "url": format!("http://{}", listener.local_addr()?),
        "parameters": { "MiniProgramAppId": account.app_id, "MerchantId": account.mch_id },
        "secrets": {
            "MiniProgramSecret": { "app_secret": account.app_secret },
            "MerchantSecret": { "api_v2_key": account.api_v2_key },
        },
    });
    let mut out = io::stdout();
    writeln!(out, "{told}")?;
    out.flush()?;
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await
}
