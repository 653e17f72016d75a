//! The keys with which WeChat Pay signs.
//!
//! Older merchants verify with *platform certificates*, which they download and which change from time to time. Newer merchants
//! verify with the *WeChat Pay public key*, which they copy from the console and which stays the same. During a migration WeChat
//! Pay signs with either of them.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::core::keys::KeyPair;

/// The kind of key with which WeChat Pay signs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlatformMode {
    /// The current platform certificate, which `GET /v3/certificates` returns.
    #[default]
    Certificates,
    /// The private half of the WeChat Pay public key. There are no certificates to download.
    PublicKey,
}

/// A key for verifying WeChat Pay's signatures, as a merchant configures it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlatformKey {
    /// The id in the header `Wechatpay-Serial`: a certificate's serial number, or `PUB_KEY_ID_…`.
    pub id: String,
    /// An X.509 certificate (`BEGIN CERTIFICATE`) or a public key (`BEGIN PUBLIC KEY`).
    pub pem: String,
}

/// The state of WeChat Pay's keys.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct PlatformKeys {
    #[serde(skip)]
    pub(crate) mode: PlatformMode,
    rotated: bool,
}

/// A key with which WeChat Pay signs.
#[derive(Debug)]
pub(crate) struct PlatformSigner {
    pub(crate) id: &'static str,
    pub(crate) pem: &'static str,
    /// `None` only if the built-in file were damaged.
    key: Option<KeyPair>,
}

impl PlatformKeys {
    pub(crate) fn new(mode: PlatformMode) -> Self {
        Self { mode, rotated: false }
    }

    /// Makes the second certificate the one that signs. There is no third, so a second rotation changes nothing.
    pub(crate) fn rotate(&mut self) {
        self.rotated = true;
    }

    /// The key that signs the answer to a request with this `Wechatpay-Serial`, or a notice (`None`).
    pub(crate) fn signer(self, requested_id: Option<&str>) -> &'static PlatformSigner {
        if self.mode == PlatformMode::PublicKey || requested_id == Some(public_key().id) {
            return public_key();
        }
        if self.rotated { &SECOND } else { &FIRST }
    }

    /// The key with this id, for which merchants may encrypt personal data.
    pub(crate) fn signer_by_id(self, id: &str) -> Option<&'static PlatformSigner> {
        let known = [vec![public_key()], self.certificates()].concat();
        known.into_iter().find(|signer| signer.id == id)
    }

    /// A key other than `signer`, for forged signatures.
    pub(crate) fn other_signer(signer: &PlatformSigner) -> &'static PlatformSigner {
        if signer.id == FIRST.id { &SECOND } else { &FIRST }
    }

    /// The certificates that can be downloaded. After a rotation these are both.
    pub(crate) fn certificates(self) -> Vec<&'static PlatformSigner> {
        match (self.mode, self.rotated) {
            (PlatformMode::PublicKey, _) => Vec::new(),
            (PlatformMode::Certificates, false) => vec![&FIRST],
            (PlatformMode::Certificates, true) => vec![&SECOND, &FIRST],
        }
    }
}

impl PlatformSigner {
    fn new(id: &'static str, pem: &'static str, key: &str) -> Self {
        Self { id, pem, key: KeyPair::from_pem(key) }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> String {
        self.key.as_ref().map(|key| key.sign(message)).unwrap_or_default()
    }

    /// Decrypts base64 that was encrypted for this key; `None` if it was encrypted for another key.
    pub(crate) fn decrypt(&self, encrypted: &str) -> Option<String> {
        String::from_utf8(self.key.as_ref()?.decrypt(encrypted)?).ok()
    }

    #[cfg(test)]
    pub(crate) fn verify(&self, message: &[u8], signature: &str) -> bool {
        self.key.as_ref().is_some_and(|key| key.verify(message, signature))
    }

    pub(crate) fn to_platform_key(&self) -> PlatformKey {
        PlatformKey { id: self.id.to_owned(), pem: self.pem.to_owned() }
    }
}

/// The key of this id.
#[cfg(test)]
pub(crate) fn by_id(id: &str) -> Option<&'static PlatformSigner> {
    [&*FIRST, &*SECOND, &*PUBLIC_KEY].into_iter().find(|signer| signer.id == id)
}

pub(crate) fn public_key() -> &'static PlatformSigner {
    &PUBLIC_KEY
}

