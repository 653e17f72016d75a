//! Login codes and session keys.
//!
//! A code lives five minutes, can be used once and belongs to one app. A user has one live session key. Exchanging a code creates
//! a new session key and ends the earlier one, so the server's new key cannot decrypt data that the phone encrypted before.
//! WeChat may rotate the key at `wx.login` already; the simulator rotates it only at the exchange, which both sides can observe.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::base::platform::{CODE_USED, Errcode, INVALID_CODE, LOGIN_BLOCKED, MINUTE_QUOTA};
use crate::base::quota::Quota;
use crate::core::clock::{DAY, MINUTE};
use crate::core::persist::Kept;
use crate::core::random;

/// All codes and session keys.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sessions {
    codes: HashMap<String, IssuedLoginCode>,
    keys: HashMap<String, SessionKeyEntry>,
    /// The times of each user's exchanges within the last minute, in unix milliseconds.
    exchanges: HashMap<String, Vec<u64>>,
    resets: Quota,
}

#[derive(Debug, Serialize, Deserialize)]
struct IssuedLoginCode {
    openid: String,
    app_id: String,
    created: u64,
    used: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct SessionKeyEntry {
    text: String,
    /// Whether a server got this key.
    exchanged: bool,
    used: u64,
}

/// The result of exchanging a code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CodeExchange {
    pub(crate) openid: String,
    pub(crate) session_key: String,
}

impl Kept for Sessions {}

impl Sessions {
    /// Creates a code for `wx.login`. Earlier codes stay valid.
    pub(crate) fn create_code(&mut self, openid: &str, app_id: &str, now: u64) -> String {
        self.codes.retain(|_, code| now < code.created.saturating_add(CODE_LIFE));
        let code = random::login_code();
        let entry = IssuedLoginCode {
            openid: openid.to_owned(),
            app_id: app_id.to_owned(),
            created: now,
            used: false,
        };
        self.codes.insert(code.clone(), entry);
        code
    }

    /// Uses up the code and creates a new session key. After an error nothing has changed.
    pub(crate) fn exchange_code(
        &mut self,
        code: &str,
        app_id: &str,
        is_blocked: impl Fn(&str) -> bool,
        now: u64,
    ) -> Result<CodeExchange, Errcode> {
        let code = self
            .codes
            .get_mut(code)
            .filter(|code| code.app_id == app_id && now < code.created.saturating_add(CODE_LIFE))
            .ok_or(INVALID_CODE)?;
        if code.used {
            return Err(CODE_USED);
        }
        let openid = code.openid.clone();
        if is_blocked(&openid) {
            return Err(LOGIN_BLOCKED);
        }
        let recent = self.exchanges.entry(openid.clone()).or_default();
        recent.retain(|moment| now < moment.saturating_add(MINUTE));
        if recent.len() >= EXCHANGES_PER_MINUTE {
            return Err(MINUTE_QUOTA);
        }
        recent.push(now);
        code.used = true;
        let session_key = random::session_key();
        self.keys.insert(
            openid.clone(),
            SessionKeyEntry { text: session_key.clone(), exchanged: true, used: now },
        );
        Ok(CodeExchange { openid, session_key })
    }

    /// Whether the key that the server got last is still live, for `wx.checkSession`.
    pub(crate) fn is_live(&self, openid: &str, now: u64) -> bool {
        self.exchanged_key(openid, now).is_some()
    }

    /// The live key, if the server has got it.
    pub(crate) fn exchanged_key(&self, openid: &str, now: u64) -> Option<&str> {
        let key = self.keys.get(openid)?;
        (key.exchanged && now < key.used.saturating_add(DISUSE)).then_some(key.text.as_str())
    }

    /// Replaces a live key. The new key expires when the old one would have; `None` if the quota of resets per minute is used up.
    pub(crate) fn reset_key(&mut self, openid: &str, now: u64) -> Option<String> {
        let key = self.keys.get_mut(openid)?;
        self.resets.try_count_in_minute(now, RESETS_PER_MINUTE).then(|| {
            key.text = random::session_key();
            key.text.clone()
        })
    }

    /// The key that encrypts the phone's data now; using the key prolongs its life. For a user without a live key this creates
    /// one, which no server knows until the next login.
    pub(crate) fn use_live_key(&mut self, openid: &str, now: u64) -> String {
        let fresh = || SessionKeyEntry { text: random::session_key(), exchanged: false, used: now };
        let key = self.keys.entry(openid.to_owned()).or_insert_with(fresh);
        if now >= key.used.saturating_add(DISUSE) {
            *key = fresh();
        }
        key.used = now;
        key.text.clone()
    }
}

const CODE_LIFE: u64 = 5 * MINUTE;

