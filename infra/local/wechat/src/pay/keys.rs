//! RSA keys as PEM, RSASSA-PKCS1-v1_5 with SHA-256: the one signature of Pay v3, and RSAES-OAEP with SHA-1 (RFC 8017, section
//! 7.1.2), by which merchants seal personal data for WeChat Pay.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigUint;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use sha1::{Digest, Sha1};

/// A private key and, as it contains it, its public one.
pub(crate) struct KeyPair {
    pair: RsaKeyPair,
    modulus: BigUint,
    exponent: BigUint,
}

impl KeyPair {
    /// From PKCS#8 in PEM; `None` if it is not an RSA key of 2048 bits or more.
    pub(crate) fn from_pem(pem: &str) -> Option<Self> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).ok()?;
        let pair = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).ok()?;
        let (modulus, exponent) = private_numbers(der.secret_pkcs8_der())?;
        Some(Self { pair, modulus, exponent })
    }

    /// What was sealed for this key, in base64; `None` if it was sealed for another one, or in another way.
    pub(crate) fn open(&self, sealed: &str) -> Option<Vec<u8>> {
        let length = self.pair.public().modulus_len();
        let sealed = STANDARD.decode(sealed).ok().filter(|sealed| sealed.len() == length)?;
        let number = BigUint::from_bytes_be(&sealed);
        if number >= self.modulus {
            return None;
        }
        let opened = number.modpow(&self.exponent, &self.modulus).to_bytes_be();
        let mut encoded = vec![0; length.checked_sub(opened.len())?];
        encoded.extend(opened);
        let (zero, rest) = encoded.split_first()?;
        let (seed, block) = rest.split_at_checked(SHA1)?;
        let (mut seed, mut block) = (seed.to_vec(), block.to_vec());
        mask(&mut seed, &block);
        mask(&mut block, &seed);
        // The hash is that of the label, which is empty.
        let (hash, padded) = block.split_at_checked(SHA1)?;
        let one = padded.iter().position(|byte| *byte != 0)?;
        let (mark, message) = padded.get(one..)?.split_first()?;
        let is_right = *zero == 0 && *mark == 1 && hash == Sha1::digest([]).as_slice();
        is_right.then(|| message.to_vec())
    }

    /// The signature over the message, in base64.
    pub(crate) fn sign(&self, message: &[u8]) -> String {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        // It fails only if the buffer has another length than the modulus.
        match self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature) {
            Ok(()) => STANDARD.encode(signature),
            Err(_) => String::new(),
        }
    }

    /// Whether this key made the signature over exactly this message.
    pub(crate) fn has_signed(&self, message: &[u8], signature: &str) -> bool {
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.pair.public().as_ref())
            .verify(message, &signature)
            .is_ok()
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPair(***)")
    }
}

/// Modulus and private exponent: RFC 8017's `RSAPrivateKey` inside of RFC 5208's `PrivateKeyInfo`.
fn private_numbers(pkcs8: &[u8]) -> Option<(BigUint, BigUint)> {
    let (info, _) = element(SEQUENCE, pkcs8)?;
    let (_version, rest) = element(INTEGER, info)?;
    let (_algorithm, rest) = element(SEQUENCE, rest)?;
    let (key, _) = element(OCTET_STRING, rest)?;
    let (key, _) = element(SEQUENCE, key)?;
    let (_version, rest) = element(INTEGER, key)?;
    let (modulus, rest) = element(INTEGER, rest)?;
    let (_public_exponent, rest) = element(INTEGER, rest)?;
    let (exponent, _) = element(INTEGER, rest)?;
    Some((BigUint::from_bytes_be(modulus), BigUint::from_bytes_be(exponent)))
}

/// The contents of the DER element that the bytes begin with, and what comes after it.
fn element(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match *first {
        short @ 0..=0x7f => (usize::from(short), rest),
        long @ 0x81..=0x82 => {
            let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length * 256 + usize::from(*digit)), rest)
        }
        _ => return None,
    };
    if *found == tag { rest.split_at_checked(length) } else { None }
}

/// MGF1 with SHA-1.
fn mask(bytes: &mut [u8], seed: &[u8]) {
    for (counter, chunk) in (0_u32..).zip(bytes.chunks_mut(SHA1)) {
        let stream = Sha1::new().chain_update(seed).chain_update(counter.to_be_bytes()).finalize();
        for (byte, mask) in chunk.iter_mut().zip(stream) {
            *byte ^= mask;
        }
    }
}

const SHA1: usize = 20;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Account;
    use crate::core::tls::certificate;

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
