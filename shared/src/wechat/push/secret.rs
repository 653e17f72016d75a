//! The secret that verifies and decrypts pushes.

use serde::{Deserialize, Deserializer, de::Error as _};

use super::PushError;
use crate::types::{EncodingAesKey, Secret};

/// The secret of `MESSAGE_PUSH_SECRET_ARN`: what the console shows in 消息推送.
///
/// ```json
/// { "token": "3 to 32 letters and digits", "encoding_aes_key": "43 letters and digits" }
/// ```
#[derive(Debug, Deserialize)]
pub struct MessagePushSecret {
    #[serde(deserialize_with = "token")]
    token: Secret,
    #[serde(default, deserialize_with = "encoding_aes_key")]
    encoding_aes_key: Option<EncodingAesKey>,
}

impl MessagePushSecret {
    /// The token, which signs.
    #[must_use]
    pub(super) fn token(&self) -> &str {
        self.token.expose()
    }

    /// The key of the secure mode.
    ///
    /// # Errors
    /// [`PushError::NoEncodingAesKey`]: the secret does not have it.
    pub(super) fn encoding_aes_key(&self) -> Result<&EncodingAesKey, PushError> {
        self.encoding_aes_key.as_ref().ok_or(PushError::NoEncodingAesKey)
    }
}

/// Reads the token. An empty one is refused, because with it everybody could sign.
fn token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    let token = Secret::deserialize(deserializer)?;
    let text = token.expose();
    if (3..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        Ok(token)
    } else {
        Err(D::Error::custom("the token must be 3 to 32 letters and digits"))
    }
}

fn encoding_aes_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<EncodingAesKey>, D::Error> {
    let key = Option::<Secret>::deserialize(deserializer)?;
    key.map(|key| EncodingAesKey::parse(key.expose())).transpose().map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_the_console_does_not_take_is_refused() {
        for text in [
            "{}",
            r#"{"token":""}"#,
            r#"{"token":"ab"}"#,
            r#"{"token":"a b c"}"#,
            r#"{"token":"abc","encoding_aes_key":"short"}"#,
        ] {
            assert!(serde_json::from_str::<MessagePushSecret>(text).is_err(), "{text}");
        }
        let secret: MessagePushSecret = serde_json::from_str(r#"{"token":"abc"}"#).unwrap();
        assert!(matches!(secret.encoding_aes_key(), Err(PushError::NoEncodingAesKey)));
        assert!(!format!("{secret:?}").contains("abc"));
    }
}
