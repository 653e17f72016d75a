//! RSASSA-PSS with SHA-256 and a salt of any length: RFC 8017, sections 8.1.2 and 9.1.2.
//!
//! The platform's own cryptography (ring) takes salts of 32 bytes only. Here is nothing but verification: the one secret-free
//! half of RSA, so that no time it takes tells anything.

use num_bigint::BigUint;
use rustls::pki_types::{SubjectPublicKeyInfoDer, pem::PemObject};

use super::{equal, sha256};

/// An RSA key of 2048 to 4096 bits that verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RsaPublicKey {
    pub(super) modulus: BigUint,
    pub(super) exponent: BigUint,
}

/// The text is not such a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RSA public key of 2048 to 4096 bits in PEM")]
pub struct RsaKeyError;

impl RsaPublicKey {
    /// Reads `-----BEGIN PUBLIC KEY-----`.
    ///
    /// # Errors
    /// It is another kind of key, or of another size.
    pub fn from_pem(pem: &str) -> Result<Self, RsaKeyError> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).map_err(|_| RsaKeyError)?;
        let key = Self::from_der(&der).ok_or(RsaKeyError)?;
        let sizes = (2048..=4096).contains(&key.modulus.bits()) && (2..=32).contains(&key.exponent.bits());
        if sizes && key.modulus.bit(0) && key.exponent.bit(0) { Ok(key) } else { Err(RsaKeyError) }
    }

    /// RFC 5280's `SubjectPublicKeyInfo` around RFC 8017's `RSAPublicKey`.
    pub(super) fn from_der(der: &[u8]) -> Option<Self> {
        let info = whole(SEQUENCE, der)?;
        let (algorithm, rest) = element(SEQUENCE, info)?;
        if algorithm != RSA_ENCRYPTION {
            return None;
        }
        let (unused_bits, key) = whole(BIT_STRING, rest)?.split_first()?;
        if *unused_bits != 0 {
            return None;
        }
        let (modulus, rest) = element(INTEGER, whole(SEQUENCE, key)?)?;
        let exponent = whole(INTEGER, rest)?;
        Some(Self { modulus: BigUint::from_bytes_be(modulus), exponent: BigUint::from_bytes_be(exponent) })
    }

    /// Whether the signature is this key's, over this message, with a salt of exactly this length.
    #[must_use]
    pub fn verifies_pss_sha256(&self, message: &[u8], signature: &[u8], salt_length: usize) -> bool {
        let bits = self.modulus.bits();
        let number = BigUint::from_bytes_be(signature);
        if u64::try_from(signature.len()) != Ok(bits.div_ceil(8)) || number >= self.modulus {
            return false;
        }
        let encoded = number.modpow(&self.exponent, &self.modulus).to_bytes_be();
        is_encoding(&encoded, bits - 1, &sha256(message), salt_length).unwrap_or(false)
    }
}

/// EMSA-PSS-VERIFY: whether `encoded`, as a number of `bits` bits, is an encoding of the hash.
fn is_encoding(encoded: &[u8], bits: u64, hash: &[u8; HASH], salt_length: usize) -> Option<bool> {
    // The number has lost the zeros it began with, and must not be longer than it may.
    let length = usize::try_from(bits.div_ceil(8)).ok()?;
    let mut padded = vec![0; length.checked_sub(encoded.len())?];
    padded.extend_from_slice(encoded);

    let (masked, rest) = padded.split_at_checked(length.checked_sub(HASH + 1)?)?;
    let (seal, trailer) = rest.split_at_checked(HASH)?;
    // Bits beyond `bits` in the first byte: zero, and no part of what was masked.
    let beyond = !(u8::MAX >> (u64::from(u8::BITS) - (bits - 1) % 8 - 1));
    if trailer != [TRAILER] || masked.first()? & beyond != 0 {
        return Some(false);
    }
    let mut block: Vec<u8> = masked.iter().zip(mask(seal, masked.len())).map(|(a, b)| a ^ b).collect();
    *block.first_mut()? &= !beyond;

    let (padding, salt) = block.split_at_checked(block.len().checked_sub(salt_length)?)?;
    let (one, zeros) = padding.split_last()?;
    if *one != 1 || zeros.iter().any(|byte| *byte != 0) {
        return Some(false);
    }
    let sealed = [&[0; 8][..], hash, salt].concat();
    Some(equal(&sha256(&sealed), seal))
}

