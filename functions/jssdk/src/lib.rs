//! `GET /api/jssdk/signature?url=`: what a web page inside WeChat passes to `wx.config`, so that it may use the JS-SDK.
//!
//! WeChat: JS-SDK使用步骤. A page has no session token, so anybody may ask. What is signed are pages on hosts that the operator named,
//! and nothing else, because a signature lets its page act in the official account's name.

mod hosts;

use serde::Serialize;
use shared::{
    api::{ApiError, Code, request, response},
    host::{Host, HostError},
    runtime::{Body, Function, Request, Response},
    service::AccessTokens,
    store::TokenName,
    types::{AppId, UnixSeconds},
    wechat::{PageSignature, PageUrl},
};

use crate::hosts::{AllowedHost, is_safe};

/// Signs pages.
pub struct JssdkFunction {
    host: Host,
    /// The official account; `None` if there is none.
    app_id: Option<AppId>,
    /// The hosts from `JSSDK_HOSTS`, or the one from `PUBLIC_BASE_URL`. Empty means the host by which the API is called.
    hosts: Vec<AllowedHost>,
    /// From `OFFICIAL_ACCOUNT_IS_TEST`.
    is_test_account: bool,
    tokens: AccessTokens,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignatureAnswer<'a> {
    app_id: &'a str,
    timestamp: UnixSeconds,
    nonce_str: &'a str,
    signature: &'a str,
}

impl Function for JssdkFunction {
    const NAME: &'static str = "jssdk";

    async fn init(host: &Host) -> Result<Self, HostError> {
        let app_id = host.optional_var("OFFICIAL_ACCOUNT_APP_ID");
        let app_id = app_id.map(|_| host.parsed_var("OFFICIAL_ACCOUNT_APP_ID", "an appid", AppId::parse));
        let expected = "hosts such as shop.example.com or shop.example.com:8443, with commas between them";
        let hosts = if host.optional_var("JSSDK_HOSTS").is_some() {
            host.parsed_var("JSSDK_HOSTS", expected, |text| AllowedHost::parse_list(text).ok_or(()))?
        } else {
            host.optional_var("PUBLIC_BASE_URL").and_then(AllowedHost::of_base_url).into_iter().collect()
        };
        Ok(Self {
            host: host.clone(),
            app_id: app_id.transpose()?,
            hosts,
            is_test_account: host.parsed_var(
                "OFFICIAL_ACCOUNT_IS_TEST",
                "true or false",
                str::parse::<bool>,
            )?,
            tokens: AccessTokens::new(host)?,
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        let app_id = self.app_id.as_ref().ok_or(Code::NotConfigured)?;
        let url = self.allowed_page(&request)?;
        let ticket = self.tokens.get(TokenName::JsapiTicket).await?;
        let (timestamp, nonce_str) = (self.host.now(), self.host.nonce_str()?);
        let signature =
            PageSignature { jsapi_ticket: &ticket.value, nonce_str: &nonce_str, timestamp, url: &url };
        let answer = SignatureAnswer {
            app_id: app_id.as_str(),
            timestamp,
            nonce_str: &nonce_str,
            signature: &signature.sign(),
        };
        Ok(response::readable_by(response::success(&answer), &url.origin()))
    }
}

impl JssdkFunction {
    /// The page, if it is one of the operator's.
    fn allowed_page(&self, request: &Request) -> Result<PageUrl, ApiError> {
        let url = request::required("url", request::query(request, "url"))?;
        let url = PageUrl::parse(&url)
            .map_err(|error| ApiError::invalid("url", "须为页面的完整网址").with_cause(error))?;
        let own_host = request::domain_name(request).and_then(AllowedHost::parse);
        let own_host = own_host.filter(|_| self.hosts.is_empty());
        if !self.hosts.iter().chain(&own_host).any(|host| host.serves(&url)) {
            return Err(ApiError::new(Code::Forbidden).with_message("该页面的域名未获允许"));
        }
        if !is_safe(&url, self.is_test_account) {
            return Err(ApiError::new(Code::Forbidden).with_message("该页面须使用 https"));
        }
        Ok(url)
    }
}
