//! Encryption of data that are stored in a table, with keys that can be rotated.

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::sha256;
use crate::types::Secret;

/// The keys of one purpose: the current one, with which new data are made, and at most one previous one, which is still accepted.
///
/// The secret has the form `{"kid":"2","key":"…","previous":{"kid":"1","key":"…"}}`. To rotate the key, move the current pair into
/// `previous` and write a new one.
#[derive(Debug, Clone, Deserialize)]
pub struct Keyring {
    kid: String,
    key: Secret,
    previous: Option<Previous>,
}

#[derive(Debug, Clone, Deserialize)]
struct Previous {
    kid: String,
    key: Secret,
}

impl Keyring {
    /// The name of the current key.
    #[must_use]
    pub fn current_kid(&self) -> &str {
        &self.kid
    }

    /// The key named `kid`, as 32 bytes; `None` if the ring has no such key, or one shorter than 16 characters.
    ///
    /// The key in the secret is a text of any form and length, because Secrets Manager generates it. Its SHA-256 is used as the key.
    #[must_use]
    pub fn key(&self, kid: &str) -> Option<Zeroizing<[u8; 32]>> {
        let key = if self.kid == kid {
            &self.key
        } else {
            &self.previous.as_ref().filter(|previous| previous.kid == kid)?.key
        };
        (key.expose().len() >= MIN_KEY).then(|| Zeroizing::new(sha256(key.expose().as_bytes())))
    }

    /// Encrypts `plain` with AES-256-GCM and the current key. Decrypting needs the same `context`, which names the owner of the
    /// data, such as an openid. `nonce` must be random.
    ///
    /// # Errors
    /// [`SealError::Key`]: the current key is shorter than 16 characters, so an operator must correct the secret.
    pub fn seal(&self, plain: &[u8], context: &[u8], nonce: [u8; 12]) -> Result<Sealed, SealError> {
        let key = self.key(&self.kid).ok_or(SealError::Key)?;
        let cipher = Aes256Gcm::new((&*key).into());
        let data = cipher
            .encrypt(&nonce.into(), Payload { msg: plain, aad: context })
            .map_err(|_| SealError::Broken)?;
        Ok(Sealed {
            kid: self.kid.clone(),
            nonce: serde_bytes::ByteArray::new(nonce),
            data: serde_bytes::ByteBuf::from(data),
        })
    }

    /// Decrypts data that were encrypted with the same `context`.
    ///
    /// # Errors
    /// [`SealError::Key`]: the ring does not have the key; a newer value of the secret may. [`SealError::Broken`]: the data were
    /// altered, or belong to another context.
    pub fn open(&self, sealed: &Sealed, context: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let key = self.key(&sealed.kid).ok_or(SealError::Key)?;
        let cipher = Aes256Gcm::new((&*key).into());
        let payload = Payload { msg: &sealed.data, aad: context };
        cipher
            .decrypt(&sealed.nonce.into_array().into(), payload)
            .map(Zeroizing::new)
            .map_err(|_| SealError::Broken)
    }
}

/// Encrypted data, as they are stored in a table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sealed {
    kid: String,
    nonce: serde_bytes::ByteArray<12>,
    data: serde_bytes::ByteBuf,
}

/// Data can't be encrypted or decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The ring has no such key, or one shorter than 16 characters.
    #[error("the key ring does not hold a usable key of that name")]
    Key,
    /// The data were altered, or belong to another context.
    #[error("the sealed data are not intact")]
    Broken,
}

/// The shortest key that is used, in bytes.
const MIN_KEY: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(json: &str) -> Keyring {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn data_sealed_under_the_previous_key_open_after_a_rotation() {
        let before = ring(r#"{"kid":"1","key":"the first key, long enough"}"#);
        let after = ring(
            r#"{"kid":"2","key":"the second key, long enough","previous":{"kid":"1","key":"the first key, long enough"}}"#,
        );
        let sealed = before.seal(b"hello", b"mine", [1; 12]).unwrap();
        assert_eq!(&*after.open(&sealed, b"mine").unwrap(), b"hello");
        let sealed = after.seal(b"hello", b"mine", [2; 12]).unwrap();
        assert_eq!(before.open(&sealed, b"mine").unwrap_err(), SealError::Key);
    }

    #[test]
    fn sealed_data_open_only_for_whom_they_were_sealed() {
        let ring = ring(r#"{"kid":"1","key":"the first key, long enough"}"#);
        let mut sealed = ring.seal(b"hello", b"mine", [1; 12]).unwrap();
        assert_eq!(ring.open(&sealed, b"theirs").unwrap_err(), SealError::Broken);
        sealed.data[0] ^= 1;
        assert_eq!(ring.open(&sealed, b"mine").unwrap_err(), SealError::Broken);
    }

    #[test]
    fn an_empty_key_seals_nothing() {
        let ring = ring(r#"{"kid":"1","key":""}"#);
        assert_eq!(ring.seal(b"hello", b"mine", [1; 12]).unwrap_err(), SealError::Key);
    }
}
