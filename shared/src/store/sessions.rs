//! `SESSIONS_TABLE`: the user of each openid, and the session keys of the last two logins.
//!
//! Key `openid`. The row can say from when on tokens are valid (`tokens_valid_from`, in seconds). An operator who sets it signs the
//! user out of every route that reads the row.

use aws_sdk_dynamodb::types::{CancellationReason, ConditionCheck, TransactWriteItem};
use serde::{Deserialize, Serialize};

use super::{StoreError, item};
use crate::{
    crypto::{Keyring, Sealed},
    host::{Host, HostError, dynamodb::Client},
    secrets::{CachedSecret, SecretError},
    types::{Caller, OpenId, SessionKey, UnionId, UnixSeconds, UserId},
};

/// The row of an openid.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Session {
    /// The openid, which is the key.
    pub openid: OpenId,
    /// The user of the openid.
    pub user_id: UserId,
    /// The unionid, once WeChat has named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unionid: Option<UnionId>,
    /// The time of the login with the current key, in milliseconds, so that an older login does not overwrite a newer one.
    pub login_at: u64,
    session_key: Sealed,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous_session_key: Option<Sealed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous_login_at: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tokens_valid_from: Option<UnixSeconds>,
}

impl Session {
    /// The row of an openid after its first login. `login_at` is in milliseconds.
    pub(super) fn first(
        openid: &OpenId,
        user_id: &UserId,
        unionid: Option<&UnionId>,
        session_key: &Sealed,
        login_at: u64,
    ) -> Self {
        Self {
            openid: openid.clone(),
            user_id: user_id.clone(),
            unionid: unionid.cloned(),
            login_at,
            session_key: session_key.clone(),
            previous_session_key: None,
            previous_login_at: None,
            tokens_valid_from: None,
        }
    }

    /// Whether the caller's token is still valid: it names the user of this row and was issued at `tokens_valid_from` or later.
    #[must_use]
    pub fn honours(&self, caller: &Caller) -> bool {
        self.user_id == caller.user_id && self.tokens_valid_from.is_none_or(|from| caller.issued_at >= from)
    }
}

/// The sealing of session keys, with the key ring in the secret `DATA_KEYS_ARN`.
pub struct SessionKeys {
    ring: CachedSecret<Keyring>,
    host: Host,
}

impl SessionKeys {
    /// Reads `DATA_KEYS_ARN`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self { ring: CachedSecret::new(host, "DATA_KEYS_ARN")?, host: host.clone() })
    }

    /// Checks that keys can be encrypted. Call this before work that would be lost if its key could not be stored afterwards.
    ///
    /// # Errors
    /// [`SessionKeysError`]: the key ring can't be read.
    pub async fn ready(&self) -> Result<(), SessionKeysError> {
        self.ring.get().await?;
        Ok(())
    }

    /// Encrypts a `session_key` for the row of `openid`.
    ///
    /// # Errors
    /// [`SessionKeysError`]: the key ring can't be read or used.
    pub async fn seal(&self, openid: &OpenId, key: &SessionKey) -> Result<Sealed, SessionKeysError> {
        let ring = self.ring.get().await?;
        Ok(ring.seal(key.text().as_bytes(), openid.as_str().as_bytes(), self.host.random()?)?)
    }

    /// Decrypts the row's keys, the current one first. A key that can't be decrypted any more is left out; the user must log in again.
    ///
    /// # Errors
    /// [`SessionKeysError`]: the key ring can't be read.
    pub async fn open(&self, session: &Session) -> Result<Vec<SessionKey>, SessionKeysError> {
        let ring = self.ring.get().await?;
        let sealed = [Some(&session.session_key), session.previous_session_key.as_ref()];
        let open = |sealed| {
            let text = ring.open(sealed, session.openid.as_str().as_bytes()).ok()?;
            SessionKey::parse(std::str::from_utf8(&text).ok()?).ok()
        };
        Ok(sealed.into_iter().flatten().filter_map(open).collect())
    }
}

/// Session keys can't be encrypted or decrypted.
#[derive(Debug, thiserror::Error)]
pub enum SessionKeysError {
    /// The ring can't be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The ring can't be used.
    #[error(transparent)]
    Seal(#[from] crate::crypto::SealError),
    /// There is no randomness.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// What a caller wants is not done.
#[derive(Debug, thiserror::Error)]
pub enum CallerError {
    /// The caller's session is gone, because the user was erased, or the token was made void after it was issued. Nothing was written.
    #[error("the caller's token is void")]
    TokenVoid,
    /// DynamoDB failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The sessions of callers, for routes that find nothing of the caller where the session could have been read as well.
pub struct Sessions {
    client: Client,
    table: String,
}

impl Sessions {
    /// Reads `SESSIONS_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self { client: host.dynamodb()?, table: host.var("SESSIONS_TABLE")?.to_owned() })
    }

    /// Checks that the caller's session honours the token.
    ///
    /// # Errors
    /// [`CallerError::TokenVoid`]: it does not. The caller must log in again.
    pub async fn check(&self, caller: &Caller) -> Result<(), CallerError> {
        honoured(get(&self.client, &self.table, &caller.openid).await?.as_ref(), caller)
    }
}

/// Checks a session that was read together with other rows.
pub(super) fn honoured(session: Option<&Session>, caller: &Caller) -> Result<(), CallerError> {
    if session.is_some_and(|session| session.honours(caller)) { Ok(()) } else { Err(CallerError::TokenVoid) }
}

/// The key of the caller's session.
pub(super) fn key<'a>(table: &'a str, caller: &'a Caller) -> item::Key<'a> {
    (table, "openid", caller.openid.as_str())
}

/// Writes the parts for the caller, in one transaction with the check that the session of the table `sessions` honours the token. If a
/// condition of a part fails, nothing is written, and the reasons are in the order of the parts.
///
/// Condition: as [`Session::honours`] has it.
///
/// # Errors
/// [`CallerError`]; `is_transient()` of its [`StoreError`] says whether to retry. After a timeout the write may have been applied.
pub(super) async fn transact_for_caller(
    (client, host): (&Client, &Host),
    operation: &'static str,
    (sessions, caller): (&str, &Caller),
    mut parts: Vec<TransactWriteItem>,
) -> Result<Option<Vec<CancellationReason>>, CallerError> {
    let check = ConditionCheck::builder()
        .table_name(sessions)
        .key("openid", item::s(caller.openid.as_str()))
        .condition_expression(
            "user_id = :user AND (attribute_not_exists(tokens_valid_from) OR tokens_valid_from <= :issued_at)",
        )
        .expression_attribute_values(":user", item::s(&caller.user_id))
        .expression_attribute_values(":issued_at", item::n(caller.issued_at.get()))
        .build()
        .map_err(|error| StoreError::new(operation, error))?;
    let check_index = parts.len();
    parts.push(TransactWriteItem::builder().condition_check(check).build());
    match item::transact(client, host, operation, parts).await? {
        Some(reasons) if item::failed_condition(&reasons, check_index).is_some() => {
            Err(CallerError::TokenVoid)
        }
        reasons => Ok(reasons),
    }
}

/// The row of `openid`; `None` if this openid has never logged in.
pub(super) async fn get(
    client: &Client,
    table: &str,
    openid: &OpenId,
) -> Result<Option<Session>, StoreError> {
    let answer = client
        .get_item()
        .table_name(table)
        .key("openid", item::s(openid.as_str()))
        .consistent_read(true)
        .send()
        .await
        .map_err(|error| StoreError::from_sdk("reading a session", error))?;
    answer.item.map(item::read).transpose()
}
