//! RSASSA-PSS with SHA-256 and a salt of any length: RFC 8017, sections 8.1.2 and 9.1.2.
//!
//! The crate `rsa` verifies, because ring takes salts of 32 bytes only. It is used for public keys alone: RUSTSEC-2023-0071 is about
//! the time that operations with private keys take, and verifying uses no secret.

use rsa::{
    PublicKey,
    pkcs8::DecodePublicKey,
    pss::{Signature, VerifyingKey},
    signature::Verifier,
    traits::PublicKeyParts,
};
use rustls::pki_types::{SubjectPublicKeyInfoDer, pem::PemObject};
use sha2::Sha256;

/// An RSA public key of 2048 to 4096 bits that verifies PSS signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RsaPublicKey(PublicKey);

/// The text is not such a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RSA public key of 2048 to 4096 bits in PEM")]
pub struct RsaKeyError;

impl RsaPublicKey {
    /// Reads `-----BEGIN PUBLIC KEY-----`.
    ///
    /// # Errors
    /// [`RsaKeyError`]: the text is another kind of key, or a key of another size.
    pub fn from_pem(pem: &str) -> Result<Self, RsaKeyError> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).map_err(|_| RsaKeyError)?;
        let key = PublicKey::from_public_key_der(&der).map_err(|_| RsaKeyError)?;
        if (256..=512).contains(&key.size()) { Ok(Self(key)) } else { Err(RsaKeyError) }
    }

    /// Whether `signature` was made over `message` with the private key of this key and a salt of exactly `salt_length` bytes.
    #[must_use]
    pub fn verifies_pss_sha256(&self, message: &[u8], signature: &[u8], salt_length: usize) -> bool {
        let Ok(signature) = Signature::try_from(signature) else { return false };
        // A longer salt than the key has room for is refused here, because the crate does not expect one.
        let has_room = salt_length.checked_add(HASH_BYTES + 2).is_some_and(|bytes| bytes <= self.0.size());
        has_room
            && VerifyingKey::<Sha256>::new_with_salt_len(self.0.clone(), salt_length)
                .verify(message, &signature)
                .is_ok()
    }
}

/// The length of a SHA-256 digest, in bytes.
const HASH_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_text_than_an_rsa_key_is_refused() {
        let curve = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE044wn+TFzBmlU0ki3AvKzPYAh8N3q1Jjcn76OIo58bpPY6gifdMWOG4rSYEm8Sdvn9QpjD2ENkjmjM/IRfChAQ==";
        let small = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC+/zBaxjDLcg5fvXH4Vk6/gxNCJ52hsKQhQmRxdUT5FdK8UkVo/V7rJOUdOEIVfk7YYyCNPOf1wxc5+p8qtG110tM76MpGH7LIQnE07FCYh9apSyE8O79J649d01tkW8PAlniYsoBACfDYUw6wjVnHO04ckC0ifWPq46WbJTDcVQIDAQAB";
        for body in ["", "AAAA", "MIIB", curve, small] {
            let pem = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
            assert_eq!(RsaPublicKey::from_pem(&pem), Err(RsaKeyError), "{body}");
            assert_eq!(RsaPublicKey::from_pem(body), Err(RsaKeyError), "{body}");
        }
    }
}
