//! AES-256-GCM as WeChat Pay APIv3 uses it: key and nonce are texts, and the tag follows the ciphertext.

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};

use super::DecryptError;

/// Decrypts `sealed` with `key` (32 bytes), `nonce` (12 bytes) and `associated_data`.
///
/// # Errors
/// [`DecryptError`]: `key` or `nonce` has another length, the key is another one, or any of the bytes was altered.
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
