//! A user's session at WeChat, with whose keys WeChat signs and encrypts the user's data.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::{
    host::{Host, HostError},
    store::{Session, SessionKeys, SessionKeysError, StoreError, Users},
    types::{AppId, Caller, OpenId, SessionKey, UnixSeconds},
    wechat::{OpenDataError, Watermark, decrypt, raw_data_is_genuine},
};

/// The caller has no session that can be used.
#[derive(Debug, thiserror::Error)]
pub enum WeChatSessionError {
    /// There is no row for the caller's openid.
    #[error("the caller has no session")]
    Missing,
    /// The caller's token was made void after it was issued.
    #[error("the caller's token was made void")]
    Revoked,
    /// The session's keys can't be opened.
    #[error(transparent)]
    Keys(#[from] SessionKeysError),
    /// The table can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads callers' sessions and decrypts their keys.
pub struct WeChatSessions {
    host: Host,
    app_id: AppId,
    keys: SessionKeys,
}

/// The caller's session. It verifies and decrypts data that WeChat signed or encrypted with the session's keys.
pub struct WeChatSession {
    /// The row.
    pub row: Session,
    keys: Vec<SessionKey>,
    app_id: AppId,
    openid: OpenId,
    now: UnixSeconds,
}

impl WeChatSessions {
    /// Reads `MINI_PROGRAM_APP_ID`; [`SessionKeys::new`] reads its own variable.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        let app_id = host.parsed_var("MINI_PROGRAM_APP_ID", "an appid", AppId::parse)?;
        Ok(Self { host: host.clone(), app_id, keys: SessionKeys::new(host)? })
    }

    /// The caller's session. Makes one request to DynamoDB.
    ///
    /// # Errors
    /// [`WeChatSessionError`]: without a session or with a token that was made void the user must log in again.
    pub async fn get(&self, caller: &Caller, users: &Users) -> Result<WeChatSession, WeChatSessionError> {
        let row = users.get_session(&caller.openid).await?.ok_or(WeChatSessionError::Missing)?;
        self.open(caller, row).await
    }

    /// The session of a row that was read together with other rows.
    ///
    /// # Errors
    /// As [`WeChatSessions::get`].
    pub async fn open(&self, caller: &Caller, row: Session) -> Result<WeChatSession, WeChatSessionError> {
        if !row.honours(caller) {
            return Err(WeChatSessionError::Revoked);
        }
        let keys = self.keys.open(&row).await?;
        let (app_id, openid) = (self.app_id.clone(), caller.openid.clone());
        Ok(WeChatSession { row, keys, app_id, openid, now: self.host.now() })
    }
}

impl WeChatSession {
    /// Whether WeChat signed `raw_data` with a key of this session, so that `signature` is genuine.
    #[must_use]
    pub fn verifies_raw_data(&self, raw_data: &str, signature: &str) -> bool {
        self.keys.iter().any(|key| raw_data_is_genuine(raw_data, signature, key))
    }

    /// Decrypts the user's data, and checks that they are this app's, fresh and, if they contain an openid, this user's.
    ///
    /// # Errors
    /// [`OpenDataError`]. After [`OpenDataError::Key`] the phone must log in again and get the data anew.
    pub fn decrypt(&self, encrypted_data: &str, iv: &str) -> Result<Map<String, Value>, OpenDataError> {
        let watermark = Watermark { app_id: &self.app_id, now: self.now, max_age: OPEN_DATA_MAX_AGE };
        let data = decrypt(encrypted_data, iv, &self.keys, &watermark)?;
        let openid = data.get("openId").and_then(Value::as_str).filter(|text| !text.is_empty());
        match openid {
            Some(openid) if openid != self.openid.as_str() => Err(OpenDataError::OpenId),
            _ => Ok(data),
        }
    }
}

/// The greatest age of a user's data.
pub const OPEN_DATA_MAX_AGE: Duration = Duration::from_secs(300);
