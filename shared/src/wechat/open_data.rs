//! Open data: the signature of `rawData` and the decryption of `encryptedData` (开放数据校验与解密).

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use super::loose_json;
use crate::{
    crypto,
    types::{AppId, SessionKey, UnixSeconds},
};

/// Whether `signature` is WeChat's signature over `raw_data` with the `session_key` `key`. `raw_data` must be the exact text that the
/// phone got.
#[must_use]
pub fn raw_data_is_genuine(raw_data: &str, signature: &str, key: &SessionKey) -> bool {
    let expected = crypto::hex(&crypto::sha1(&[raw_data.as_bytes(), key.text().as_bytes()]));
    crypto::equal(expected.as_bytes(), signature.as_bytes())
}

/// The app that the data must name, and the age that they may have.
pub struct Watermark<'a> {
    /// Our own appid.
    pub app_id: &'a AppId,
    /// The current time.
    pub now: UnixSeconds,
    /// The greatest age of the data.
    pub max_age: Duration,
}

/// Why open data are not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenDataError {
    /// `encryptedData` is not the Base64 of a multiple of 16 bytes.
    #[error("encryptedData is malformed")]
    Data,
    /// `iv` is not the Base64 of 16 bytes.
    #[error("iv is malformed")]
    Iv,
    /// No key of the session decrypts the data: the phone has logged in again since, or the data are another app's.
    #[error("no key of the session decrypts the data")]
    Key,
    /// The watermark names another app.
    #[error("the watermark names another app")]
    AppId,
    /// The watermark is too old, or has a time in the future.
    #[error("the watermark is not fresh")]
    Stale,
    /// The data belong to another user.
    #[error("the data are another user's")]
    OpenId,
}

/// Decrypts open data with the first of `keys` that fits, and checks the watermark.
///
/// With a wrong key the padding is right once in 256 times by chance. So a key whose result is no JSON object counts as wrong too.
///
/// # Errors
/// [`OpenDataError`]. After [`OpenDataError::Key`] the phone must log in again and get the data anew.
pub fn decrypt<'k>(
    encrypted_data: &str,
    iv: &str,
    keys: impl IntoIterator<Item = &'k SessionKey>,
    watermark: &Watermark<'_>,
) -> Result<Map<String, Value>, OpenDataError> {
    let data = STANDARD.decode(encrypted_data).map_err(|_| OpenDataError::Data)?;
    if data.is_empty() || data.len() % 16 != 0 {
        return Err(OpenDataError::Data);
    }
    let iv = STANDARD.decode(iv).map_err(|_| OpenDataError::Iv)?;
    let iv = <[u8; 16]>::try_from(iv).map_err(|_| OpenDataError::Iv)?;
    let open = |key: &SessionKey| {
        let plain = crypto::decrypt_cbc(key.bytes(), &iv, &data).ok()?;
        loose_json::read_object(&plain)
    };
    let object = keys.into_iter().find_map(open).ok_or(OpenDataError::Key)?;
    watermark.check(&object)?;
    Ok(object)
}

impl Watermark<'_> {
    /// Checks that `object` names this app and is fresh.
    ///
    /// # Errors
    /// [`OpenDataError::AppId`] or [`OpenDataError::Stale`]; don't use the data.
    pub fn check(&self, object: &Map<String, Value>) -> Result<(), OpenDataError> {
        if app_id(object) != Some(self.app_id.as_str()) {
            return Err(OpenDataError::AppId);
        }
        let timestamp =
            object.get("watermark").and_then(|mark| loose_json::whole_number(mark.get("timestamp")?));
        let timestamp = UnixSeconds::new(timestamp.ok_or(OpenDataError::Stale)?);
        if self.now.since(timestamp) > self.max_age || timestamp.since(self.now) > FUTURE {
            return Err(OpenDataError::Stale);
        }
        Ok(())
    }

    /// Checks that `object`, which WeChat has just answered to our own request, does not name another app. The time is not checked,
    /// and a missing watermark is accepted, because the object came from WeChat directly.
    ///
    /// # Errors
    /// [`OpenDataError::AppId`]; don't use the data.
    pub fn check_answer(&self, object: &Map<String, Value>) -> Result<(), OpenDataError> {
        match app_id(object) {
            Some(app_id) if app_id != self.app_id.as_str() => Err(OpenDataError::AppId),
            _ => Ok(()),
        }
    }
}

