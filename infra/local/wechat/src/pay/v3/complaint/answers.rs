//! `POST …/complaints-v2/{complaint_id}/response`, `…/complete` and `…/update-refund-progress`: what the merchant answers.
//!
//! Documentation: "Reply to the user" (回复用户), "Complete" (反馈处理完成) and "Update the refund's approval" (更新退款审批结果) of Pay v3. The
//! approval of a refund does not refund anything. All three answer 204.

use http::Method;

use super::unknown;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::complaints;
use crate::pay::ledger::complaints::{ComplaintState, ProblemType};
use crate::pay::service::PayService;
use crate::pay::v3::envelope::{self, SuccessBody, V3Request};
use crate::pay::v3::error::V3Error;
use crate::pay::v3::schema::{self, FieldSchema, integer, object, text};

const REPLY: [FieldSchema; 4] = [
    text("complainted_mchid", 64).required(),
    text("response_content", 200).required(),
    text("jump_url", 512),
    object(
        "mini_program_jump_info",
        &[text("appid", 64).required(), text("path", 1024).required(), text("text", 10).required()],
    ),
];

pub(crate) fn reply(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::handle_request(pay, request, fault, &Method::POST, |pay, request| {
        schema::check(&REPLY, &request.body)?;
        check_merchant(pay, request)?;
        if request
            .body
            .get("response_images")
            .and_then(|images| images.as_array())
            .is_some_and(|i| i.len() > 4)
        {
            return Err(V3Error::parameter("body", "/response_images", "超出取值范围"));
        }
        let text = request.text("/response_content").unwrap_or_default();
        let now = pay.now();
        let mut ledger = pay.ledger();
        let complaint = ledger.complaints.get_mut(&request.http_request.path_value).ok_or_else(unknown)?;
        complaint.reply(text, now);
        Ok(SuccessBody::NoContent)
    })
}

pub(crate) fn complete(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::handle_request(pay, request, fault, &Method::POST, |pay, request| {
        schema::check(&[text("complainted_mchid", 64).required()], &request.body)?;
        check_merchant(pay, request)?;
        let now = pay.now();
        let mut ledger = pay.ledger();
        let complaint = ledger.complaints.get_mut(&request.http_request.path_value).ok_or_else(unknown)?;
        if complaint.complete(now) { Ok(SuccessBody::NoContent) } else { Err(processed()) }
    })
}

const PROGRESS: [FieldSchema; 4] = [
    text("action", 32).required().with_format(|action| [APPROVE, REJECT].contains(&action)),
    integer("launch_refund_day", 0),
    text("reject_reason", 200),
    text("remark", 200),
];

pub(crate) fn update_refund(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::handle_request(pay, request, fault, &Method::POST, |pay, request| {
        schema::check(&PROGRESS, &request.body)?;
        let approve = request.text("/action") == Some(APPROVE);
        let missing = |field| Err(V3Error::parameter("body", field, "必填，不能为空"));
        if approve && request.body.get("launch_refund_day").is_none() {
            return missing("/launch_refund_day");
        }
        let reason = request.text("/reject_reason");
        if !approve && reason.is_none() {
            return missing("/reject_reason");
        }
        let id = &request.http_request.path_value;
        let now = pay.now();
        {
            let mut ledger = pay.ledger();
            let complaint = ledger.complaints.get_mut(id).ok_or_else(unknown)?;
            if complaint.new.problem_type != ProblemType::Refund {
                return Err(V3Error::new("INVALID_REQUEST", "该投诉单不是申请退款类型"));
            }
            if complaint.state == ComplaintState::Processed {
                return Err(processed());
            }
            complaint.decide_refund(approve, reason.unwrap_or_default(), now);
        }
        let action = if approve { "MERCHANT_APPROVE_REFUND" } else { "MERCHANT_REJECT_REFUND" };
        complaints::notify(pay, id, action);
        Ok(SuccessBody::NoContent)
    })
}

fn check_merchant(pay: &PayService, request: &V3Request<'_>) -> Result<(), V3Error> {
    if request.text("/complainted_mchid") == Some(&pay.account().mch_id) {
        Ok(())
    } else {
        Err(V3Error::new("NO_AUTH", "被诉商户号与投诉单不一致"))
    }
}

fn processed() -> V3Error {
    V3Error::new("INVALID_REQUEST", "投诉单已处理完成")
}

const APPROVE: &str = "APPROVE";
const REJECT: &str = "REJECT";
