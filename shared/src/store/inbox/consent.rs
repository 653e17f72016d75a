//! What a withdrawn consent changes: the personal data that the user gave are removed, and the push is finished, in one transaction.
//!
//! WeChat: `user_authorization_revoke`. WeChat does not publish all numbers of `RevokeInfo`, so whatever it names, the phone number, the name,
//! the picture and the steps go. What the user gave again after the withdrawal stays, because a push can come late. Orders stay, because the
//! shop must account for them.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem, Update};
use serde::Deserialize;

use crate::{
    host::{Host, HostError, UploadsBucket, dynamodb::Client},
    store::{
        Groups, RankProfile, ShownUser, StoreError,
        item::{self, Item, TransactionCancelled},
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

/// What a user gave, and when; a time is `None` if nothing was given, or before such times were stored.
#[derive(Default, Deserialize)]
struct GivenAt {
    /// Absent if there is no such user, or the user was erased.
    created_at: Option<UnixSeconds>,
    phone_given_at: Option<UnixSeconds>,
    profile_given_at: Option<UnixSeconds>,
    chosen_name: Option<String>,
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
    /// [`StoreError`]; `is_transient()` says whether to retry. Pictures and what groups show may be removed already, or everything is and the
    /// answer was lost. The call can be repeated.
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

    /// The removals of what the user gave by `until`. What no transaction can remove goes at once: pictures, and what groups show.
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
        let (phone_goes, profile_goes) = (goes(user.phone_given_at), goes(user.profile_given_at));
        let steps_go = steps.as_ref().is_none_or(|steps| goes(steps.given_at));
        // Pictures and copies before the push is finished, because nothing else would find them afterwards.
        if profile_goes {
            self.delete_pictures(&user).await?;
        }
        let removal = |profile: &mut RankProfile| {
            let shown = profile_goes && profile.set_shown(&ShownUser::default());
            let steps = steps_go && profile.remove_steps();
            shown || steps
        };
        self.groups.change_profile(user_id, None, removal).await?;
        let mut parts = Vec::new();
        if user.created_at.is_some() {
            parts.extend(self.clear_user(user_id, &user, phone_goes, profile_goes)?);
        }
        if let Some(steps) = steps.filter(|_| steps_go) {
            parts.push(self.delete_steps(user_id, &steps)?);
        }
        Ok(parts)
    }

    async fn delete_pictures(&self, user: &GivenAt) -> Result<(), StoreError> {
        let pending = user.pending_avatar.as_ref().map(|pending| &pending.object_key);
        for key in user.avatar_key.iter().chain(pending) {
            self.bucket.delete(key).await.map_err(|error| StoreError::new(WITHDRAWING, error))?;
        }
        Ok(())
    }

    /// The removal from the user's record, if it is as it was read: a picture or name that came since has objects or copies of its own.
    fn clear_user(
        &self,
        user_id: &UserId,
        seen: &GivenAt,
        phone: bool,
        profile: bool,
    ) -> Result<Option<TransactWriteItem>, StoreError> {
        let mut names = Vec::new();
        let mut unchanged = Unchanged::default();
        if phone {
            names.extend(["phone", "phone_given_at"]);
            unchanged.add("phone_given_at", seen.phone_given_at.map(|at| item::n(at.get())));
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
            let pending = seen.pending_avatar.as_ref().map(|pending| item::s(&pending.trace_id));
            unchanged.add("profile_given_at", seen.profile_given_at.map(|at| item::n(at.get())));
            unchanged.add("chosen_name", seen.chosen_name.as_ref().map(item::s));
            unchanged.add("avatar_key", seen.avatar_key.as_ref().map(|key| item::s(key.as_str())));
            unchanged.add("pending_avatar.trace_id", pending);
        }
        if names.is_empty() {
            return Ok(None);
        }
        let update = Update::builder()
            .table_name(&self.users)
            .key("id", item::s(user_id.as_str()))
            .update_expression(format!("REMOVE {}", names.join(", ")))
            .condition_expression(format!("attribute_exists(created_at) AND {}", unchanged.condition()))
            .set_expression_attribute_values(unchanged.values())
            .build()
            .map_err(|error| StoreError::new(WITHDRAWING, error))?;
        Ok(Some(TransactWriteItem::builder().update(update).build()))
    }

    fn delete_steps(&self, user_id: &UserId, seen: &StepsGivenAt) -> Result<TransactWriteItem, StoreError> {
        let mut unchanged = Unchanged::default();
        unchanged.add("given_at", seen.given_at.map(|at| item::n(at.get())));
        let delete = Delete::builder()
            .table_name(&self.steps)
            .key("user_id", item::s(user_id.as_str()))
            .condition_expression(unchanged.condition())
            .set_expression_attribute_values(unchanged.values())
            .build()
            .map_err(|error| StoreError::new(WITHDRAWING, error))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}

/// The condition that attributes are as they were read.
#[derive(Default)]
struct Unchanged {
    conditions: Vec<String>,
    values: Item,
}

impl Unchanged {
    fn add(&mut self, path: &str, seen: Option<AttributeValue>) {
        let name = format!(":seen{}", self.conditions.len());
        self.conditions.push(match &seen {
            Some(_) => format!("{path} = {name}"),
            None => format!("attribute_not_exists({path})"),
        });
        self.values.extend(seen.map(|seen| (name, seen)));
    }

    fn condition(&self) -> String {
        self.conditions.join(" AND ")
    }

    fn values(self) -> Option<Item> {
        Some(self.values).filter(|values| !values.is_empty())
    }
}

/// How far WeChat's clock and ours may be apart.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(60);
const WITHDRAWING: &str = "removing what a user gave";
