//! `POST /cgi-bin/media/upload` and `GET /cgi-bin/media/get`: pictures for messages.
//!
//! Documentation: "Upload temporary media" (新增图片素材) and "Get temporary media" (获取客服消息内的临时素材). A success of the upload has no
//! errcode, and a success of the download is the picture itself.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/kf-mgnt/kf-message/uploadTempMedia.html>

use http::StatusCode;
use serde_json::{Value, json};

use super::multipart;
use super::service::CustomerService;
use crate::base::access;
use crate::base::platform::{Errcode, INVALID_MEDIA_ID, error_response, json_response};
use crate::base::tokens::access_tokens::TokenOwner;
use crate::core::clock::SECOND;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;

/// The query and the size of the body, for the log.
pub(super) fn upload_summary(request: &ApiRequest) -> Value {
    let query = request.query.iter().map(|(name, value)| (name.clone(), Value::from(value.clone())));
    Value::from_iter(query.chain([("bytes".to_owned(), Value::from(request.body.len()))]))
}

pub(super) fn handle_upload(
    customer: &CustomerService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::check_post(&customer.base.tokens, request, fault, TokenOwner::MiniProgram)
        .and_then(|()| upload(customer, request))
        .map_or_else(|error| error_response(&customer.base.context, error), |answer| json_response(&answer))
}

fn upload(customer: &CustomerService, request: &ApiRequest) -> Result<Value, Errcode> {
    if request.query("type") != Some("image") {
        return Err(INVALID_MEDIA_TYPE);
    }
    let media =
        multipart::file(request.header("content-type"), &request.body, "media").ok_or(MEDIA_MISSING)?;
    if media.len() > MAX_SIZE {
        return Err(TOO_BIG);
    }
    let now = customer.base.now();
    let media_id = customer.state().media.put(media, now).ok_or(INVALID_MEDIA_TYPE)?;
    Ok(json!({"type": "image", "media_id": media_id, "created_at": now / SECOND}))
}

pub(super) fn handle_get(
    customer: &CustomerService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    let checked = access::check_get(&customer.base.tokens, request, fault, TokenOwner::MiniProgram);
    let now = customer.base.now();
    let media_id = request.query("media_id").unwrap_or_default();
    let media =
        checked.and_then(|()| customer.state().media.get(media_id, now).cloned().ok_or(INVALID_MEDIA_ID));
    match media {
        Ok(media) => ApiResponse {
            status: StatusCode::OK,
            content_type: media.content_type,
            headers: vec![("content-disposition", format!("attachment; filename=\"{media_id}\""))],
            body: media.bytes,
            outcome: "ok".to_owned(),
        },
        Err(error) => error_response(&customer.base.context, error),
    }
}

/// The largest picture in bytes.
const MAX_SIZE: usize = 10 * 1024 * 1024;

const INVALID_MEDIA_TYPE: Errcode = Errcode::new(40004, "invalid media type");
const TOO_BIG: Errcode = Errcode::new(40009, "invalid image size");
const MEDIA_MISSING: Errcode = Errcode::new(41005, "media data missing");
