//! The encrypted envelope of pushed messages, and the signatures in the query.
//!
//! The plaintext is 16 random bytes, the length of the message in four bytes (big endian), the message, and the appid. It is padded to
//! blocks of 32 bytes and encrypted with AES-256-CBC, whose initialization vector is the first half of the key.

use aes::Aes256;
use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use cbc::{Decryptor, Encryptor};
use sha1::{Digest, Sha1};

use crate::core::random;

/// The key of the envelopes.
pub(super) struct PushKey {
    key: [u8; 32],
    iv: [u8; 16],
}

/// The content of an envelope.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OpenedEnvelope {
    pub(super) message: String,
    pub(super) app_id: String,
}

impl PushKey {
    /// Reads an `EncodingAESKey`. Its last character may have bits that no byte takes, as those of WeChat's console do.
    pub(super) fn parse(encoding_aes_key: &str) -> Option<Self> {
        let key = LOOSE.decode(format!("{encoding_aes_key}=")).ok()?;
        Some(Self::new(key.try_into().ok()?))
    }

    /// A key that the developer does not have.
    pub(super) fn random() -> Self {
        Self::new(random::bytes())
    }

    fn new(key: [u8; 32]) -> Self {
        let mut iv = [0; 16];
        iv.iter_mut().zip(key).for_each(|(to, from)| *to = from);
        Self { key, iv }
    }

    /// Encrypts a message; the result in base64.
    pub(super) fn encrypt(&self, random: &[u8; 16], message: &str, app_id: &str) -> String {
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
        let mut plain = [&random[..], &length, message.as_bytes(), app_id.as_bytes()].concat();
        let padding = BLOCK - plain.len() % BLOCK;
        plain.extend(std::iter::repeat_n(u8::try_from(padding).unwrap_or_default(), padding));
        let cipher = Encryptor::<Aes256>::new(&self.key.into(), &self.iv.into());
        STANDARD.encode(cipher.encrypt_padded_vec::<NoPadding>(&plain))
    }

    /// Decrypts an envelope; `None` if it was not made with this key, or not in this form.
    pub(super) fn decrypt(&self, encrypted: &str) -> Option<OpenedEnvelope> {
        let encrypted = STANDARD.decode(encrypted).ok()?;
        if encrypted.is_empty() || encrypted.len() % BLOCK != 0 {
            return None;
        }
        let cipher = Decryptor::<Aes256>::new(&self.key.into(), &self.iv.into());
        let plain = cipher.decrypt_padded_vec::<NoPadding>(&encrypted).ok()?;
        let padding = usize::from(*plain.last()?);
        let padded = plain.get(plain.len().checked_sub(padding)?..)?;
        if !(1..=BLOCK).contains(&padding) || padded.iter().any(|byte| usize::from(*byte) != padding) {
            return None;
        }
        let content = plain.get(16..plain.len() - padding)?;
        let (length, rest) = content.split_first_chunk()?;
        let (message, app_id) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        Some(OpenedEnvelope {
            message: String::from_utf8(message.to_vec()).ok()?,
            app_id: String::from_utf8(app_id.to_vec()).ok()?,
        })
    }
}

/// The signature over these texts: the lower-case hexadecimal SHA-1 of all of them, sorted and joined. `signature` is over token,
/// timestamp and nonce; `msg_signature` is over the encrypted text as well.
pub(super) fn signature<const N: usize>(mut texts: [&str; N]) -> String {
    texts.sort_unstable();
    random::hex(&Sha1::digest(texts.concat()))
}

/// The padding makes the plaintext a multiple of this many bytes, which is twice the block of AES.
const BLOCK: usize = 32;

const LOOSE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests;
