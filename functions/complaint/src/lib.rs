//! `POST /api/pay/complaint-notify` and `/api/admin/complaints`: WeChat Pay tells of complaints of buyers, and operators read and answer
//! them. Only with the keys of APIv3, whichever API version orders are made with.
//!
//! Texts and phone numbers of buyers are not kept here. Whoever reads a complaint gets them from WeChat Pay, and who read a phone number
//! is recorded before it is answered.

mod cursor;
mod detail;
mod end;
mod list;
mod notify;
mod refund;
mod reply;
mod view;

use shared::{
    api::{ApiError, Code, FailureFormat, request, response},
    host::{Host, HostError},
    pay::{ApiVersion, NoticeReceiver, PayError},
    runtime::{Body, Function, Request, Response},
    service::{ComplaintService, RefundService, notice_receiver},
    store::Orders,
    types::ComplaintId,
};

/// Receives notices of complaints, and answers them.
pub struct ComplaintFunction {
    host: Host,
    receiver: NoticeReceiver,
    complaints: ComplaintService,
    orders: Orders,
    refunds: RefundService,
}

impl Function for ComplaintFunction {
    const NAME: &'static str = "complaint";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            receiver: notice_receiver(host)?,
            complaints: ComplaintService::new(host)?,
            orders: Orders::new(host)?,
            refunds: RefundService::new(host)?,
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        self.complaints.pay.can_answer_complaints().await?;
        match request::route(&request) {
            NOTIFY => self.take_notice(&request).await,
            "PUT /api/admin/complaint-notifications" => self.set_url(&request).await,
            "GET /api/admin/complaints" => self.list_complaints(&request).await,
            "GET /api/admin/complaints/{complaintId}" => self.read_complaint(&request).await,
            "POST /api/admin/complaints/{complaintId}/reply" => self.reply(&request).await,
            "POST /api/admin/complaints/{complaintId}/complete" => self.complete(&request).await,
            "POST /api/admin/complaints/{complaintId}/reject" => self.reject(&request).await,
            "POST /api/admin/complaints/{complaintId}/refund" => self.refund(&request).await,
            _ => Err(Code::NotFound.into()),
        }
    }

    fn failure_format(request: &Request) -> FailureFormat {
        match request::route(request) {
            NOTIFY => ApiVersion::V3.failure_format(),
            _ => |error, context| response::failure(error, &context.request_id),
        }
    }
}

/// The complaint of the route's path.
fn complaint_id(request: &Request) -> Result<ComplaintId, ApiError> {
    ComplaintId::parse(&request::path(request, "complaintId")?).map_err(|_| Code::NotFound.into())
}

/// The failure for an operator, who gets WeChat Pay's code if it has refused the request.
fn for_operator(error: PayError) -> ApiError {
    match &error {
        PayError::Business { code, transient: false, .. } if !error.is_transient() => {
            let message = format!("微信支付拒绝了该请求（{code}）");
            ApiError::new(Code::Conflict).with_message(message).with_cause(error)
        }
        _ => error.into(),
    }
}

const NOTIFY: &str = "POST /api/pay/complaint-notify";
