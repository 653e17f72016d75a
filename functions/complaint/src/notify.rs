//! `POST /api/pay/complaint-notify`: WeChat Pay's notice that a complaint was made or has changed. `PUT
//! /api/admin/complaint-notifications`: notices come here from now on.
//!
//! WeChat Pay: 投诉通知回调. A notice says only which complaint it is about, so the complaint is fetched. Success is answered only after
//! that is recorded, because it makes WeChat Pay stop delivering the notice.

use serde::Serialize;
use shared::{
    api::{ApiError, Code, request, response},
    pay::{ApiVersion, Notice, NoticeError},
    runtime::{Body, Request, Response},
    telemetry,
};

use crate::{ComplaintFunction, for_operator};

#[derive(Serialize)]
struct UrlAnswer {
    url: String,
}

impl ComplaintFunction {
    pub(crate) async fn take_notice(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let bytes = request::bytes(request);
        let Notice::Complaint(notice) = self.receiver.receive(request.headers(), bytes).await? else {
            return Err(NoticeError::Field("event_type").into());
        };
        let id = notice.complaint_id();
        if self.complaints.fetch(id).await?.is_none() {
            // WeChat Pay has told of it and does not know it yet. It delivers the notice again.
            telemetry::unusual_event("complaint-unknown", id);
            return Err(Code::UpstreamBusy.into());
        }
        Ok(ApiVersion::V3.acknowledge_notice())
    }

    pub(crate) async fn set_url(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let base_url = request::base_url(&self.host, request).ok_or(Code::Internal)?;
        let url = format!("{base_url}/api/pay/complaint-notify");
        self.complaints.pay.set_complaint_url(&url).await.map_err(for_operator)?;
        Ok(response::success(&UrlAnswer { url }))
    }
}
