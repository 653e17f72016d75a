//! `/api/admin/refunds` and `/api/admin/refund-requests`: an operator refunds a payment, in full or in part, reads the refund's state, and
//! decides what users have asked back.

mod abnormal;
mod begin;
mod give_up;
mod requests;
mod view;

use shared::{
    api::{ApiError, Code, request},
    host::{Host, HostError},
    runtime::{Body, Function, Request, Response},
    service::RefundService,
    store::Orders,
    types::OutRefundNo,
};

/// Refunds payments.
pub struct RefundFunction {
    host: Host,
    orders: Orders,
    refunds: RefundService,
}

impl Function for RefundFunction {
    const NAME: &'static str = "refund";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self { host: host.clone(), orders: Orders::new(host)?, refunds: RefundService::new(host)? })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        match request::route(&request) {
            "POST /api/admin/refunds" => self.request_refund(&request).await,
            "GET /api/admin/refunds/{outRefundNo}" => self.read_refund(&request).await,
            "POST /api/admin/refunds/{outRefundNo}/abnormal" => self.redirect_refund(&request).await,
            "POST /api/admin/refunds/{outRefundNo}/give-up" => self.give_up_refund(&request).await,
            "GET /api/admin/refund-requests" => self.list_requests(&request).await,
            "POST /api/admin/refund-requests/{id}/approve" => self.approve_request(&request).await,
            "POST /api/admin/refund-requests/{id}/reject" => self.reject_request(&request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}

impl RefundFunction {
    async fn read_refund(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let out_refund_no =
            OutRefundNo::parse_path(&request::path(request, "outRefundNo")?).map_err(|_| Code::NotFound)?;
        let refund = self.refunds.store.get(&out_refund_no).await?.ok_or(Code::NotFound)?;
        Ok(view::answer(refund))
    }
}
