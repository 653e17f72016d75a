//! `wx.config` of web pages inside WeChat: the page shows that the official account has signed its address.
//!
//! Documentation: "JS-SDK, step 3: verify the permission by config" (通过config接口注入权限验证配置) and its appendix 1. The signature is
//! SHA-1 over ticket, nonce, time and address. WeChat takes the address from its own browser, without what follows `#`; here the
//! argument `url` is that address.
//!
//! <https://developers.weixin.qq.com/doc/offiaccount/OA_Web_Apps/JS-SDK.html>

use std::sync::Arc;

use serde_json::Value;
use sha1::{Digest, Sha1};

use crate::base::Base;
use crate::base::tokens::tickets::TicketKind;
use crate::core::random;
use crate::core::service::Service;
use crate::core::user::User;
use crate::core::wx_api::{WxApi, WxArguments, WxFailure, text_argument};

/// Checks what pages pass to `wx.config`.
pub(crate) struct JsSdkService {
    base: Arc<Base>,
}

impl JsSdkService {
    pub(crate) fn new(base: &Arc<Base>) -> Self {
        Self { base: Arc::clone(base) }
    }
}

impl Service for JsSdkService {
    fn wx_apis(self: Arc<Self>) -> Vec<WxApi> {
        vec![WxApi::new("config", &self, config)]
    }
}

fn config(js_sdk: &JsSdkService, _: &User, arguments: &WxArguments) -> Result<WxArguments, WxFailure> {
    if text_argument(arguments, "appId")? != js_sdk.base.account().official_app_id {
        return Err(WxFailure::new("invalid appid"));
    }
    let timestamp = arguments.get("timestamp").and_then(Value::as_u64);
    let timestamp = timestamp.ok_or_else(|| WxFailure::parameter("parameter.timestamp should be Number;"))?;
    let nonce = text_argument(arguments, "nonceStr")?;
    let signature = text_argument(arguments, "signature")?;
    let apis = arguments.get("jsApiList").and_then(Value::as_array).filter(|apis| !apis.is_empty());
    if apis.is_none_or(|apis| !apis.iter().all(Value::is_string)) {
        return Err(WxFailure::parameter("parameter.jsApiList should be an Array of String;"));
    }
    let url = text_argument(arguments, "url")?.split('#').next().unwrap_or_default();
    let tickets = js_sdk.base.tokens.live_tickets(TicketKind::JsApi);
    if tickets.iter().any(|ticket| sign(ticket, nonce, timestamp, url) == signature) {
        Ok(WxArguments::new())
    } else {
        Err(WxFailure::new("invalid signature"))
    }
}

fn sign(ticket: &str, nonce: &str, timestamp: u64, url: &str) -> String {
    let text = format!("jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={url}");
    random::hex(&Sha1::digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed with appendix 1.
    #[test]
    fn the_printed_signature_is_made() {
        let ticket = "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg";
        let url = "http://mp.weixin.qq.com?params=value";
        let signature = sign(ticket, "Wm3WZYTPz0wzccnW", 1_414_587_457, url);
        assert_eq!(signature, "0f9de62fce790f9a083d5c99e95740ceb90c27ed");
    }
}
