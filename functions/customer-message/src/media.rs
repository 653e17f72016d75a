//! `POST /api/admin/media`, `GET /api/admin/media/{mediaId}`: pictures that WeChat keeps for three days.

use http::StatusCode;
use serde::Serialize;
use shared::{
    api::{ApiError, Code, request, response},
    crypto,
    host::RetryPolicy,
    runtime::{Body, Request, Response},
    service::PlatformError,
    types::MediaId,
    wechat::{
        UploadFile,
        media::{self, UploadedMedia},
    },
};

use crate::CustomerMessageFunction;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UploadAnswer {
    media_id: MediaId,
    expires_at: String,
}

impl CustomerMessageFunction {
    pub(crate) async fn upload_media(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let bytes = request::bytes(request);
        if bytes.len() > MAX_PICTURE {
            return Err(Code::PayloadTooLarge.into());
        }
        let content_type = media::picture_type(bytes)
            .ok_or_else(|| ApiError::invalid("body", "须为 JPEG、PNG、GIF 或 BMP 图片"))?;
        let boundary = crypto::hex(&self.host.random::<16>()?);
        let filename = format!("picture.{}", content_type.trim_start_matches("image/"));
        let file = UploadFile { filename: &filename, content_type, bytes, boundary: &boundary };
        // A picture that was uploaded twice is dropped after three days, so the call may be repeated.
        let answer = self
            .sender
            .platform()
            .upload(media::UPLOAD, &[("type", "image")], &file, RetryPolicy::AnyFailureOneRetry)
            .await
            .map_err(map_upload_error)?;
        let UploadedMedia { media_id, expires_at } = UploadedMedia::read(&answer, self.host.now())
            .ok_or_else(|| ApiError::new(Code::Internal).with_cause("the answer names no media_id"))?;
        Ok(response::success(&UploadAnswer { media_id, expires_at: expires_at.to_rfc3339() }))
    }

    pub(crate) async fn download_media(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let media_id = MediaId::parse(&request::path(request, "mediaId")?).map_err(|_| Code::NotFound)?;
        let query = [("media_id", media_id.as_str())];
        let picture = self.sender.platform().get_for_bytes(media::DOWNLOAD, &query, media::is_picture).await;
        let picture = picture.map_err(|error| match error.errcode() {
            Some(40007 | 46001) => ApiError::new(Code::NotFound).with_cause(error),
            _ => error.for_operator(),
        })?;
        if picture.len() > MAX_PICTURE {
            return Err(Code::PayloadTooLarge.into());
        }
        let content_type = media::picture_type(&picture).ok_or(Code::UpstreamBusy)?;
        Ok(response::with_content_type(StatusCode::OK, content_type, picture))
    }
}

fn map_upload_error(error: PlatformError) -> ApiError {
    let answer = match error.errcode() {
        Some(40004) => ApiError::invalid("body", "不是微信接受的图片"),
        Some(40009) => Code::PayloadTooLarge.into(),
        _ => return error.for_operator(),
    };
    answer.with_cause(error)
}

/// The largest picture in bytes: Lambda takes and returns 6 MB, and a picture grows by a third in Base64.
const MAX_PICTURE: usize = 4 * 1024 * 1024;
