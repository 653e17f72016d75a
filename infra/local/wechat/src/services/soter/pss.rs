//! RSASSA-PSS with SHA-256 and a salt of any length (RFC 8017, sections 8.1 and 9.1): the phones of SOTER salt
//! with 20 bytes or more, which the TLS stack's library does not.

use num_bigint::BigUint;
use sha2::{Digest, Sha256};

use crate::core::random;

/// An RSA key of 2048 bits, public exponent 65537.
#[derive(Debug)]
pub(super) struct PublicKey {
    modulus: BigUint,
}

/// The same with its private exponent.
pub(super) struct PrivateKey {
    public: PublicKey,
    exponent: BigUint,
}

impl PublicKey {
    /// From the modulus in hexadecimal.
    pub(super) fn from_hex(modulus: &str) -> Self {
        Self { modulus: number(modulus) }
    }

    /// Whether the signature is over the message, with a salt of exactly this length.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8], salt_length: usize) -> bool {
        let signature_number = BigUint::from_bytes_be(signature);
        if signature.len() != LENGTH || signature_number >= self.modulus {
            return false;
        }
        let encoded = to_bytes(&signature_number.modpow(&BigUint::from(65_537_u32), &self.modulus));
        salt_of(&encoded, salt_length).is_some_and(|(salt, hash)| hash_of(message, &salt).as_slice() == hash)
    }
}

impl PrivateKey {
    /// From modulus and private exponent in hexadecimal.
    pub(super) fn from_hex(modulus: &str, exponent: &str) -> Self {
        Self { public: PublicKey::from_hex(modulus), exponent: number(exponent) }
    }

    pub(super) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// A signature with this salt, which has at most 222 bytes.
    pub(super) fn sign(&self, message: &[u8], salt: &[u8]) -> Vec<u8> {
        let hash = hash_of(message, salt);
        let mut block = vec![0; (LENGTH - HASH - 2).saturating_sub(salt.len())];
        block.push(1);
        block.extend(salt);
        mask(&mut block, &hash);
        clear_top_bit(&mut block);
        block.extend(hash);
        block.push(TRAILER);
        to_bytes(&BigUint::from_bytes_be(&block).modpow(&self.exponent, &self.public.modulus))
    }
}

/// The salt and the hash in an encoded message, if it is one with a salt of this length.
fn salt_of(encoded: &[u8], salt_length: usize) -> Option<(Vec<u8>, &[u8])> {
    let (trailer, rest) = encoded.split_last()?;
    let (masked, hash) = rest.split_at_checked(LENGTH - HASH - 1)?;
    if *trailer != TRAILER || masked.first().is_none_or(|first| *first >= 0x80) {
        return None;
    }
    let mut block = masked.to_vec();
    mask(&mut block, hash);
    clear_top_bit(&mut block);
    let (padding, salt) = block.split_at_checked(block.len().checked_sub(salt_length)?)?;
    let (one, zeros) = padding.split_last()?;
    (*one == 1 && zeros.iter().all(|byte| *byte == 0)).then(|| (salt.to_vec(), hash))
}

fn hash_of(message: &[u8], salt: &[u8]) -> Vec<u8> {
    let digest = Sha256::digest(message);
    Sha256::new().chain_update([0; 8]).chain_update(digest).chain_update(salt).finalize().to_vec()
}

/// MGF1 with SHA-256.
fn mask(block: &mut [u8], seed: &[u8]) {
    for (counter, chunk) in (0_u32..).zip(block.chunks_mut(HASH)) {
        let stream = Sha256::new().chain_update(seed).chain_update(counter.to_be_bytes()).finalize();
        for (byte, mask) in chunk.iter_mut().zip(stream) {
            *byte ^= mask;
        }
    }
}

/// The encoded message has one bit less than the modulus.
fn clear_top_bit(block: &mut [u8]) {
    if let Some(first) = block.first_mut() {
        *first &= 0x7f;
    }
}

fn to_bytes(number: &BigUint) -> Vec<u8> {
    let bytes = number.to_bytes_be();
    let mut padded = vec![0; LENGTH.saturating_sub(bytes.len())];
    padded.extend(bytes);
    padded
}

fn number(hexadecimal: &str) -> BigUint {
    BigUint::parse_bytes(hexadecimal.as_bytes(), 16).unwrap_or_default()
}

/// A fresh salt of 20 to 64 bytes.
pub(super) fn salt(length: usize) -> Vec<u8> {
    random::bytes::<64>().into_iter().take(length).collect()
}

/// Of the modulus, in bytes.
const LENGTH: usize = 256;

/// Of a SHA-256, in bytes.
const HASH: usize = 32;

