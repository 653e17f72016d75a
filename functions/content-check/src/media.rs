//! The body of a media check: an upload of the caller's own, of the right kind. An address of the caller's choice is never taken.

use serde::Deserialize;
use shared::{
    api::{ApiError, Code, request},
    types::{BucketFolder, Caller, ObjectKey},
    wechat::{CheckScene, MediaKind},
};

use crate::scene;

/// As the phone sends it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MediaBody {
    object_key: Option<String>,
    media_type: Option<String>,
    scene: Option<u64>,
}

/// An upload that WeChat can judge.
pub(crate) struct UploadToCheck {
    pub(crate) object_key: ObjectKey,
    pub(crate) scene: CheckScene,
}

impl MediaBody {
    /// # Errors
    /// `INVALID_INPUT` names the field that is wrong; `NOT_FOUND`: the upload is another user's.
    pub(crate) fn validate(self, caller: &Caller) -> Result<UploadToCheck, ApiError> {
        let object_key = request::required("objectKey", self.object_key)?;
        let object_key = ObjectKey::parse(&object_key)
            .ok()
            .filter(|key| key.folder() == BucketFolder::Incoming)
            .ok_or_else(|| ApiError::invalid("objectKey", "须为上传时得到的 objectKey"))?;
        let media_type = request::required("mediaType", self.media_type)?;
        let kind = MediaKind::parse(&media_type)
            .ok_or_else(|| ApiError::invalid("mediaType", "须为 image 或 audio"))?;
        let scene = scene::parse(self.scene)?;
        if object_key.owner() != &caller.user_id {
            return Err(Code::NotFound.into());
        }
        if MediaKind::of(object_key.kind()) != kind {
            return Err(ApiError::invalid("mediaType", "与上传的文件不符"));
        }
        Ok(UploadToCheck { object_key, scene })
    }
}
