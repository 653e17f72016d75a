//! A user as the user sees themselves, and as operators see them.

use serde::Serialize;
use shared::{
    host::UploadsBucket,
    store::{Role, User},
    types::UserId,
};

use crate::UserFunction;

/// The answer to the user.
#[derive(Serialize)]
pub(crate) struct OwnAnswer {
    user: UserView,
    /// What others do not see yet, because WeChat has not let it pass.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pending: Vec<&'static str>,
}

/// A user's record.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserView {
    user_id: UserId,
    role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    nick_name: Option<String>,
    /// An address of an uploaded picture can be used for [`UploadsBucket::MAX_URL_LIFETIME`].
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<String>,
    /// The phone number with its middle digits masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<String>,
}

impl UserFunction {
    /// The record with what the user chose, also what others do not see yet.
    pub(crate) fn own_answer(&self, user: &User) -> OwnAnswer {
        let uploaded =
            user.own_avatar().map(|key| self.bucket.presigned_get(key, UploadsBucket::MAX_URL_LIFETIME));
        let pending = [("nickName", user.pending_name.is_some()), ("avatar", user.pending_avatar.is_some())];
        OwnAnswer {
            user: UserView {
                nick_name: user.own_name().map(str::to_owned),
                avatar_url: uploaded.or_else(|| user.avatar_url.clone()),
                ..UserView::shown(user)
            },
            pending: pending
                .into_iter()
                .filter_map(|(name, is_pending)| is_pending.then_some(name))
                .collect(),
        }
    }
}

impl UserView {
    /// The record as others see it, without an uploaded picture.
    pub(crate) fn shown(user: &User) -> Self {
        Self {
            user_id: user.user_id.clone(),
            role: user.role,
            nick_name: user.shown_name().map(str::to_owned),
            avatar_url: user.avatar_url.clone(),
            phone_number: user.phone.as_ref().map(|phone| phone.pure_phone_number.masked()),
        }
    }
}
