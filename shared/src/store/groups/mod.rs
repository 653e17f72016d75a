//! `RANK_PROFILES_TABLE` and `GROUPS_TABLE`: who is a member of which group, and what the members of a group see of each other.
//!
//! A user has one profile (key `user_id`): name, picture, steps, best scores, and the groups the user is in. A group (key `group_id`, `user_id`) has a
//! copy of the profile of each member, so that a ranking is one query whatever the number of members, and reads no other table. Every
//! change writes the profile and all its copies in one transaction, on the condition that the profile's `version` is still the one that
//! was read. So a copy is never older than its profile, and no change can be lost between two writers.
//!
//! A membership ends 90 days after the user has last entered from the group. Its row then expires, and is not shown any more before that.

mod member;
mod profile;
mod shown_user;

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};

use super::{
    CallerError, Session, Steps, StoreError, User,
    item::{self, TransactionCancelled},
    sessions,
    steps::StepHistory,
    users,
};
use crate::{
    host::{Host, HostError, dynamodb::Client},
    types::{Board, BoardId, Caller, UserId},
};

pub use member::{DatedSteps, GroupMember, GroupMembers};
pub use profile::{JoinOutcome, MEMBERSHIP, RankProfile, ScoreOutcome};
pub use shown_user::ShownUser;

/// The tables of profiles and groups.
pub struct Groups {
    client: Client,
    host: Host,
    groups: String,
    profiles: String,
}

/// What is known of a user who enters a group.
pub struct Entrant {
    /// The session; `None` if the openid never logged in.
    pub session: Option<Session>,
    /// The user's record.
    pub user: Option<User>,
    /// The profile; `None` if the user was never in a group.
    pub profile: Option<RankProfile>,
    /// The user's steps.
    pub steps: StepHistory,
}

/// The tables that are read when a user enters a group.
pub struct EntryTables {
    sessions: String,
    steps: String,
    users: String,
}

/// What is known of a user who sends a score.
pub struct Player {
    /// The board; `None` if no operator has defined it.
    pub board: Option<Board>,
    /// The user's record.
    pub user: Option<User>,
    /// The profile; `None` if the user was never in a group and has no score.
    pub profile: Option<RankProfile>,
}

/// The tables that are read when a user sends a score.
pub struct ScoreTables {
    boards: String,
    sessions: String,
    users: String,
}

impl ScoreTables {
    /// Reads `BOARDS_TABLE`, `SESSIONS_TABLE` and `USERS_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            boards: host.var("BOARDS_TABLE")?.to_owned(),
            sessions: host.var("SESSIONS_TABLE")?.to_owned(),
            users: host.var("USERS_TABLE")?.to_owned(),
        })
    }
}

impl EntryTables {
    /// Reads `SESSIONS_TABLE`, `STEPS_TABLE` and `USERS_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            sessions: host.var("SESSIONS_TABLE")?.to_owned(),
            steps: host.var("STEPS_TABLE")?.to_owned(),
            users: host.var("USERS_TABLE")?.to_owned(),
        })
    }
}

