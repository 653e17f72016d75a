//! AES-256-ECB with PKCS#7, with which WeChat Pay APIv2 encrypts its notices of refunds.

use aes::Aes256;
use cbc::cipher::{BlockCipherDecrypt, KeyInit};
use zeroize::Zeroizing;

use super::DecryptError;

/// Decrypts the bytes and removes the padding.
///
/// # Errors
/// [`DecryptError`]: the length is no multiple of 16, or the padding is wrong.
pub fn decrypt_ecb(key: &[u8; 32], ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    let cipher = Aes256::new(key.into());
    let mut plain = Zeroizing::new(Vec::with_capacity(ciphertext.len()));
    let (blocks, rest) = ciphertext.as_chunks::<16>();
    if !rest.is_empty() {
        return Err(DecryptError);
    }
    for block in blocks {
        let mut block = (*block).into();
        cipher.decrypt_block(&mut block);
        plain.extend_from_slice(&block);
    }
    let padding = plain.last().copied().filter(|padding| (1..=16).contains(padding)).ok_or(DecryptError)?;
    let length = plain.len().checked_sub(padding.into()).ok_or(DecryptError)?;
    if plain.split_off(length).iter().all(|byte| *byte == padding) { Ok(plain) } else { Err(DecryptError) }
}
