//! AES-256-CBC over whole blocks, without a padding: how WeChat encrypts message push, whose padding is not AES's.

use aes::Aes256;
use cbc::{
    Decryptor, Encryptor,
    cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::NoPadding},
};
use zeroize::Zeroizing;

/// The length is no multiple of 16 bytes, the size of AES's blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the data are not made of whole blocks")]
pub struct BlockError;

/// Decrypts whole blocks.
///
/// # Errors
/// [`BlockError`]; another try does not help.
pub fn decrypt_cbc_blocks(
    key: &[u8; 32],
    iv: &[u8; 16],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, BlockError> {
    Decryptor::<Aes256>::new(key.into(), iv.into())
        .decrypt_padded_vec::<NoPadding>(ciphertext)
        .map(Zeroizing::new)
        .map_err(|_| BlockError)
}

/// Encrypts whole blocks.
///
/// # Errors
/// [`BlockError`]; another try does not help.
pub fn encrypt_cbc_blocks(key: &[u8; 32], iv: &[u8; 16], plain: &[u8]) -> Result<Vec<u8>, BlockError> {
    // The crate panics at an incomplete block, so it is refused before.
    if !plain.len().is_multiple_of(BLOCK) {
        return Err(BlockError);
    }
    Ok(Encryptor::<Aes256>::new(key.into(), iv.into()).encrypt_padded_vec::<NoPadding>(plain))
}

const BLOCK: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::hex;

    #[test]
    fn the_vector_of_sp_800_38a_is_reproduced() {
        // NIST SP 800-38A, F.2.5: CBC-AES256, its first block.
        let key = [
            0x60, 0x3d, 0xeb, 0x10, 0x15, 0xca, 0x71, 0xbe, 0x2b, 0x73, 0xae, 0xf0, 0x85, 0x7d, 0x77, 0x81,
            0x1f, 0x35, 0x2c, 0x07, 0x3b, 0x61, 0x08, 0xd7, 0x2d, 0x98, 0x10, 0xa3, 0x09, 0x14, 0xdf, 0xf4,
        ];
        let iv: [u8; 16] = std::array::from_fn(|index| u8::try_from(index).unwrap());
        let plain =
            [0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17, 0x2a];
        let sealed = encrypt_cbc_blocks(&key, &iv, &plain).unwrap();
        assert_eq!(hex(&sealed), "f58c4c04d6e5f1ba779eabfb5f7bfbd6");
        assert_eq!(*decrypt_cbc_blocks(&key, &iv, &sealed).unwrap(), plain);
    }

    proptest! {
        #[test]
        fn only_whole_blocks_are_taken(bytes: Vec<u8>, key: [u8; 32], iv: [u8; 16]) {
            let is_whole = bytes.len().is_multiple_of(16);
            prop_assert_eq!(encrypt_cbc_blocks(&key, &iv, &bytes).is_ok(), is_whole);
            prop_assert_eq!(decrypt_cbc_blocks(&key, &iv, &bytes).is_ok(), is_whole);
        }
    }
}
