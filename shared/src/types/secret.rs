//! Values that must never be printed, stored in clear or sent.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// A secret text: an AppSecret, an API key. It has no `Display` and no `Serialize`, and is wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text in.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, for the one place that signs or sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// The text is not the Base64 of 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session_key must be the Base64 of 16 bytes")]
pub struct SessionKeyError;

/// A user's `session_key`: the Base64 text, which signs, and its 16 bytes, which decrypt.
#[derive(Clone)]
pub struct SessionKey {
    text: Zeroizing<String>,
    bytes: Zeroizing<[u8; 16]>,
}

impl SessionKey {
    /// Reads what `jscode2session` answers.
    ///
    /// # Errors
    /// It is not the Base64 of 16 bytes.
    pub fn parse(text: &str) -> Result<Self, SessionKeyError> {
        let bytes = Zeroizing::new(STANDARD.decode(text).map_err(|_| SessionKeyError)?);
        let bytes = <[u8; 16]>::try_from(bytes.as_slice()).map_err(|_| SessionKeyError)?;
        Ok(Self { text: Zeroizing::new(text.to_owned()), bytes: Zeroizing::new(bytes) })
    }

    /// The Base64 text: what session signatures are made with.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The 16 bytes: the AES-128 key.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 16] {
        &self.bytes
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_print_nothing() {
        let key = SessionKey::parse("0DcDwiDekHEtMhXgEbBewA==").unwrap();
        assert_eq!(format!("{key:?}"), "SessionKey(***)");
        assert_eq!(format!("{:?}", Secret::new("hush".to_owned())), "Secret(***)");
    }

    #[test]
    fn a_session_key_is_sixteen_bytes() {
        for text in ["", "0DcDwiDekHEtMhXgEbBewA", "AAAA", "not base64 at all!!!!!=="] {
            assert!(SessionKey::parse(text).is_err(), "{text}");
        }
    }
}
