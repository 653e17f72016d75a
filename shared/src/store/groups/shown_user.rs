//! What others may see of a user.

use serde::{Deserialize, Serialize};

use crate::{store::User, types::ObjectKey};

/// The name and the picture of a user that WeChat has given or let pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownUser {
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// The picture that the user has uploaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar_key: Option<ObjectKey>,
    /// The address of the picture that WeChat gave, of a user who has uploaded none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
}

impl ShownUser {
    /// What others may see of this user.
    #[must_use]
    pub fn of(user: &User) -> Self {
        Self {
            nickname: user.shown_name().map(str::to_owned),
            avatar_key: user.avatar_key.clone(),
            avatar_url: user.avatar_url.clone().filter(|_| user.avatar_key.is_none()),
        }
    }
}
