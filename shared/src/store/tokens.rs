//! `TOKENS_TABLE`: the access tokens and tickets that all functions share, a row for each. Only the broker writes them.
//!
//! Key `name`. A row has a version that only grows, and a lease. Only the holder of the lease gets a token from WeChat and writes
//! it. The write names its lease, so that an answer that comes after the lease has ended changes nothing. Readers don't need the
//! lease.

use std::time::Duration;

use aws_sdk_dynamodb::types::ReturnValue;
use serde::{Deserialize, Serialize};

use super::{
    StoreError,
    item::{self, Item, UpdateOutcome},
};
use crate::{
    crypto::{Keyring, SealError, Sealed},
    host::{
        Host, HostError,
        dynamodb::{Client, UpdateItemFluentBuilder},
    },
    secrets::{CachedSecret, SecretError},
    types::{Secret, UnixSeconds},
};

/// An access token or ticket that the broker keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenName {
    /// The mini program's `access_token`.
    MiniProgram,
    /// The official account's `access_token`.
    OfficialAccount,
    /// The official account's ticket for `wx.config` of web pages.
    JsapiTicket,
    /// The official account's ticket for `wx.addCard`.
    CardTicket,
}

impl TokenName {
    /// Every name.
    pub const ALL: [Self; 4] =
        [Self::MiniProgram, Self::OfficialAccount, Self::JsapiTicket, Self::CardTicket];

    /// The name that is stored and logged.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MiniProgram => "mini_program",
            Self::OfficialAccount => "official_account",
            Self::JsapiTicket => "jsapi_ticket",
            Self::CardTicket => "card_ticket",
        }
    }
}

/// A token or ticket with its version.
#[derive(Debug, Clone)]
pub struct Token {
    /// The token, as it is sent to WeChat.
    pub value: Secret,
    /// The version, which grows with every new value.
    pub version: u64,
    /// When the token expires.
    pub expires_at: UnixSeconds,
}

impl Token {
    /// Whether the token is valid for `margin` at least.
    #[must_use]
    pub fn is_valid_for(&self, now: UnixSeconds, margin: Duration) -> bool {
        now.plus(margin) < self.expires_at
    }
}

/// A row, for the broker.
#[derive(Debug, Clone, Default)]
pub struct TokenRow {
    /// The version, which grows with every new value; 0 if no value was stored yet.
    pub version: u64,
    /// The token; `None` if no value was stored yet, or if the key ring does not have its key any more.
    pub token: Option<Token>,
    /// When a new token was last forced from WeChat.
    pub forced_at: Option<UnixSeconds>,
}

#[derive(Default, Deserialize)]
struct StoredRow {
    value: Option<Sealed>,
    #[serde(default)]
    version: u64,
    expires_at: Option<UnixSeconds>,
    forced_at: Option<UnixSeconds>,
}

/// The lease of a token: for a few seconds only its holder may replace the token.
#[derive(Debug)]
pub struct Lease {
    name: TokenName,
    id: String,
    /// The row when the lease was acquired. No other caller changes the row before the lease ends.
    pub row: TokenRow,
}

/// What came of acquiring a lease.
#[derive(Debug)]
pub enum LeaseOutcome {
    /// This caller holds the lease.
    Acquired(Lease),
    /// Another caller holds the lease, or has replaced the token meanwhile.
    HeldElsewhere,
}

/// The table. Values are sealed with the key ring in the secret `TOKEN_KEYS_ARN`.
pub struct Tokens {
    client: Client,
    table: String,
    keys: CachedSecret<Keyring>,
    host: Host,
}

/// DynamoDB failed, or a value can't be sealed.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// [`StoreError`]; `is_transient()` says whether to retry.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key ring can't be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The key ring can't be used.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// There is no randomness.
    #[error(transparent)]
    Host(#[from] HostError),
}

impl Tokens {
    /// How long a lease lasts. That is longer than a call of WeChat takes.
    pub const LEASE: Duration = Duration::from_secs(10);

