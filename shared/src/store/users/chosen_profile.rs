//! The name and the picture that a user chose, which others see only if WeChat let them pass.

use super::{User, Users};
use crate::{
    store::{StoreError, item},
    types::{ObjectKey, UserId},
};

/// A name that a user chose, by WeChat's verdict. A name that must not be shown is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChosenName {
    /// Others may see it.
    Passed(String),
    /// Others still see the name of before, because WeChat did not let this one pass.
    Pending(String),
}

impl User {
    /// The name that others see.
    #[must_use]
    pub fn shown_name(&self) -> Option<&str> {
        self.chosen_name.as_deref().or(self.nick_name.as_deref())
    }

    /// The name that the user sees.
    #[must_use]
    pub fn own_name(&self) -> Option<&str> {
        self.pending_name.as_deref().or_else(|| self.shown_name())
    }

    /// The picture that the user sees, of those that the user has uploaded.
    #[must_use]
    pub fn own_avatar(&self) -> Option<&ObjectKey> {
        self.pending_avatar.as_ref().map(|pending| &pending.object_key).or(self.avatar_key.as_ref())
    }
}

impl Users {
    /// Stores the name; the user as it is now. `None` if there is no such user.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn set_name(&self, user_id: &UserId, name: &ChosenName) -> Result<Option<User>, StoreError> {
        // `profile_given_at` tells a consent that was withdrawn before from one that was withdrawn after.
        let (expression, name) = match name {
            ChosenName::Passed(name) => {
                ("SET chosen_name = :name, profile_given_at = :now REMOVE pending_name", name)
            }
            ChosenName::Pending(name) => ("SET pending_name = :name, profile_given_at = :now", name),
        };
        let now = item::n(self.host.now().get());
        let values = [(":name".to_owned(), item::s(name)), (":now".to_owned(), now)].into();
        self.update(user_id, expression, None, values).await
    }
}
