//! What a withdrawn consent changes: the personal data that the user gave are removed, and the push is finished, in one transaction.
//!
//! WeChat: `user_authorization_revoke`. WeChat does not publish all numbers of `RevokeInfo`, so whatever it names, the phone number, the name,
//! the picture and the steps go. What the user gave again after the withdrawal stays, because a push can come late. Orders stay, because the
//! shop must account for them.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    types::{Delete, TransactWriteItem, Update},
};
use serde::Deserialize;

use crate::{
    host::{Host, HostError, UploadsBucket},
    store::{
        Groups, RankProfile, ShownUser, StoreError,
        item::{self, TransactionCancelled},
        sessions,
        users::PendingAvatar,
    },
    types::{ObjectKey, OpenId, UnixSeconds, UserId},
};

/// The inbox, and the tables and the bucket with what users gave.
pub struct ConsentInbox {
    client: Client,
    inbox: String,
    sessions: String,
    users: String,
    steps: String,
    bucket: UploadsBucket,
    groups: Groups,
    host: Host,
}

/// When a user gave what; a time is `None` if nothing was given, or before such times were stored.
#[derive(Default, Deserialize)]
struct GivenAt {
    /// Absent if there is no such user, or the user was erased.
    created_at: Option<UnixSeconds>,
    phone_given_at: Option<UnixSeconds>,
    profile_given_at: Option<UnixSeconds>,
    avatar_key: Option<ObjectKey>,
    pending_avatar: Option<PendingAvatar>,
}

#[derive(Default, Deserialize)]
struct StepsGivenAt {
    given_at: Option<UnixSeconds>,
}

