//! WeChat Pay's own keys (平台证书 and 微信支付公钥): which of them verifies a signature.
//!
//! The operator puts the public key in, and may put certificates in; certificates that are not there are downloaded, decrypted
//! and kept for 12 hours. A key that is not known costs one download a minute at most, whatever names strangers invent.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{transport::Call, verify::Seal};
use crate::{
    crypto::{VerifyingKey, open_gcm},
    error::BoxError,
    pay::{MerchantSecret, PayError, Terminal, secret::PUBLIC_KEY},
    types::{Secret, UnixSeconds},
};

/// The certificates that were downloaded.
#[derive(Default)]
pub(crate) struct PlatformKeys {
    downloaded: RwLock<Downloaded>,
    /// When a download was last begun; held while one is under way, so that nobody begins a second one.
    tried_at: Mutex<Option<UnixSeconds>>,
}

#[derive(Default)]
struct Downloaded {
    keys: BTreeMap<String, Certificate>,
    at: Option<UnixSeconds>,
}

struct Certificate {
    key: VerifyingKey,
    from: UnixSeconds,
    until: UnixSeconds,
}

#[derive(Deserialize)]
struct Listed {
    data: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    serial_no: String,
    effective_time: String,
    expire_time: String,
    encrypt_certificate: Encrypted,
}

#[derive(Deserialize)]
struct Encrypted {
    algorithm: String,
    nonce: String,
    #[serde(default)]
    associated_data: String,
    ciphertext: String,
}

impl Terminal {
    /// WeChat Pay's key of that id or serial number; `None` if there is none.
    pub(super) async fn platform_key(
        &self,
        secret: &MerchantSecret,
        id: &str,
    ) -> Result<Option<VerifyingKey>, PayError> {
        if let Some(key) = secret.platform_key(id) {
            return Ok(Some(key.clone()));
        }
        // A public key can't be downloaded.
        if id.starts_with(PUBLIC_KEY) {
            return Ok(None);
        }
        let now = self.host.now();
        if let (Some(key), true) = self.downloaded().key(id, now) {
            return Ok(Some(key));
        }
        let mut tried_at = self.platform_keys.tried_at.lock().await;
        // Whoever had the lock before may have found it.
        let (known, is_fresh) = self.downloaded().key(id, now);
        let is_soon = tried_at.is_some_and(|at| now.since(at) < MIN_AGE);
        if (known.is_some() && is_fresh) || is_soon {
            return Ok(known);
        }
        *tried_at = Some(now);
        match (self.download(secret).await, known) {
            (Ok(keys), _) => {
                let downloaded = Downloaded { keys, at: Some(now) };
                let (key, _) = downloaded.key(id, now);
                *self.platform_keys.downloaded.write().unwrap_or_else(PoisonError::into_inner) = downloaded;
                Ok(key)
            }
            // The key itself says how long it is good.
            (Err(error), Some(key)) => {
                crate::telemetry::survived("platform-certificates", &error);
                Ok(Some(key))
            }
            (Err(error), None) => Err(error),
        }
    }

    /// What to tell WeChat Pay that we can verify with, if we know.
    pub(super) fn preferred_key(&self, secret: &MerchantSecret) -> Option<String> {
        if let Some(id) = secret.public_key_id() {
            return Some(id.to_owned());
        }
        let downloaded = self.downloaded();
        let newest = downloaded.keys.iter().max_by_key(|(_, certificate)| certificate.from);
        newest.map(|(serial, _)| serial.clone())
    }

    fn downloaded(&self) -> RwLockReadGuard<'_, Downloaded> {
        self.platform_keys.downloaded.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// `GET /v3/certificates`: the answer is verified with a certificate that it brings, which only WeChat Pay and we can have
    /// encrypted.
    async fn download(&self, secret: &MerchantSecret) -> Result<BTreeMap<String, Certificate>, PayError> {
        let answer = self.send_once(secret, &Call::get(CERTIFICATES, CERTIFICATES.to_owned())).await?;
        let answer = answer.successful(CERTIFICATES)?;
        let unusable = |cause: BoxError| PayError::Lost { path: CERTIFICATES, cause };
        let listed: Listed = serde_json::from_slice(&answer.bytes).map_err(|error| unusable(error.into()))?;
        let key = secret.api_v3_key()?;
        let mut keys = BTreeMap::new();
        for entry in listed.data {
            let serial = entry.serial_no.clone();
            let certificate = decrypt(entry, key)
                .ok_or(PayError::NotVerified { path: CERTIFICATES, what: "certificate" })?;
            keys.insert(serial, certificate);
        }
        let not_verified = |_| PayError::NotVerified { path: CERTIFICATES, what: "signature" };
        let seal = Seal::read(&answer.headers, self.host.now()).map_err(not_verified)?;
        let signer = keys
            .get(seal.serial)
            .map(|certificate| &certificate.key)
            .or_else(|| secret.platform_key(seal.serial));
        let signer = signer.ok_or(PayError::NotVerified { path: CERTIFICATES, what: "signature's key" })?;
        seal.verify(&answer.bytes, signer).map_err(not_verified)?;
        Ok(keys)
    }
}

impl Downloaded {
    /// The key, and whether the list is fresh.
    fn key(&self, id: &str, now: UnixSeconds) -> (Option<VerifyingKey>, bool) {
        let certificate = self.keys.get(id).filter(|certificate| now < certificate.until);
        let is_fresh = self.at.is_some_and(|at| now.since(at) < MAX_AGE);
        (certificate.map(|certificate| certificate.key.clone()), is_fresh)
    }
}

fn decrypt(entry: Entry, key: &Secret) -> Option<Certificate> {
    let Encrypted { algorithm, nonce, associated_data, ciphertext } = entry.encrypt_certificate;
    if algorithm != "AEAD_AES_256_GCM" {
        return None;
    }
    let sealed = STANDARD.decode(ciphertext).ok()?;
    let pem =
        open_gcm(key.expose().as_bytes(), nonce.as_bytes(), associated_data.as_bytes(), &sealed).ok()?;
    Some(Certificate {
        key: VerifyingKey::from_pem(std::str::from_utf8(&pem).ok()?).ok()?,
        from: UnixSeconds::from_rfc3339(&entry.effective_time).ok()?,
        until: UnixSeconds::from_rfc3339(&entry.expire_time).ok()?,
    })
}

const CERTIFICATES: &str = "/v3/certificates";
/// How long the list is kept.
const MAX_AGE: Duration = Duration::from_secs(12 * 60 * 60);
/// Between two downloads.
const MIN_AGE: Duration = Duration::from_secs(60);
