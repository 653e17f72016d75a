//! `/api/subscribe`, `/api/admin/subscribe/…`: counts the messages that users accepted, sends messages, and manages the account's
//! templates.
//!
//! WeChat: 订阅消息. API Gateway has authenticated the operators of the routes under `/api/admin`.

mod ledger;
mod library;
mod send;
mod templates;

use shared::{
    api::{ApiError, Code, request},
    host::{Host, HostError},
    runtime::{Body, Function, Request, Response},
    service::{PlatformClient, SessionTokens, SubscribeMessageSender},
    store::{Sessions, TokenName},
};

/// Counts and sends subscribe messages.
pub struct SubscribeFunction {
    platform: PlatformClient,
    sessions: SessionTokens,
    session_rows: Sessions,
    sender: SubscribeMessageSender,
}

impl Function for SubscribeFunction {
    const NAME: &'static str = "subscribe";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            platform: PlatformClient::new(host, TokenName::MiniProgram)?,
            sessions: SessionTokens::new(host)?,
            session_rows: Sessions::new(host)?,
            sender: SubscribeMessageSender::new(host)?,
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        match request::route(&request) {
            "POST /api/subscribe" => self.report_accepted(&request).await,
            "GET /api/subscribe" => self.list_subscriptions(&request).await,
            "POST /api/admin/subscribe/send" => self.send_message(&request).await,
            "GET /api/admin/subscribe/templates" => self.list_templates().await,
            "POST /api/admin/subscribe/templates" => self.add_template(&request).await,
            "DELETE /api/admin/subscribe/templates/{templateId}" => self.delete_template(&request).await,
            "GET /api/admin/subscribe/categories" => self.list_categories().await,
            "GET /api/admin/subscribe/library" => self.list_library(&request).await,
            "GET /api/admin/subscribe/library/{tid}" => self.list_keywords(&request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}
