//! `/api/admin/template-messages…` and `/api/user-storage`: answers that WeChat's API behind them is gone, and names its successor.
//!
//! Developers look for these routes because guides describe their APIs. WeChat: 小程序模板消息能力调整通知 (template messages ended on
//! 10 January 2020), 统一服务消息 (withdrawn on 20 September 2023), 用户数据托管 (`set_user_storage`, for mini games only).

use shared::{
    api::{ApiError, Code, request},
    host::{Host, HostError},
    runtime::{Body, Function, Request, Response},
};

/// Answers `GONE`.
pub struct RetiredFunction;

impl Function for RetiredFunction {
    const NAME: &'static str = "retired";

    async fn init(_: &Host) -> Result<Self, HostError> {
        Ok(Self)
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        let successor = match request::route(&request) {
            "ANY /api/admin/template-messages" | "ANY /api/admin/template-messages/{proxy+}" => {
                "模板消息已下线，请改用订阅消息"
            }
            "ANY /api/user-storage" => "该接口仅限小游戏，请改用群排行",
            _ => return Err(Code::NotFound.into()),
        };
        Err(ApiError::new(Code::Gone).with_message(successor))
    }
}
