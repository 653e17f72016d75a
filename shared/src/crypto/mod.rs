//! Cryptography: bytes in, bytes out. This code reads no clock, uses no network and knows no formats of WeChat's.

mod cbc_blocks;
mod digest;
mod ecb;
mod gcm;
mod oaep;
mod open_data;
mod pss;
mod rsa;
mod seal;
mod sigv4;

pub use cbc_blocks::{BlockError, decrypt_cbc_blocks, encrypt_cbc_blocks};
pub use digest::{equal, hex, hmac_sha256, md5, sha1, sha256};
pub use ecb::decrypt_ecb;
pub use gcm::open_gcm;
pub use open_data::{DecryptError, decrypt_cbc};
pub use pss::{RsaKeyError, RsaPublicKey};
pub use rsa::{PemError, SigningKey, VerifyingKey};
pub use seal::{Keyring, SealError, Sealed};
pub use sigv4::aws_signing_key;
