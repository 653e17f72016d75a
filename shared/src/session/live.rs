//! A session whose keys WeChat encrypts the user's data with.

use std::time::Duration;

use serde_json::{Map, Value};

use super::Caller;
use crate::{
    error::{ApiError, Code},
    host::{Host, HostError},
    store::{Session, SessionKeys, Users},
    types::{AppId, OpenId, SessionKey, UnixSeconds},
    wechat::{OpenDataError, Watermark, decrypt, raw_data_is_genuine},
};

/// Finds callers' sessions.
pub struct LiveSessions {
    host: Host,
    app_id: AppId,
    keys: SessionKeys,
}

/// The caller's session, and what was encrypted or signed within it.
pub struct LiveSession {
    /// The row.
    pub row: Session,
    keys: Vec<SessionKey>,
    app_id: AppId,
    openid: OpenId,
    now: UnixSeconds,
}

impl LiveSessions {
    /// Reads the settings.
    ///
    /// # Errors
    /// One is missing.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        let app_id = host.parsed_var("MINI_PROGRAM_APP_ID", "an appid", AppId::parse)?;
        Ok(Self { host: host.clone(), app_id, keys: SessionKeys::new(host)? })
    }

    /// The caller's session: one request.
    ///
    /// # Errors
    /// `SESSION_EXPIRED` without a session; `UNAUTHORIZED` if the caller's token was made void.
    pub async fn of(&self, caller: &Caller, users: &Users) -> Result<LiveSession, ApiError> {
        let row = users.session(&caller.openid).await?.ok_or(Code::SessionExpired)?;
        self.open(caller, row).await
    }

    /// The session that the row, read together with others, is of.
    ///
    /// # Errors
    /// As [`LiveSessions::of`].
    pub async fn open(&self, caller: &Caller, row: Session) -> Result<LiveSession, ApiError> {
        if !row.honours(caller) {
            return Err(Code::Unauthorized.into());
        }
        let keys = self.keys.open(&row).await?;
        let (app_id, openid) = (self.app_id.clone(), caller.openid.clone());
        Ok(LiveSession { row, keys, app_id, openid, now: self.host.now() })
    }
}

impl LiveSession {
    /// Whether `signature` is that of `raw_data` within this session.
    #[must_use]
    pub fn signed(&self, raw_data: &str, signature: &str) -> bool {
        self.keys.iter().any(|key| raw_data_is_genuine(raw_data, signature, key))
    }

    /// Decrypts the user's data, and sees that they are ours, fresh and, if they say whose, this user's.
    ///
    /// # Errors
    /// [`OpenDataError`].
    pub fn decrypt(&self, encrypted_data: &str, iv: &str) -> Result<Map<String, Value>, OpenDataError> {
        let watermark = Watermark { app_id: &self.app_id, now: self.now, max_age: MAX_AGE };
        let data = decrypt(encrypted_data, iv, &self.keys, &watermark)?;
        let openid = data.get("openId").and_then(Value::as_str).filter(|text| !text.is_empty());
        match openid {
            Some(openid) if openid != self.openid.as_str() => Err(OpenDataError::OpenId),
            _ => Ok(data),
        }
    }
}

/// How old a user's data may be.
pub const MAX_AGE: Duration = Duration::from_secs(300);