/// The app that the watermark names.
fn app_id(object: &Map<String, Value>) -> Option<&str> {
    object.get("watermark")?.get("appid")?.as_str()
}

/// How far WeChat's clock may be ahead of ours.
const FUTURE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const IV: &str = "DVNy7UUpGjlVM+fiKC2PcQ==";
    const PHONE: &str = "cjLCdDxQeH5Xav1DAhaSPEYLSYqKC6ILD5ixh9ZCzTtl6LYVgulmSH5zZsrczrfj+KPuDlA0+fnJHtYiKBeQsqin/EpXy4ECh+8KBxQgy17jPuMz6ZjzSLtziCr+LYQ6TrOuRxkTRL5Fn40vIs6AuZ0vNOcC2ru2QiGVZC3mhr8zbu5AfWRoA0K1Nx04LJ5M3BCRGlE/wgJstiUyI7yofw==";

    fn key(text: &str) -> SessionKey {
        SessionKey::parse(text).unwrap()
    }

    fn ours() -> SessionKey {
        key("0DcDwiDekHEtMhXgEbBewA==")
    }

    fn at(seconds: u64) -> Result<Map<String, Value>, OpenDataError> {
        let app_id = AppId::parse("wx95e6095a537e33b4").unwrap();
        let watermark =
            Watermark { app_id: &app_id, now: UnixSeconds::new(seconds), max_age: Duration::from_secs(300) };
        decrypt(PHONE, IV, [&ours()], &watermark)
    }

    #[test]
    fn data_are_fresh_for_the_time_allowed_and_a_minute_ahead() {
        for seconds in [1_699_999_940, 1_700_000_000, 1_700_000_300] {
            assert_eq!(at(seconds).unwrap()["phoneNumber"], "13800138000");
        }
        for seconds in [1_699_999_939, 1_700_000_301] {
            assert_eq!(at(seconds).unwrap_err(), OpenDataError::Stale);
        }
    }

    #[test]
    fn the_previous_key_decrypts_as_well() {
        let app_id = AppId::parse("wx95e6095a537e33b4").unwrap();
        let watermark = Watermark {
            app_id: &app_id,
            now: UnixSeconds::new(1_700_000_000),
            max_age: Duration::from_secs(300),
        };
        let newer = key("AAECAwQFBgcICQoLDA0ODw==");
        assert!(decrypt(PHONE, IV, [&newer, &ours()], &watermark).is_ok());
        assert_eq!(decrypt(PHONE, IV, [&newer], &watermark).unwrap_err(), OpenDataError::Key);
        assert_eq!(decrypt(PHONE, IV, [], &watermark).unwrap_err(), OpenDataError::Key);
        assert_eq!(decrypt("", IV, [&ours()], &watermark).unwrap_err(), OpenDataError::Data);
        assert_eq!(decrypt("AAAA", IV, [&ours()], &watermark).unwrap_err(), OpenDataError::Data);
        assert_eq!(decrypt(PHONE, "AAAA", [&ours()], &watermark).unwrap_err(), OpenDataError::Iv);
        // What a form encoding makes of "+": refused, not mended.
        assert_eq!(
            decrypt(&PHONE.replace('+', " "), IV, [&ours()], &watermark).unwrap_err(),
            OpenDataError::Data
        );
    }

    proptest! {
        #[test]
        fn altered_data_never_panic_and_a_wrong_key_is_always_a_stale_session(bytes: [u8; 16]) {
            let app_id = AppId::parse("wx95e6095a537e33b4").unwrap();
            let watermark = Watermark {
                app_id: &app_id, now: UnixSeconds::new(1_700_000_000), max_age: Duration::from_secs(300),
            };
            let wrong = key(&STANDARD.encode(bytes));
            prop_assert_eq!(decrypt(PHONE, IV, [&wrong], &watermark).unwrap_err(), OpenDataError::Key);
        }
    }
}
