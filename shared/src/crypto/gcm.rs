//! AES-256-GCM as WeChat Pay APIv3 uses it: a key and a nonce of characters, the tag behind the text.

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};

use super::DecryptError;

/// Opens what `key` (32 bytes) sealed under `nonce` (12 bytes), bound to `associated_data`.
///
/// # Errors
/// A wrong length, another key, or anything was altered: one error for all of them.
pub fn open_gcm(
    key: &[u8],
    nonce: &[u8],
    associated_data: &[u8],
    sealed: &[u8],
) -> Result<Vec<u8>, DecryptError> {
    let cipher = Aes256Gcm::new_from_slice(key).map_err(|_| DecryptError)?;
    let nonce = <[u8; 12]>::try_from(nonce).map_err(|_| DecryptError)?;
    let payload = Payload { msg: sealed, aad: associated_data };
    cipher.decrypt(&nonce.into(), payload).map_err(|_| DecryptError)
}