    /// Reads `TOKENS_TABLE` and `TOKEN_KEYS_ARN`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            table: host.var("TOKENS_TABLE")?.to_owned(),
            keys: CachedSecret::new(host, "TOKEN_KEYS_ARN")?,
            host: host.clone(),
        })
    }

    /// The row as it is now; a row without a token if there is none.
    ///
    /// # Errors
    /// [`TokensError`]: DynamoDB or the key ring failed.
    pub async fn get(&self, name: TokenName) -> Result<TokenRow, TokensError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("name", item::s(name.as_str()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("reading a token", error))?;
        self.open(name, answer.item).await
    }

    async fn open(&self, name: TokenName, item: Option<Item>) -> Result<TokenRow, TokensError> {
        let Some(item) = item else { return Ok(TokenRow::default()) };
        let StoredRow { value, version, expires_at, forced_at } = item::read(item)?;
        let mut token = None;
        if let (Some(sealed), Some(expires_at)) = (value, expires_at) {
            // A value that can't be decrypted any more counts as no value, so that the broker gets a new one.
            let opened = self.keys.get().await?.open(&sealed, name.as_str().as_bytes()).ok();
            let text = opened.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
            token = text.map(|text| Token { value: Secret::new(text), version, expires_at });
        }
        Ok(TokenRow { version, token, forced_at })
    }

    /// Acquires the lease to replace the token of version `seen`, which is 0 if there is none.
    ///
    /// Condition: the row still has this version, and no caller holds the lease.
    ///
    /// # Errors
    /// [`TokensError`]: DynamoDB or the key ring failed. After a timeout the write may have been applied.
    pub async fn acquire_lease(
        &self,
        name: TokenName,
        seen: u64,
        id: &str,
        now: UnixSeconds,
    ) -> Result<LeaseOutcome, TokensError> {
        let update = self
            .update(name)
            .update_expression(
                "SET lease_id = :id, lease_until = :until, version = if_not_exists(version, :none)",
            )
            .condition_expression(
                "(attribute_not_exists(version) OR version = :seen) \
                 AND (attribute_not_exists(lease_until) OR lease_until <= :now OR lease_id = :id)",
            )
            .expression_attribute_values(":id", item::s(id))
            .expression_attribute_values(":until", item::n(now.plus(Self::LEASE).get()))
            .expression_attribute_values(":now", item::n(now.get()))
            .expression_attribute_values(":seen", item::n(seen))
            .expression_attribute_values(":none", item::n(0_u64))
            .return_values(ReturnValue::AllNew);
        match item::update(&self.host, "leasing a token", update).await? {
            UpdateOutcome::Done(item) => {
                let row = self.open(name, Some(item)).await?;
                Ok(LeaseOutcome::Acquired(Lease { name, id: id.to_owned(), row }))
            }
            UpdateOutcome::ConditionFailed(_) => Ok(LeaseOutcome::HeldElsewhere),
        }
    }

    /// Records that a new token is forced from WeChat. Call it before asking WeChat, so that a lost answer counts as well. `false`
    /// if the lease was lost.
    ///
    /// Condition: the lease is still held.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn record_force(&self, lease: &Lease, now: UnixSeconds) -> Result<bool, StoreError> {
        let update = self
            .update(lease.name)
            .update_expression("SET forced_at = :now")
            .expression_attribute_values(":now", item::n(now.get()));
        self.held(update, lease).await
    }

    /// Stores the value that WeChat gave and ends the lease. The version grows only if the value is a new one. `false` if the lease
    /// has ended meanwhile; nothing is stored then.
    ///
    /// # Errors
    /// [`TokensError`]: DynamoDB or the key ring failed. After a timeout the write may have been applied.
    pub async fn store_value(
        &self,
        lease: &Lease,
        value: &Secret,
        expires_at: UnixSeconds,
    ) -> Result<bool, TokensError> {
        let same = lease.row.token.as_ref().is_some_and(|old| old.value == *value);
        let ring = self.keys.get().await?;
        let sealed =
            ring.seal(value.expose().as_bytes(), lease.name.as_str().as_bytes(), self.host.random()?)?;
        let version = if same { lease.row.version } else { lease.row.version.saturating_add(1) };
        let update = self
            .update(lease.name)
            .update_expression(
                "SET #value = :value, version = :version, expires_at = :at REMOVE lease_id, lease_until",
            )
            .expression_attribute_names("#value", "value")
            .expression_attribute_values(":value", item::map(&sealed)?)
            .expression_attribute_values(":version", item::n(version))
            .expression_attribute_values(":at", item::n(expires_at.get()));
        Ok(self.held(update, lease).await?)
    }

    /// Ends the lease without a new token, so that another caller can acquire it.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. The lease ends by itself.
    pub async fn release_lease(&self, lease: &Lease) -> Result<bool, StoreError> {
        self.held(self.update(lease.name).update_expression("REMOVE lease_id, lease_until"), lease).await
    }

    fn update(&self, name: TokenName) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("name", item::s(name.as_str()))
    }

    /// Makes the update, if the lease is still held; whether it was made.
    async fn held(&self, update: UpdateItemFluentBuilder, lease: &Lease) -> Result<bool, StoreError> {
        let update = update
            .condition_expression("lease_id = :lease")
            .expression_attribute_values(":lease", item::s(&lease.id));
        let updated = item::update(&self.host, "writing a token", update).await?;
        Ok(matches!(updated, UpdateOutcome::Done(_)))
    }
}
