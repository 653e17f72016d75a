//! `/api/admin/refunds`: an operator gives money back, in full or in part, and sees what became of it.

mod abnormal;
mod give_up;
mod request;
mod view;

use shared::{
    error::{ApiError, Code},
    host::{Host, HostError},
    http::extract,
    pay::Refunder,
    runtime::{Body, Function, Request, Response},
    types::OutRefundNo,
};

/// Gives money back.
pub struct RefundFunction {
    host: Host,
    refunder: Refunder,
}

impl Function for RefundFunction {
    const NAME: &'static str = "refund";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self { host: host.clone(), refunder: Refunder::new(host)? })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        match extract::route(&request) {
            "POST /api/admin/refunds" => self.request(&request).await,
            "GET /api/admin/refunds/{outRefundNo}" => self.read(&request).await,
            "POST /api/admin/refunds/{outRefundNo}/abnormal" => self.redirect(&request).await,
            "POST /api/admin/refunds/{outRefundNo}/give-up" => self.give_up(&request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}

impl RefundFunction {
    async fn read(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let number =
            OutRefundNo::parse_path(&extract::path(request, "outRefundNo")?).map_err(|_| Code::NotFound)?;
        let refund = self.refunder.refunds.get(&number).await?.ok_or(Code::NotFound)?;
        Ok(view::answer(refund))
    }
}