const TRAILER: u8 = 0xbc;

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    const MODULUS: &str = "ca3b1d0093ce3826577814d20a0b33d033a805480bfe1430bcf8f8df2f9adb3f3961bdbd07cebc131d6619e0d18f062d\
        4132f5a37c14e3dce76fbef14f9deceb5ba26a525911889d090232dcd407d5fe23aa803cd2707ad9cd7fa677b373433e\
        98a2b0b18017a148975788b69f5fc01cb8b7721d3f9c99f4c6a16d0cc53cdb04897eba8156a0aa225b80193047cf73df\
        1c6a934e421ed1f14972c7eaf3a0ebfee870c2d287226e679c700f5286646bb45eb0fbf635807cfb240adf021fde0692\
        691b89bcd05586fee86c259ae75a2541bdd79acdce90b61eac971b2ff4316db789d983f718ffb0e731074f6a2f4e92ee\
        d6f1c9d763b5082ab46f572a39ad6153";

    const SALT_20: (&str, &str) = (
        "{\"raw\":\"27d8e38a499e92d0372f84fb77c10875\",\"fid\":\"2\",\"counter\":338,\"tee_n\":\"TEE Name\",\"tee_v\":\"v1\",\
        \"fp_n\":\"FPC\",\"fp_v\":\"6516\",\"cpu_id\":\"440dad6bbcd599eb3114\",\"uid\":\"10115\"}",
        "BCmMVXfoWApreVLwOUGiXXCW4L4blS67mJG1OcpETATzAHCKHhCl13/81yK9XNKl2hfOHtC6Pbl2s6qZhuJTX9Enj7Il7M3/SZ3YQ4XiHj1s\
        YEltGwH+FRrGUAZUHS0wf6YVFiedFJ50sddR3Cdaf//T+0GNKkYH48boDmOnP5wm+86zzKzZrAV1a6Za4gT1paDwSfGKaof47Q45d4+tGAq/\
        7x4PRn3vsrjZ1+hHt+GjbrTfPGGwsA+L7sPxtzxbe+z7w6iq052uwMHoP71kSkyye9MDI22K1xfh1iMy4w1W4Hk6JgclW2hCmVeoclCtGt86\
        fmj3GJyTRgGuqLaNQw==",
    );

    const SALT_32: (&str, &str) = (
        "{\"raw\":\"9f2eab57e7c284e8b92514ba16db9a47\",\"fid\":\"761123376\",\"counter\":47,\"tee_n\":\"TEE Name\",\
        \"tee_v\":\"v1\",\"fp_n\":\"FPC\",\"fp_v\":\"6516\",\"rsa_pss_saltlen\":32,\"cpu_id\":\"326b7d6c50710223f751\",\
        \"uid\":\"10115\"}",
        "HUiZVLNAaWpE73Mz/ex0Rbr75Ubs820T794GuLsUhdgoUz5sguaI0Bbz1PsXE7cnh9Auuyr78jb9Lkjx3jaffEoOWRh5GBniV4xBGhN+C0CJ\
        Fl+SQ0b+UgwG9+DK5XR4WhIvvCC5KksIwCzgcT5+iVk/myv1qtcBZKo1fZVZ1RICnZbHx0PrUxbHz6GjrTv9VsAYwaHZz/rMpz0KvRY/DK5E\
        SHV7YdCnBjYGKE6gY4iQVC6SmS8BzjYfQ/ZL8oWhTpRf45PEBS3qMNvGh6NbV+/mReNg7BgakmQ3OsIB3eW2eqpUUHYy021dDmMpj1J1lk4j\
        Uc/C8RFRZd7I1LzYnw==",
    );

    #[test]
    fn a_known_signature_is_good_with_its_salt_length_only() {
        let key = PublicKey::from_hex(MODULUS);
        for ((message, signature), right, wrong) in [(SALT_20, 20, 32), (SALT_32, 32, 20)] {
            let signature = STANDARD.decode(signature).unwrap();
            assert!(key.verify(message.as_bytes(), &signature, right));
            assert!(!key.verify(message.as_bytes(), &signature, wrong));
            assert!(!key.verify(message.replace("10115", "10116").as_bytes(), &signature, right));
            let (_, shorter) = signature.split_last().unwrap();
            assert!(!key.verify(message.as_bytes(), shorter, right));
            assert!(!key.verify(message.as_bytes(), &[255; LENGTH], right));
            assert!(!key.verify(message.as_bytes(), &signature, usize::MAX));
        }
    }

    #[test]
    fn what_is_signed_here_is_verified_here_with_every_salt_length() {
        let key = super::super::devices::device_key();
        for length in [20, 32, 64] {
            let signature = key.sign(b"message", &salt(length));
            assert!(key.public().verify(b"message", &signature, length));
            assert!(!key.public().verify(b"massage", &signature, length));
            assert!(!key.public().verify(b"message", &signature, length - 1));
            assert!(!PublicKey::from_hex(MODULUS).verify(b"message", &signature, length));
        }
    }
}
