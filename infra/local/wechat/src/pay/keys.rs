//! RSA keys as PEM, and RSASSA-PKCS1-v1_5 with SHA-256: the one signature of Pay v3.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

/// A private key and, as it contains it, its public one.
pub(crate) struct KeyPair(RsaKeyPair);

impl KeyPair {
    /// From PKCS#8 in PEM; `None` if it is not an RSA key of 2048 bits or more.
    pub(crate) fn from_pem(pem: &str) -> Option<Self> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).ok()?;
        RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).ok().map(Self)
    }

    /// The signature over the message, in base64.
    pub(crate) fn sign(&self, message: &[u8]) -> String {
        let mut signature = vec![0; self.0.public().modulus_len()];
        // It fails only if the buffer has another length than the modulus.
        match self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature) {
            Ok(()) => STANDARD.encode(signature),
            Err(_) => String::new(),
        }
    }

    /// Whether this key made the signature over exactly this message.
    pub(crate) fn has_signed(&self, message: &[u8], signature: &str) -> bool {
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.0.public().as_ref())
            .verify(message, &signature)
            .is_ok()
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPair(***)")
    }
}

/// The first certificate of a PEM file.
pub(crate) fn certificate(pem: &str) -> Option<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(pem.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Account;

    #[test]
    fn what_is_signed_is_verified_and_nothing_else_is() {
        let key = KeyPair::from_pem(&Account::default().merchant_private_key).unwrap();
        let signature = key.sign(b"message");
        assert_eq!(STANDARD.decode(&signature).unwrap().len(), 256);
        assert!(key.has_signed(b"message", &signature));
        assert!(!key.has_signed(b"massage", &signature));
        for wrong in ["", "WECHATPAY/SIGNTEST/", "AAAA"] {
            assert!(!key.has_signed(b"message", wrong));
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert!(KeyPair::from_pem("").is_none());
        assert!(KeyPair::from_pem(&Account::default().merchant_certificate).is_none());
        assert!(certificate("").is_none());
    }

    #[test]
    fn debug_shows_no_key() {
        let key = KeyPair::from_pem(&Account::default().merchant_private_key).unwrap();
        assert_eq!(format!("{key:?}"), "KeyPair(***)");
    }
}