impl Groups {
    /// Reads `GROUPS_TABLE` and `RANK_PROFILES_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            host: host.clone(),
            groups: host.var("GROUPS_TABLE")?.to_owned(),
            profiles: host.var("RANK_PROFILES_TABLE")?.to_owned(),
        })
    }

    /// What is known of the caller, in one request.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn get_entrant(&self, tables: &EntryTables, caller: &Caller) -> Result<Entrant, StoreError> {
        let user_id = caller.user_id.as_str();
        let keys = [
            (tables.sessions.as_str(), "openid", caller.openid.as_str()),
            (tables.users.as_str(), "id", user_id),
            (self.profiles.as_str(), "user_id", user_id),
            (tables.steps.as_str(), "user_id", user_id),
        ];
        let [session, user, profile, steps] = item::get_each(&self.client, &self.host, READING, keys).await?;
        Ok(Entrant {
            session: session.map(item::read).transpose()?,
            user: users::read(user)?,
            profile: profile.map(item::read).transpose()?,
            steps: steps.map(item::read).transpose()?.unwrap_or_default(),
        })
    }

    /// What is known of the caller and the board, in one request.
    ///
    /// # Errors
    /// [`CallerError`]: the caller's session does not honour the token, or DynamoDB failed; `is_transient()` of its [`StoreError`] says
    /// whether to retry.
    pub async fn get_player(
        &self,
        tables: &ScoreTables,
        caller: &Caller,
        board: &BoardId,
    ) -> Result<Player, CallerError> {
        let user_id = &caller.user_id;
        let keys = [
            sessions::key(&tables.sessions, caller),
            (tables.boards.as_str(), "board", board.as_str()),
            (tables.users.as_str(), "id", user_id.as_str()),
            (self.profiles.as_str(), "user_id", user_id.as_str()),
        ];
        let [session, board, user, profile] = item::get_each(&self.client, &self.host, READING, keys).await?;
        sessions::honoured(session.map(item::read).transpose()?.as_ref(), caller)?;
        Ok(Player {
            board: board.map(item::read).transpose()?,
            user: users::read(user)?,
            profile: profile.map(item::read).transpose()?,
        })
    }

    /// The caller's session, steps and profile, in one request.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn get_with_steps(
        &self,
        steps: &Steps,
        caller: &Caller,
    ) -> Result<(Option<Session>, StepHistory, Option<RankProfile>), StoreError> {
        let [session, kept] = steps.keys(caller);
        let profile = (self.profiles.as_str(), "user_id", caller.user_id.as_str());
        let keys = [session, kept, profile];
        let [session, kept, profile] = item::get_each(&self.client, &self.host, READING, keys).await?;
        Ok((
            session.map(item::read).transpose()?,
            kept.map(item::read).transpose()?.unwrap_or_default(),
            profile.map(item::read).transpose()?,
        ))
    }

    /// The user's profile; `None` if the user was never in a group.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn get_profile(&self, user_id: &UserId) -> Result<Option<RankProfile>, StoreError> {
        let key = (self.profiles.as_str(), "user_id", user_id.as_str());
        let [profile] = item::get_each(&self.client, &self.host, READING, [key]).await?;
        profile.map(item::read).transpose()
    }

    /// Changes the user's profile and its copy in every group. `change` gets the profile as it is now, and says whether it changed it;
    /// if not, nothing is written. Does nothing for a user without a profile.
    ///
    /// `read` is the profile if the caller has read it already.
    ///
    /// Condition: nobody has changed the profile since it was read. Otherwise it is read and changed again.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn change_profile(
        &self,
        user_id: &UserId,
        read: Option<RankProfile>,
        change: impl Fn(&mut RankProfile) -> bool,
    ) -> Result<(), StoreError> {
        let mut read = match read {
            Some(profile) => Some(profile),
            None => self.get_profile(user_id).await?,
        };
        for _ in 0..item::MAX_ATTEMPTS {
            let Some(mut profile) = read else { return Ok(()) };
            if !change(&mut profile) || self.save(&mut profile).await? {
                return Ok(());
            }
            read = self.get_profile(user_id).await?;
        }
        Err(StoreError::contended(SAVING))
    }

    /// Stores the profile and its copies. False if another writer was quicker, and nothing was written.
    ///
    /// Condition: the stored version is that of `profile`; for version 0 there is none.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn save(&self, profile: &mut RankProfile) -> Result<bool, StoreError> {
        let now = self.host.now();
        let read = profile.next_version(now);
        let put = Put::builder()
            .table_name(&self.profiles)
            .set_item(Some(item::write(&*profile)?))
            .condition_expression("attribute_not_exists(user_id) AND :read = :none OR version = :read")
            .expression_attribute_values(":read", item::n(read))
            .expression_attribute_values(":none", item::n(0_u64))
            .build()
            .map_err(|error| StoreError::new(SAVING, error))?;
        let mut parts = vec![TransactWriteItem::builder().put(put).build()];
        for member in profile.copies(now) {
            let put = Put::builder()
                .table_name(&self.groups)
                .set_item(Some(item::write(&member)?))
                .build()
                .map_err(|error| StoreError::new(SAVING, error))?;
            parts.push(TransactWriteItem::builder().put(put).build());
        }
        self.write(parts).await
    }

    /// Removes the user's profile and all its copies, for a person who is erased. Does nothing if there is no profile.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. Either nothing is removed, or everything is and the answer was lost. The
    /// call can be repeated.
    pub async fn erase(&self, user_id: &UserId) -> Result<(), StoreError> {
        for _ in 0..item::MAX_ATTEMPTS {
            let Some(profile) = self.get_profile(user_id).await? else { return Ok(()) };
            let own = Delete::builder()
                .table_name(&self.profiles)
                .key("user_id", item::s(user_id))
                .condition_expression("version = :read")
                .expression_attribute_values(":read", item::n(profile.version()));
            let copies = profile.group_ids().map(|group_id| {
                let copy = Delete::builder().table_name(&self.groups);
                copy.key("group_id", item::s(group_id)).key("user_id", item::s(user_id))
            });
            let parts = std::iter::once(own).chain(copies).map(|delete| {
                let delete = delete.build().map_err(|error| StoreError::new(ERASING, error))?;
                Ok(TransactWriteItem::builder().delete(delete).build())
            });
            if self.write(parts.collect::<Result<_, StoreError>>()?).await? {
                return Ok(());
            }
        }
        Err(StoreError::contended(ERASING))
    }

    /// False if the condition on the profile failed.
    async fn write(&self, parts: Vec<TransactWriteItem>) -> Result<bool, StoreError> {
        for _ in 0..item::MAX_ATTEMPTS {
            let request = self.client.transact_write_items().set_transact_items(Some(parts.clone()));
            let Err(error) = request.send().await else { return Ok(true) };
            match item::cancellation(SAVING, error)? {
                TransactionCancelled::Conflict => item::sleep_jittered(&self.host).await,
                TransactionCancelled::ConditionsFailed(_) => return Ok(false),
            }
        }
        Err(StoreError::contended(SAVING))
    }
}

const ERASING: &str = "erasing a profile";
const READING: &str = "reading a profile";
const SAVING: &str = "storing a profile";
