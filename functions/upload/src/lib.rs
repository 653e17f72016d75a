//! `POST /api/uploads`: gives a form with which `wx.uploadFile` puts one file straight into the bucket.
//!
//! Nothing large passes a function. We choose the key; S3 holds the phone to key, media type and size, and takes the form for five
//! minutes. What nobody uses is gone after a day.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/api/network/upload/wx.uploadFile.html>

use serde::{Deserialize, Serialize};
use shared::{
    api::{ApiError, Code, RateLimit, request, response},
    host::{Host, HostError, PostForm, UploadsBucket},
    runtime::{Body, Function, Request, Response},
    service::SessionTokens,
    types::{MediaType, ObjectKey, UploadKind},
};

/// Gives forms for uploads.
pub struct UploadFunction {
    host: Host,
    bucket: UploadsBucket,
    rate_limit: RateLimit,
    sessions: SessionTokens,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UploadBody {
    kind: Option<String>,
    content_type: Option<String>,
    size: Option<u64>,
}

/// What the phone wants to upload.
struct UploadRequest {
    kind: UploadKind,
    media_type: MediaType,
    size: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UploadAnswer<'a> {
    #[serde(flatten)]
    form: PostForm,
    object_key: &'a str,
    /// In seconds.
    expires_in: u64,
}

impl Function for UploadFunction {
    const NAME: &'static str = "upload";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            bucket: UploadsBucket::new(host)?,
            rate_limit: RateLimit::per_minute(FORMS_PER_MINUTE),
            sessions: SessionTokens::new(host)?,
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        match request::route(&request) {
            "POST /api/uploads" => self.give_form(&request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}

impl UploadFunction {
    async fn give_form(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        let UploadRequest { kind, media_type, size } = parse(request::json(request)?)?;
        self.rate_limit.count(&caller.user_id, self.host.now())?;
        let key = ObjectKey::new(kind, media_type, &caller.user_id, self.host.random()?);
        let form = self.bucket.post_form(&key, media_type, size);
        let expires_in = UploadsBucket::FORM_LIFETIME.as_secs();
        Ok(response::success(&UploadAnswer { form, object_key: key.as_str(), expires_in }))
    }
}

/// A user who takes forms in a loop must not fill the bucket, whose objects are kept for a day.
const FORMS_PER_MINUTE: u32 = 30;

fn parse(body: UploadBody) -> Result<UploadRequest, ApiError> {
    let kind = request::required("kind", body.kind)?;
    let kind =
        UploadKind::parse(&kind).ok_or_else(|| ApiError::invalid("kind", "须为 avatar、image 或 audio"))?;
    let content_type = request::required("contentType", body.content_type)?;
    let media_type = kind
        .media_type(&content_type)
        .ok_or_else(|| ApiError::invalid("contentType", &format!("须为 {}", names(kind.media_types()))))?;
    let size = request::required("size", body.size)?;
    if !(1..=kind.max_bytes()).contains(&size) {
        let megabytes = kind.max_bytes() / (1024 * 1024);
        return Err(ApiError::invalid("size", &format!("须为 1 字节到 {megabytes} MB")));
    }
    Ok(UploadRequest { kind, media_type, size })
}

fn names(media_types: &[MediaType]) -> String {
    media_types.iter().map(|media_type| media_type.name()).collect::<Vec<_>>().join("、")
}
