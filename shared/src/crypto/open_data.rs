//! AES-128-CBC with PKCS#7, with which WeChat encrypts a user's open data.

use aes::Aes128;
use cbc::{
    Decryptor,
    cipher::{BlockModeDecrypt, KeyIvInit, block_padding::Pkcs7},
};
use zeroize::Zeroizing;

/// The data can't be decrypted with this key. The error does not say which check failed, because that would help an attacker to
/// decrypt the data (padding oracle).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the data can't be decrypted with this key")]
pub struct DecryptError;

/// Decrypts the bytes and removes the padding.
///
/// # Errors
/// [`DecryptError`]: the length is no multiple of 16, or the padding is wrong.
pub fn decrypt_cbc(
    key: &[u8; 16],
    iv: &[u8; 16],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    Decryptor::<Aes128>::new(key.into(), iv.into())
        .decrypt_padded_vec::<Pkcs7>(ciphertext)
        .map(Zeroizing::new)
        .map_err(|_| DecryptError)
}