/// MGF1 with SHA-256 (section B.2.1): as many bytes as wanted, made from the seed.
fn mask(seed: &[u8], length: usize) -> impl Iterator<Item = u8> {
    (0..u32::MAX).flat_map(move |counter| sha256(&[seed, &counter.to_be_bytes()].concat())).take(length)
}

/// The contents of the one DER element that the bytes are.
fn whole(tag: u8, bytes: &[u8]) -> Option<&[u8]> {
    element(tag, bytes).filter(|(_, rest)| rest.is_empty()).map(|(contents, _)| contents)
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

const HASH: usize = 32;
const TRAILER: u8 = 0xbc;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
/// The object identifier 1.2.840.113549.1.1.1 and its parameters, NULL.
const RSA_ENCRYPTION: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

#[cfg(test)]
mod tests {
    use super::*;

    /// An encoding as the signer makes it (EMSA-PSS-ENCODE).
    fn encode(bits: u64, hash: &[u8; HASH], salt: &[u8]) -> Vec<u8> {
        let length = usize::try_from(bits.div_ceil(8)).unwrap();
        let seal = sha256(&[&[0; 8][..], hash, salt].concat());
        let zeros = vec![0; length - HASH - salt.len() - 2];
        let block = [&zeros[..], &[1], salt].concat();
        let mut encoded: Vec<u8> = block.iter().zip(mask(&seal, block.len())).map(|(a, b)| a ^ b).collect();
        encoded[0] &= u8::MAX >> (7 - (bits - 1) % 8);
        encoded.extend(seal);
        encoded.push(TRAILER);
        encoded
    }

    fn is_right(encoded: &[u8], bits: u64, salt_length: usize) -> bool {
        is_encoding(encoded, bits, &sha256(b"message"), salt_length) == Some(true)
    }

    #[test]
    fn an_encoding_is_known_whatever_the_size_of_the_number() {
        for bits in 2040..=2056 {
            for salt in [&b""[..], &[7; 20], &[9; 32]] {
                let encoded = encode(bits, &sha256(b"message"), salt);
                assert!(is_right(&encoded, bits, salt.len()), "{bits}");
                assert!(!is_right(&encoded, bits, salt.len() + 1), "{bits}");
                assert_eq!(is_encoding(&encoded, bits, &sha256(b"another"), salt.len()), Some(false));
            }
        }
    }

    #[test]
    fn no_bit_of_an_encoding_can_be_changed() {
        let bits = 2047;
        let encoded = encode(bits, &sha256(b"message"), &[7; 20]);
        for at in 0..encoded.len() {
            for bit in 0..8 {
                let mut altered = encoded.clone();
                altered[at] ^= 1 << bit;
                assert!(!is_right(&altered, bits, 20), "bit {bit} of byte {at}");
            }
        }
        for length in 0..encoded.len() {
            assert!(!is_right(&encoded[..length], bits, 20), "{length}");
        }
        assert!(!is_right(&[&[1][..], &encoded].concat(), bits, 20));
        assert!(!is_right(&encode(bits, &sha256(b"message"), &[7; 20]), 8, 20));
    }

    #[test]
    fn an_encoding_by_pkcs_1_is_none() {
        let digest_info = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
        let hash = sha256(b"message");
        let encoded = [&[1][..], &[0xff; 202], &[0], digest_info, &hash].concat();
        for salt_length in [0, 20, 32] {
            assert!(!is_right(&encoded, 2047, salt_length));
        }
    }

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
