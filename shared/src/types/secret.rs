//! Values that must never be printed, stored in clear or sent.

use std::fmt;

use base64::{
    Engine, alphabet,
    engine::{
        GeneralPurpose,
        general_purpose::{NO_PAD, STANDARD},
    },
};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// A secret text: an AppSecret, an API key. It has no `Display` and no `Serialize`, and is wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Makes the text a secret.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text in clear. Use it only to sign or to send.
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

/// A user's `session_key`: its Base64 text is used in signatures, its 16 bytes as the key of open data.
#[derive(Clone)]
pub struct SessionKey {
    text: Zeroizing<String>,
    bytes: Zeroizing<[u8; 16]>,
}

impl SessionKey {
    /// Reads the `session_key` that `jscode2session` answers.
    ///
    /// # Errors
    /// [`SessionKeyError`]: the text is not the Base64 of 16 bytes.
    pub fn parse(text: &str) -> Result<Self, SessionKeyError> {
        let bytes = Zeroizing::new(STANDARD.decode(text).map_err(|_| SessionKeyError)?);
        let bytes = <[u8; 16]>::try_from(bytes.as_slice()).map_err(|_| SessionKeyError)?;
        Ok(Self { text: Zeroizing::new(text.to_owned()), bytes: Zeroizing::new(bytes) })
    }

    /// The Base64 text, which is part of the signed text of open data.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The 16 bytes, which are an AES-128 key.
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

/// The text is not an `EncodingAESKey`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an EncodingAESKey must be 43 characters of a-z, A-Z and 0-9")]
pub struct EncodingAesKeyError;

/// The `EncodingAESKey` of message push, as the console shows it: 43 characters that hold the 32 bytes of an AES-256 key.
///
/// WeChat: 消息推送, 消息加解密. The console draws the characters at random, so the last one carries two bits that belong to no
/// byte. A strict Base64 decoder refuses three of four genuine keys because of them; here they are ignored, as WeChat does.
#[derive(Clone)]
pub struct EncodingAesKey(Zeroizing<[u8; 32]>);

impl EncodingAesKey {
    /// Reads the key that the console shows.
    ///
    /// # Errors
    /// [`EncodingAesKeyError`]: the text is not 43 letters and digits.
    pub fn parse(text: &str) -> Result<Self, EncodingAesKeyError> {
        if text.len() != 43 || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(EncodingAesKeyError);
        }
        let bytes = Zeroizing::new(SPARE_BITS.decode(text).map_err(|_| EncodingAesKeyError)?);
        let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| EncodingAesKeyError)?;
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// The AES-256 key; its first 16 bytes are the initialisation vector.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for EncodingAesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncodingAesKey(***)")
    }
}

const SPARE_BITS: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, NO_PAD.with_decode_allow_trailing_bits(true));

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::hex;

    #[test]
    fn secrets_print_nothing() {
        let key = SessionKey::parse("0DcDwiDekHEtMhXgEbBewA==").unwrap();
        assert_eq!(format!("{key:?}"), "SessionKey(***)");
        assert_eq!(format!("{:?}", Secret::new("hush".to_owned())), "Secret(***)");
        let key = EncodingAesKey::parse("kzYRqrNwLF5oGeIA4Cs9OZ1IS0y40NyncgAOJtDtS2G").unwrap();
        assert_eq!(format!("{key:?}"), "EncodingAesKey(***)");
    }

    #[test]
    fn the_encoding_aes_key_of_the_vectors_is_read() {
        let key = EncodingAesKey::parse("kzYRqrNwLF5oGeIA4Cs9OZ1IS0y40NyncgAOJtDtS2G").unwrap();
        assert_eq!(hex(key.bytes()), "933611aab3702c5e6819e200e02b3d399d484b4cb8d0dca772000e26d0ed4b61");
        for text in
            ["", "kzYRqrNwLF5oGeIA4Cs9OZ1IS0y40NyncgAOJtDtS2", "kzYRqrNwLF5oGeIA4Cs9OZ1IS0y40NyncgAOJtDtS2G="]
        {
            assert!(EncodingAesKey::parse(text).is_err(), "{text}");
        }
        assert!(EncodingAesKey::parse("kzYRqrNwLF5oGeIA4Cs9OZ1IS0y40NyncgAOJtDtS2-").is_err());
    }

    proptest! {
        #[test]
        fn every_key_that_the_console_can_draw_is_read(text in "[a-zA-Z0-9]{43}") {
            prop_assert!(EncodingAesKey::parse(&text).is_ok());
        }

        #[test]
        fn reading_any_text_as_a_key_never_panics(text in ".{0,60}") {
            let _ = EncodingAesKey::parse(&text);
        }
    }

    #[test]
    fn a_session_key_is_sixteen_bytes() {
        for text in ["", "0DcDwiDekHEtMhXgEbBewA", "AAAA", "not base64 at all!!!!!=="] {
            assert!(SessionKey::parse(text).is_err(), "{text}");
        }
    }
}