impl ConsentInbox {
    /// Reads `INBOX_TABLE`, `SESSIONS_TABLE`, `STEPS_TABLE` and `USERS_TABLE`. [`UploadsBucket::new`] and [`Groups::new`] read the other variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            inbox: host.var("INBOX_TABLE")?.to_owned(),
            sessions: host.var("SESSIONS_TABLE")?.to_owned(),
            users: host.var("USERS_TABLE")?.to_owned(),
            steps: host.var("STEPS_TABLE")?.to_owned(),
            bucket: UploadsBucket::new(host)?,
            groups: Groups::new(host)?,
            host: host.clone(),
        })
    }

    /// Removes the phone number, name, pictures and steps that the user with this openid gave before `withdrawn_at`, and finishes the push.
    /// Does nothing if the push was finished before.
    ///
    /// Condition: the push is pending, and nothing of what goes was given anew since its time was read. Otherwise the times are read again.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. Either nothing has changed, or everything has and the answer was lost. The
    /// call can be repeated.
    pub async fn withdraw(
        &self,
        push_id: &str,
        openid: &OpenId,
        withdrawn_at: UnixSeconds,
    ) -> Result<(), StoreError> {
        let session = sessions::get(&self.client, &self.sessions, openid).await?;
        let user_id = session.map(|session| session.user_id);
        // WeChat's clock and ours may differ, and what was given with the consent that ended must not stay.
        let until = withdrawn_at.plus(CLOCK_DIFFERENCE);
        for _ in 0..item::MAX_ATTEMPTS {
            let mut parts = vec![super::finish_part(&self.host, &self.inbox, push_id)?];
            if let Some(user_id) = &user_id {
                parts.extend(self.removals(user_id, until).await?);
            }
            let request = self.client.transact_write_items().set_transact_items(Some(parts));
            let Err(error) = request.send().await else { return Ok(()) };
            match item::cancellation(WITHDRAWING, error)? {
                TransactionCancelled::Conflict => item::sleep_jittered(&self.host).await,
                TransactionCancelled::ConditionsFailed(reasons) => {
                    if item::failed_condition(&reasons, 0).is_some() {
                        return Ok(());
                    }
                }
            }
        }
        Err(StoreError::contended(WITHDRAWING))
    }

    /// The removals of what the user gave by `until`. Makes one request.
    async fn removals(
        &self,
        user_id: &UserId,
        until: UnixSeconds,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let user = (self.users.as_str(), "id", user_id.as_str());
        let steps = (self.steps.as_str(), "user_id", user_id.as_str());
        let (user, steps) = item::get_both(&self.client, &self.host, WITHDRAWING, user, steps).await?;
        let user: GivenAt = item::read(user.unwrap_or_default())?;
        let steps = steps.map(item::read::<StepsGivenAt>).transpose()?;
        let goes = |given_at: Option<UnixSeconds>| given_at.is_none_or(|given_at| given_at <= until);
        let mut parts = Vec::new();
        if user.created_at.is_some() {
            let (phone, profile) = (goes(user.phone_given_at), goes(user.profile_given_at));
            if profile {
                // Before the record forgets them, because nothing else would find them.
                self.delete_pictures(user.avatar_key, user.pending_avatar).await?;
            }
            parts.extend(self.clear_user(user_id, phone, profile, until)?);
        }
        let (profile_goes, steps_go) =
            (goes(user.profile_given_at), steps.as_ref().is_none_or(|steps| goes(steps.given_at)));
        // Before the push is finished, because nothing else would remove them.
        let removal = |profile: &mut RankProfile| {
            let shown = profile_goes && profile.set_shown(&ShownUser::default());
            let steps = steps_go && profile.remove_steps();
            shown || steps
        };
        self.groups.change_profile(user_id, None, removal).await?;
        if steps.is_some_and(|steps| goes(steps.given_at)) {
            parts.push(self.delete_steps(user_id, until)?);
        }
        Ok(parts)
    }

    async fn delete_pictures(
        &self,
        shown: Option<ObjectKey>,
        pending: Option<PendingAvatar>,
    ) -> Result<(), StoreError> {
        for key in shown.into_iter().chain(pending.map(|pending| pending.object_key)) {
            self.bucket.delete(&key).await.map_err(|error| StoreError::new(WITHDRAWING, error))?;
        }
        Ok(())
    }

    fn clear_user(
        &self,
        user_id: &UserId,
        phone: bool,
        profile: bool,
        until: UnixSeconds,
    ) -> Result<Option<TransactWriteItem>, StoreError> {
        let mut names = Vec::new();
        let mut conditions = vec!["attribute_exists(created_at)".to_owned()];
        if phone {
            names.extend(["phone", "phone_given_at"]);
            conditions.push(given_by_until("phone_given_at"));
        }
        if profile {
            names.extend([
                "nick_name",
                "avatar_url",
                "chosen_name",
                "pending_name",
                "avatar_key",
                "pending_avatar",
                "profile_given_at",
            ]);
            conditions.push(given_by_until("profile_given_at"));
        }
        if names.is_empty() {
            return Ok(None);
        }
        let update = Update::builder()
            .table_name(&self.users)
            .key("id", item::s(user_id.as_str()))
            .update_expression(format!("REMOVE {}", names.join(", ")))
            .condition_expression(conditions.join(" AND "))
            .expression_attribute_values(":until", item::n(until.get()))
            .build()
            .map_err(|error| StoreError::new(WITHDRAWING, error))?;
        Ok(Some(TransactWriteItem::builder().update(update).build()))
    }

    fn delete_steps(&self, user_id: &UserId, until: UnixSeconds) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.steps)
            .key("user_id", item::s(user_id.as_str()))
            .condition_expression(given_by_until("given_at"))
            .expression_attribute_values(":until", item::n(until.get()))
            .build()
            .map_err(|error| StoreError::new(WITHDRAWING, error))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}

/// The condition that what this attribute is the time of was not given after `:until`.
fn given_by_until(name: &str) -> String {
    format!("(attribute_not_exists({name}) OR {name} <= :until)")
}

/// How far WeChat's clock and ours may be apart.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(60);
const WITHDRAWING: &str = "removing what a user gave";
