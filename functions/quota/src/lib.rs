//! `GET /api/admin/quota`, `POST /api/admin/quota/clear`, `GET /api/admin/rid/{rid}`: reads and resets the daily quota of WeChat's APIs,
//! and reads what WeChat has recorded about an earlier request.
//!
//! WeChat: 查询 API 调用额度 (`openapi/quota/get`), 重置 API 调用次数 (`clear_quota`), 查询 rid 信息 (`openapi/rid/get`). All
//! three are called for the mini program. API Gateway has authenticated the operator.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/openApi-mgnt/getApiQuota.html>

mod past_request;
mod redaction;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shared::{
    api::{ApiError, Code, request, response},
    host::{Host, HostError, RetryPolicy},
    runtime::{Body, Function, Request, Response},
    service::{PlatformClient, PlatformError},
    store::TokenName,
    types::AppId,
    wechat::loose_json,
};

/// Answers about quotas and past requests.
pub struct QuotaFunction {
    app_id: AppId,
    platform: PlatformClient,
}

#[derive(Serialize)]
struct QuotaAnswer {
    quota: Quota,
}

/// The calls of an API that WeChat allows in a day. WeChat leaves out fields that do not apply.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Quota {
    #[serde(skip_serializing_if = "Option::is_none")]
    daily_limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remain: Option<u64>,
}

/// An empty body. A field in it is refused, and the error names the field.
#[derive(Deserialize)]
struct ClearBody {}

impl Function for QuotaFunction {
    const NAME: &'static str = "quota";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            app_id: host.parsed_var("MINI_PROGRAM_APP_ID", "an appid", AppId::parse)?,
            platform: PlatformClient::new(host, TokenName::MiniProgram)?,
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        match request::route(&request) {
            "GET /api/admin/quota" => self.read_quota(&request).await,
            "POST /api/admin/quota/clear" => self.clear_quota(&request).await,
            "GET /api/admin/rid/{rid}" => self.read_past_request(&request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}

impl QuotaFunction {
    async fn read_quota(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let path = request::required("cgiPath", request::query(request, "cgiPath"))?;
        if !is_api_path(&path) {
            return Err(ApiError::invalid("cgiPath", "须为接口路径，如 /wxa/getwxacode"));
        }
        let body = json!({ "cgi_path": path });
        let answer =
            self.platform.post(QUOTA, &body, RetryPolicy::AnyFailure).await.map_err(map_quota_error)?;
        let quota = answer.get("quota").and_then(Value::as_object);
        let quota =
            quota.ok_or_else(|| ApiError::new(Code::Internal).with_cause("the answer has no quota"))?;
        let number = |name| quota.get(name).and_then(loose_json::whole_number);
        let quota =
            Quota { daily_limit: number("daily_limit"), used: number("used"), remain: number("remain") };
        Ok(response::success(&QuotaAnswer { quota }))
    }

    /// WeChat accepts this call ten times a month, so it is not sent again when its outcome is unknown.
    async fn clear_quota(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        if !request::bytes(request).is_empty() {
            let ClearBody {} = request::json(request)?;
        }
        let body = json!({ "appid": self.app_id.as_str() });
        self.platform
            .post(CLEAR, &body, RetryPolicy::UnlessOutcomeUnknown)
            .await
            .map_err(PlatformError::for_operator)?;
        Ok(response::success(&Map::new()))
    }
}

fn is_api_path(text: &str) -> bool {
    let is_path = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-.".contains(&byte);
    text.starts_with('/') && text.len() <= 128 && text.bytes().all(is_path)
}

fn map_quota_error(error: PlatformError) -> ApiError {
    match error.errcode() {
        // WeChat has no such API, or this account may not use it.
        Some(76021 | 76022) => ApiError::invalid("cgiPath", "未被微信接受").with_cause(error),
        _ => error.for_operator(),
    }
}

const QUOTA: &str = "/cgi-bin/openapi/quota/get";
const CLEAR: &str = "/cgi-bin/clear_quota";
