//! The encryption of data for the merchant: the resource of a notice, or a platform certificate.
//!
//! Documentation: "Decrypting certificates and callbacks" (证书和回调报文解密) of Pay v3. AES-256-GCM with the APIv3 key,
//! a nonce of 12 ASCII characters and associated data; the tag follows the ciphertext, base64 around both.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde_json::{Value, json};

use crate::core::random;

/// Encrypts the text; returns `{algorithm, nonce, associated_data, ciphertext}`.
pub(crate) fn encrypted(text: &str, associated_data: &str, key: &str) -> Value {
    let nonce = random::resource_nonce();
    json!({
        "algorithm": ALGORITHM,
        "ciphertext": encrypt(text, &nonce, associated_data, key).unwrap_or_default(),
        "associated_data": associated_data,
        "nonce": nonce,
    })
}

/// Encrypts the text; `None` if the key has not 32 bytes or the nonce has not 12.
fn encrypt(text: &str, nonce: &str, associated_data: &str, key: &str) -> Option<String> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_bytes()).ok()?);
    let nonce = Nonce::try_assume_unique_for_key(nonce.as_bytes()).ok()?;
    let mut buffer = text.as_bytes().to_vec();
    key.seal_in_place_append_tag(nonce, Aad::from(associated_data.as_bytes()), &mut buffer).ok()?;
    Some(STANDARD.encode(buffer))
}

/// Decrypts a resource as a merchant does, for tests.
#[cfg(test)]
pub(crate) fn decrypt(resource: &Value, key: &str) -> Option<String> {
    let text = |name: &str| resource[name].as_str();
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_bytes()).ok()?);
    let nonce = Nonce::try_assume_unique_for_key(text("nonce")?.as_bytes()).ok()?;
    let mut buffer = STANDARD.decode(text("ciphertext")?).ok()?;
    let associated_data = Aad::from(text("associated_data")?.as_bytes());
    let plain = key.open_in_place(nonce, associated_data, &mut buffer).ok()?;
    String::from_utf8(plain.to_vec()).ok()
}

const ALGORITHM: &str = "AEAD_AES_256_GCM";

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::pay::v3::vectors;

    #[test]
    fn the_known_notices_decrypt_and_encrypt_again_to_the_same_text() {
        for (notice, plain) in
            [(vectors::PAYMENT_NOTICE, vectors::PAYMENT), (vectors::REFUND_NOTICE, vectors::REFUND)]
        {
            let notice: Value = serde_json::from_str(notice).unwrap();
            let resource = &notice["resource"];
            assert_eq!(decrypt(resource, vectors::API_V3_KEY).as_deref(), Some(plain));
            let text = |name: &str| resource[name].as_str().unwrap();
            let again = encrypt(plain, text("nonce"), text("associated_data"), vectors::API_V3_KEY);
            assert_eq!(again.as_deref(), Some(text("ciphertext")));
        }
    }

    #[test]
    fn the_known_certificate_decrypts() {
        let resource = json!({
            "nonce": vectors::CERTIFICATE_NONCE,
            "associated_data": "certificate",
            "ciphertext": vectors::CERTIFICATE,
        });
        let pem = decrypt(&resource, vectors::API_V3_KEY).unwrap();
        assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"));
        assert_eq!(random::hex(&Sha256::digest(&pem)), vectors::CERTIFICATE_SHA256);
    }

    #[test]
    fn a_resource_decrypts_with_its_own_key_only() {
        let resource = encrypted("{}", "transaction", vectors::API_V3_KEY);
        assert_eq!(decrypt(&resource, vectors::API_V3_KEY).as_deref(), Some("{}"));
        assert_eq!(decrypt(&resource, "canaryApiV3KeyThatMustNeverLeak6"), None);
    }

    #[test]
    fn a_key_of_another_length_encrypts_nothing() {
        assert_eq!(encrypted("{}", "transaction", "short")["ciphertext"], "");
    }
}
