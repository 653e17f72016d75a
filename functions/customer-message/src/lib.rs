//! `/api/admin/conversations…`, `/api/admin/messages…`, `/api/admin/media…`: operators answer users within WeChat's windows.
//!
//! WeChat: 客服消息. API Gateway has authenticated the operators.

mod cursor;
mod list;
mod media;
mod send;
mod typing;

use shared::{
    api::{ApiError, Code, request},
    host::{Host, HostError},
    runtime::{Body, Function, Request, Response},
    service::CustomerMessageSender,
};

/// Sends messages of customer service.
pub struct CustomerMessageFunction {
    host: Host,
    sender: CustomerMessageSender,
}

impl Function for CustomerMessageFunction {
    const NAME: &'static str = "customer-message";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self { host: host.clone(), sender: CustomerMessageSender::new(host)? })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        match request::route(&request) {
            "GET /api/admin/conversations" => self.list_conversations(&request).await,
            "GET /api/admin/conversations/{openid}" => self.list_messages(&request).await,
            "POST /api/admin/messages" => self.send_message(&request).await,
            "POST /api/admin/messages/typing" => self.show_typing(&request).await,
            "POST /api/admin/media" => self.upload_media(&request).await,
            "GET /api/admin/media/{mediaId}" => self.download_media(&request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}
