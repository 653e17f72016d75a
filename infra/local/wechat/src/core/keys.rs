//! RSA as WeChat uses it: RSASSA-PKCS1-v1_5 with SHA-256 for Pay v3, RSASSA-PSS with SHA-256 and a salt of any length for SOTER,
//! and RSAES-OAEP with SHA-1 for personal data that merchants and WeChat Pay encrypt for each other.
//!
//! The simulator checks with the crate `rsa` what the functions sign with `ring`, so that one library checks the other. What it signs
//! itself is made by `ring`, whose signatures take a fraction of the time and are byte for byte those of `rsa`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::RSA_PKCS1_SHA256;
use rsa::pkcs8::DecodePrivateKey;
#[cfg(test)]
use rsa::pkcs8::DecodePublicKey;
use rsa::pss;
use rsa::signature::{Signer, Verifier};
use rsa::traits::PublicKeyParts;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use sha1::Sha1;
use sha2::Sha256;

/// A private key with its public key.
pub(crate) struct KeyPair {
    private: rsa::PrivateKey,
    public: PublicKey,
    signer: ring::rsa::KeyPair,
}

/// A public key.
#[derive(Clone)]
pub(crate) struct PublicKey(rsa::PublicKey);

impl KeyPair {
    /// Parses PKCS#8 in PEM; `None` if this is not an RSA key of at least 2048 bits.
    pub(crate) fn from_pem(pem: &str) -> Option<Self> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).ok()?;
        let private = rsa::PrivateKey::from_pkcs8_der(der.secret_pkcs8_der()).ok()?;
        let public = PublicKey(private.to_public_key());
        let signer = ring::rsa::KeyPair::from_pkcs8(der.secret_pkcs8_der()).ok()?;
        (private.size() >= LEAST_SIZE).then_some(Self { private, public, signer })
    }

    /// Decrypts base64 that was encrypted for this key; `None` if it was encrypted for another key or in another way.
    pub(crate) fn decrypt(&self, encrypted: &str) -> Option<Vec<u8>> {
        self.private.oaep_decrypt::<Sha1>(&STANDARD.decode(encrypted).ok()?).ok()
    }

    /// Signs the message; the signature in base64.
    pub(crate) fn sign(&self, message: &[u8]) -> String {
        let mut signature = vec![0; self.signer.public().modulus_len()];
        // Signing fails only if the buffer is not as long as the key.
        self.signer
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map(|()| STANDARD.encode(signature))
            .unwrap_or_default()
    }

    /// Whether this key made the signature over exactly this message.
    pub(crate) fn verify(&self, message: &[u8], signature: &str) -> bool {
        self.public.verify(message, signature)
    }

    /// Signs the message with PSS and a salt of `salt_length` bytes.
    pub(crate) fn sign_pss(&self, message: &[u8], salt_length: usize) -> Vec<u8> {
        let key = pss::SigningKey::<Sha256>::new_with_salt_len(self.private.clone(), salt_length);
        // Signing fails only if the salt is longer than the key allows.
        key.try_sign(message).map(|signature| Box::<[u8]>::from(signature).into_vec()).unwrap_or_default()
    }

    /// The public key.
    pub(crate) fn public(&self) -> &PublicKey {
        &self.public
    }
}

impl PublicKey {
    /// Parses X.509's `SubjectPublicKeyInfo` in DER.
    #[cfg(test)]
    pub(crate) fn from_der(der: &[u8]) -> Option<Self> {
        rsa::PublicKey::from_public_key_der(der).ok().map(Self)
    }

    /// Encrypts the message for the owner of the private half; base64. `None` if the message is too long.
    pub(crate) fn encrypt(&self, message: &[u8]) -> Option<String> {
        self.0.oaep_encrypt::<Sha1>(message).ok().map(|encrypted| STANDARD.encode(encrypted))
    }

    /// Whether this key's private half made the signature (base64) over exactly this message.
    pub(crate) fn verify(&self, message: &[u8], signature: &str) -> bool {
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        self.0.pkcs1v15_verify::<Sha256>(message, &signature).is_ok()
    }

    /// Whether this key's private half made the PSS signature over exactly this message, with a salt of exactly `salt_length`
    /// bytes.
    pub(crate) fn verify_pss(&self, message: &[u8], signature: &[u8], salt_length: usize) -> bool {
        let Ok(signature) = pss::Signature::try_from(signature) else { return false };
        let fits = salt_length.checked_add(HASH + 2).is_some_and(|length| length <= self.0.size());
        fits && pss::VerifyingKey::<Sha256>::new_with_salt_len(self.0.clone(), salt_length)
            .verify(message, &signature)
            .is_ok()
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPair(***)")
    }
}

/// The least size of a modulus, in bytes.
const LEAST_SIZE: usize = 256;

/// The length of a SHA-256 digest, in bytes.
const HASH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Account;
    use crate::core::tls::certificate;

    #[test]
    fn a_signature_is_verified_for_its_message_only() {
        let key = KeyPair::from_pem(&Account::default().merchant_private_key).unwrap();
        let signature = key.sign(b"message");
        assert_eq!(STANDARD.decode(&signature).unwrap().len(), 256);
        let by_rsa = key.private.pkcs1v15_sign::<Sha256>(b"message").unwrap();
        assert_eq!(signature, STANDARD.encode(by_rsa), "the two libraries sign differently");
        assert!(key.verify(b"message", &signature));
        assert!(!key.verify(b"massage", &signature));
        for wrong in ["", "WECHATPAY/SIGNTEST/", "AAAA"] {
            assert!(!key.verify(b"message", wrong));
        }
    }

    #[test]
    fn a_text_that_is_no_key_is_refused() {
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
