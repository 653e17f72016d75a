//! RSAES-OAEP with SHA-1: RFC 8017, section 7.1. WeChat Pay encrypts personal data in this way, and requires it of merchants.
//!
//! Encryption is implemented here: its only secret is the message, and the time that it takes does not depend on the message's
//! content. Decryption is the crate rsa's, which blinds the private key's operation.

use num_bigint::BigUint;
use rsa::{PrivateKey, pkcs1::DecodeRsaPrivateKey, pkcs8::DecodePrivateKey};
use sha1::Sha1;
use zeroize::Zeroizing;

use super::{SigningKey, VerifyingKey, sha1};

impl VerifyingKey {
    /// Encrypts the message, so that only the owner of the private key can read it. `seed` must be random, and new each time.
    /// `None` if the message is too long for a key of this size.
    #[must_use]
    pub fn seal(&self, message: &[u8], seed: [u8; HASH]) -> Option<Vec<u8>> {
        SealingKey::from_der(self.der())?.seal_oaep_sha1(message, seed)
    }
}

impl SigningKey {
    /// Decrypts what was encrypted for this key. `None` if it was encrypted for another key or in another way.
    #[must_use]
    pub fn open(&self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let key = PrivateKey::from_pkcs8_der(self.der()).ok();
        let key = key.or_else(|| PrivateKey::from_pkcs1_der(self.der()).ok())?;
        key.oaep_decrypt::<Sha1>(sealed).ok().map(Zeroizing::new)
    }
}

/// The numbers of an RSA public key.
struct SealingKey {
    modulus: BigUint,
    exponent: BigUint,
}

impl SealingKey {
    /// Reads a `SubjectPublicKeyInfo` (RFC 5280) that contains an `RSAPublicKey` (RFC 8017).
    fn from_der(der: &[u8]) -> Option<Self> {
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

    fn seal_oaep_sha1(&self, message: &[u8], mut seed: [u8; HASH]) -> Option<Vec<u8>> {
        let length = usize::try_from(self.modulus.bits().div_ceil(8)).ok()?;
        let zeros = length.checked_sub(2 * HASH + 2)?.checked_sub(message.len())?;
        // The block begins with the hash of the label, which is empty.
        let mut block = Zeroizing::new([&sha1(&[])[..], &vec![0; zeros], &[1], message].concat());
        mask(&mut block, &seed);
        mask(&mut seed, &block);
        let encoded = Zeroizing::new([&[0][..], &seed, &block].concat());
        let sealed = BigUint::from_bytes_be(&encoded).modpow(&self.exponent, &self.modulus).to_bytes_be();
        // The number has no leading zeros, and the ciphertext must have the key's length.
        let mut padded = vec![0; length.checked_sub(sealed.len())?];
        padded.extend(sealed);
        Some(padded)
    }
}

/// Applies the mask to the bytes that MGF1 with SHA-1 generates from the seed (section B.2.1).
fn mask(bytes: &mut [u8], seed: &[u8]) {
    for (counter, chunk) in (0_u32..).zip(bytes.chunks_mut(HASH)) {
        for (byte, cover) in chunk.iter_mut().zip(sha1(&[seed, &counter.to_be_bytes()])) {
            *byte ^= cover;
        }
    }
}

/// The contents of a DER element; `None` if other bytes follow the element.
fn whole(tag: u8, bytes: &[u8]) -> Option<&[u8]> {
    element(tag, bytes).filter(|(_, rest)| rest.is_empty()).map(|(contents, _)| contents)
}

/// The contents of the DER element that the bytes begin with, and the bytes after it.
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

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
/// The object identifier 1.2.840.113549.1.1.1 and its parameters, NULL.
const RSA_ENCRYPTION: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
const HASH: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    /// RSA Laboratories, `oaep-vect.txt`: example 1.1, of a key of 1024 bits.
    #[test]
    fn the_published_message_is_sealed_as_the_vector_says() {
        let number = |text: &str| BigUint::parse_bytes(text.as_bytes(), 16).unwrap();
        let key = SealingKey {
            modulus: number(
                "a8b3b284af8eb50b387034a860f146c4919f318763cd6c5598c8ae4811a1e0abc4c7e0b082d693a5e7fced675cf4668512772c0cbc64a742c6c630f533c8cc72f62ae833c40bf25842e984bb78bdbf97c0107d55bdb662f5c4e0fab9845cb5148ef7392dd3aaff93ae1e6b667bb3d4247616d4f5ba10d4cfd226de88d39f16fb",
            ),
            exponent: number("10001"),
        };
        let message = number("6628194e12073db03ba94cda9ef9532397d50dba79b987004afefe34").to_bytes_be();
        let seed = number("18b776ea21069d69776a33e96bad48e1dda0a5ef").to_bytes_be();
        let sealed = number(
            "354fe67b4a126d5d35fe36c777791a3f7ba13def484e2d3908aff722fad468fb21696de95d0be911c2d3174f8afcc201035f7b6d8e69402de5451618c21a535fa9d7bfc5b8dd9fc243f8cf927db31322d6e881eaa91a996170e657a05a266426d98c88003f8477c1227094a0d9fa1e8c4024309ce1ecccb5210035d47ac72e8a",
        );
        let seed = <[u8; HASH]>::try_from(seed).unwrap();
        assert_eq!(key.seal_oaep_sha1(&message, seed), Some(sealed.to_bytes_be()));
    }

    #[test]
    fn a_message_that_is_too_long_is_not_sealed() {
        let key = VerifyingKey::from_pem(include_str!("rsa_g6_public.pem")).unwrap();
        let room = 256 - 2 * HASH - 2;
        assert_eq!(key.seal(&vec![7; room], [1; HASH]).map(|sealed| sealed.len()), Some(256));
        assert_eq!(key.seal(&vec![7; room + 1], [1; HASH]), None);
    }
}