/// The start and the end of both certificates' validity.
pub(crate) const EFFECTIVE: (&str, &str) = ("2020-01-01T08:00:00+08:00", "2120-01-01T08:00:00+08:00");

static FIRST: LazyLock<PlatformSigner> = LazyLock::new(|| {
    PlatformSigner::new(
        "4A20DD4BB631BA816A8FB0DCE8C653DA64E1110E",
        include_str!("../../../keys/platform_1_cert.pem"),
        include_str!("../../../keys/platform_1_key.pem"),
    )
});

static SECOND: LazyLock<PlatformSigner> = LazyLock::new(|| {
    PlatformSigner::new(
        "3CDB264832502E7DDE9CCDB1FABDC97F0992B248",
        include_str!("../../../keys/platform_2_cert.pem"),
        include_str!("../../../keys/platform_2_key.pem"),
    )
});

static PUBLIC_KEY: LazyLock<PlatformSigner> = LazyLock::new(|| {
    PlatformSigner::new(
        "PUB_KEY_ID_0116482039572024061300382800",
        include_str!("../../../keys/pub_key.pem"),
        include_str!("../../../keys/pub_key_private.pem"),
    )
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::tls::certificate;

    #[test]
    fn every_key_can_sign_and_each_signature_is_only_its_own() {
        let all = [&*FIRST, &*SECOND, &*PUBLIC_KEY];
        for signer in all {
            let signature = signer.sign(b"message");
            for other in all {
                assert_eq!(other.verify(b"message", &signature), other.id == signer.id);
            }
        }
    }

    #[test]
    fn the_serial_numbers_are_those_in_the_certificates() {
        for signer in [&*FIRST, &*SECOND] {
            let der = certificate(signer.pem).unwrap();
            let serial = crate::core::random::hex(&der).to_ascii_uppercase();
            // INTEGER, 20 bytes.
            assert!(serial.contains(&format!("0214{}", signer.id)), "{}", signer.id);
        }
        let account = crate::Account::default();
        let der = crate::core::random::hex(&certificate(&account.merchant_certificate).unwrap());
        assert!(der.to_ascii_uppercase().contains(&format!("0214{}", account.merchant_serial_no)));
    }

    #[test]
    fn a_rotation_adds_a_certificate_and_the_public_key_replaces_both() {
        let mut keys = PlatformKeys::new(PlatformMode::Certificates);
        assert_eq!(keys.certificates().len(), 1);
        assert_eq!(keys.signer(None).id, FIRST.id);
        keys.rotate();
        assert_eq!(keys.certificates().len(), 2);
        assert_eq!(keys.signer(Some(FIRST.id)).id, SECOND.id);
        assert_eq!(keys.signer(Some(public_key().id)).id, public_key().id);
        keys.mode = PlatformMode::PublicKey;
        assert!(keys.certificates().is_empty());
        assert_eq!(keys.signer(Some(FIRST.id)).id, public_key().id);
    }

    #[test]
    fn a_text_that_openssl_encrypted_is_decrypted_by_its_key_only() {
        // printf 6222021234567890123 | openssl pkeyutl -encrypt … -pkeyopt rsa_padding_mode:oaep
        let encrypted = "MgpakH6RNfKjbuIW1oRPt1zm6UeoFA30ZgLOLBOli5wvd158/L5cQC6U0W6C9ymF/3QQmdU5BlXGOT+AAqu/qKl/fm1WmfznzTgW8DL7o01bfv/PpHlo/1gu6BG+EyTsysceLcXYRf3B768jttObeHH9RfL20BiXkDBEB4wO2n8yNMxaxU55GB0y+DAnoNXGJgMzPmK/Qo3wkovvQjNzUZN+IdbR3xQu/PlJ4LTHczWQfrxgm6KbZZDfbBr5cHCD1FjfiEiUgwyUEJ+BLj97wpSuh/iBsL/m/3irbVEYGgWdZW1mUZSH2QWLkOCZl3khnLQHn0a1gg3ea3AKlhJnvg==";
        assert_eq!(FIRST.decrypt(encrypted).as_deref(), Some("6222021234567890123"));
        assert_eq!(SECOND.decrypt(encrypted), None);
        let mut altered = encrypted.to_owned();
        altered.replace_range(40..41, if &encrypted[40..41] == "A" { "B" } else { "A" });
        for wrong in ["", "AAAA", "6222021234567890123", &altered] {
            assert_eq!(FIRST.decrypt(wrong), None, "{wrong}");
        }
    }
}