/// The life of an unused session key, in milliseconds. WeChat documents no number; each use prolongs the life.
const DISUSE: u64 = 3 * DAY;

/// The quota of resets per app.
const RESETS_PER_MINUTE: u32 = 60_000;

/// The quota of exchanges per user, from the older documentation of errcode 45011.
const EXCHANGES_PER_MINUTE: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "wx5c4a1e0b7d3f9268";
    const NOT_BLOCKED: fn(&str) -> bool = |_| false;

    #[test]
    fn a_code_is_used_once() {
        let mut sessions = Sessions::default();
        let code = sessions.create_code("o1", APP, 0);
        assert_eq!(sessions.exchange_code(&code, APP, NOT_BLOCKED, 1).unwrap().openid, "o1");
        assert_eq!(sessions.exchange_code(&code, APP, NOT_BLOCKED, 2), Err(CODE_USED));
    }

    #[test]
    fn a_code_lives_five_minutes() {
        let mut sessions = Sessions::default();
        let code = sessions.create_code("o1", APP, 0);
        assert_eq!(sessions.exchange_code(&code, APP, NOT_BLOCKED, CODE_LIFE), Err(INVALID_CODE));
        assert!(sessions.exchange_code(&code, APP, NOT_BLOCKED, CODE_LIFE - 1).is_ok());
    }

    #[test]
    fn a_code_of_another_app_is_invalid() {
        let mut sessions = Sessions::default();
        let code = sessions.create_code("o1", "wx0000000000000000", 0);
        assert_eq!(sessions.exchange_code(&code, APP, NOT_BLOCKED, 1), Err(INVALID_CODE));
    }

    #[test]
    fn a_blocked_user_keeps_the_code() {
        let mut sessions = Sessions::default();
        let code = sessions.create_code("o1", APP, 0);
        assert_eq!(sessions.exchange_code(&code, APP, |openid| openid == "o1", 1), Err(LOGIN_BLOCKED));
        assert!(sessions.exchange_code(&code, APP, NOT_BLOCKED, 2).is_ok());
    }

    #[test]
    fn an_exchange_rotates_the_session_key() {
        let mut sessions = Sessions::default();
        let (first, second) = (sessions.create_code("o1", APP, 0), sessions.create_code("o1", APP, 0));
        let first = sessions.exchange_code(&first, APP, NOT_BLOCKED, 1).unwrap().session_key;
        assert_eq!(sessions.use_live_key("o1", 2), first);
        let second = sessions.exchange_code(&second, APP, NOT_BLOCKED, 3).unwrap().session_key;
        assert_ne!(first, second);
        assert_eq!(sessions.use_live_key("o1", 4), second);
    }

    #[test]
    fn a_session_lives_while_it_is_used() {
        let mut sessions = Sessions::default();
        assert!(!sessions.is_live("o1", 0));
        let code = sessions.create_code("o1", APP, 0);
        let session_key = sessions.exchange_code(&code, APP, NOT_BLOCKED, 0).unwrap().session_key;
        assert!(sessions.is_live("o1", DISUSE - 1));
        assert_eq!(sessions.use_live_key("o1", DISUSE - 1), session_key);
        assert!(sessions.is_live("o1", DISUSE));
        assert_ne!(sessions.use_live_key("o1", 3 * DISUSE), session_key);
        assert!(!sessions.is_live("o1", 3 * DISUSE), "the server does not know the new key");
    }

    #[test]
    fn a_reset_replaces_the_key_and_renews_nothing() {
        let mut sessions = Sessions::default();
        assert_eq!(sessions.reset_key("o1", 0), None);
        let code = sessions.create_code("o1", APP, 0);
        let session_key = sessions.exchange_code(&code, APP, NOT_BLOCKED, 0).unwrap().session_key;
        let reset = sessions.reset_key("o1", DISUSE - 1).unwrap();
        assert_ne!(reset, session_key);
        assert_eq!(sessions.exchanged_key("o1", DISUSE - 1), Some(reset.as_str()));
        assert_eq!(sessions.exchanged_key("o1", DISUSE), None);
    }

    #[test]
    fn the_hundred_and_first_login_of_a_minute_is_refused_and_keeps_its_code() {
        let mut sessions = Sessions::default();
        for _ in 0..EXCHANGES_PER_MINUTE {
            let code = sessions.create_code("o1", APP, 0);
            assert!(sessions.exchange_code(&code, APP, NOT_BLOCKED, 0).is_ok());
        }
        let code = sessions.create_code("o1", APP, 0);
        assert_eq!(sessions.exchange_code(&code, APP, NOT_BLOCKED, MINUTE - 1), Err(MINUTE_QUOTA));
        assert!(sessions.exchange_code(&code, APP, NOT_BLOCKED, MINUTE).is_ok());
    }
}
