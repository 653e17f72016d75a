//! Finding WeChat Pay's key (平台证书 or 微信支付公钥) that verifies a signature.
//!
//! The merchant's secret holds the public key and may hold certificates. Other certificates are downloaded, decrypted and kept for
//! 12 hours; one function downloads for all (`PLATFORM_CERTIFICATES_TABLE`). An unknown serial number causes one download a minute
//! at most, because anybody can send one. With a public key in the secret nothing is downloaded.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLockReadGuard},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::{
    certificates::{Certificate, CertificateList, Look, Missing, SignedCertificates},
    optional::optional_text,
    transport::UnsignedRequest,
    verify::{SignatureError, SignatureHeaders},
};
use crate::{
    crypto::{VerifyingKey, open_gcm},
    pay::{MerchantContext, MerchantSecret, PayError, secret::PUBLIC_KEY},
    telemetry,
    types::{BoxError, Secret, UnixSeconds},
};

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
    #[serde(default, deserialize_with = "optional_text")]
    associated_data: Option<String>,
    ciphertext: String,
}

impl MerchantContext {
    /// WeChat Pay's key of this id or serial number; `None` if there is none.
    ///
    /// # Errors
    /// [`PayError::CertificateNotListed`]: the key may be newer than the list, and the list is too new to be downloaded again. Other
    /// [`PayError`]s: the list can't be downloaded.
    pub(super) async fn platform_key(
        &self,
        secret: &MerchantSecret,
        id: &str,
    ) -> Result<Option<VerifyingKey>, PayError> {
        if let Some(key) = secret.platform_key(id) {
            return Ok(Some(key.clone()));
        }
        let id = id.to_ascii_uppercase();
        // A public key can't be downloaded.
        if id.starts_with(PUBLIC_KEY) {
            return Ok(None);
        }
        let now = self.host.now();
        if let (Some(key), true) = (self.list().key(&id, now), self.list().is_fresh(now)) {
            return Ok(Some(key));
        }
        let looked = self.look_for(secret, Some(&id)).await;
        match (self.list().key(&id, self.host.now()), looked) {
            (Some(key), looked) => {
                // The list may be old; the certificate itself says until when it is valid.
                if let Err(error) = looked {
                    telemetry::handled_error("download-platform-certificates", &error);
                }
                Ok(Some(key))
            }
            (None, Ok(Missing::Unknown)) => Ok(None),
            (None, Ok(Missing::NotListedYet)) => Err(PayError::CertificateNotListed),
            (None, Err(error)) => Err(error),
        }
    }

    /// WeChat Pay's key that personal data are encrypted for, and its id. It is the key that the request names in
    /// `Wechatpay-Serial`.
    pub(super) async fn sealing_key(
        &self,
        secret: &MerchantSecret,
    ) -> Result<(String, VerifyingKey), PayError> {
        let unknown = || PayError::NotVerified { path: CERTIFICATES, what: "certificate" };
        let id = self.preferred_key(secret).await.ok_or_else(unknown)?;
        let key = self.platform_key(secret, &id).await?.ok_or_else(unknown)?;
        Ok((id, key))
    }

    /// The id of the key that WeChat Pay shall sign its answer with. Without any key the list is downloaded first; if that fails,
    /// the failure of the request itself shows why.
    pub(super) async fn preferred_key(&self, secret: &MerchantSecret) -> Option<String> {
        if self.known_key(secret).is_none()
            && let Err(error) = self.look_for(secret, None).await
        {
            telemetry::handled_error("download-platform-certificates", &error);
        }
        self.known_key(secret)
    }

    /// [`preferred_key`](Self::preferred_key) without downloading.
    fn known_key(&self, secret: &MerchantSecret) -> Option<String> {
        if let Some(id) = secret.public_key_id() {
            return Some(id.to_owned());
        }
        let newest = self.list().newest(self.host.now());
        newest.or_else(|| secret.certificate_serial().map(str::to_owned))
    }

    fn list(&self) -> RwLockReadGuard<'_, CertificateList> {
        self.platform_keys.list.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_list(&self, list: CertificateList) {
        *self.platform_keys.list.write().unwrap_or_else(PoisonError::into_inner) = list;
    }

    /// Gets a fresh list, or one with the key `wanted`: from the table, else from WeChat Pay.
    async fn look_for(&self, secret: &MerchantSecret, wanted: Option<&str>) -> Result<Missing, PayError> {
        let mut last_look = self.platform_keys.last_look.lock().await;
        let now = self.host.now();
        // The task that held the lock before may have got it.
        if self.list().serves(wanted, now) {
            return Ok(Missing::Unknown);
        }
        if let Some(look) = *last_look
            && now.since(look.at) < MIN_LIST_AGE
        {
            return Ok(if look.found_none { Missing::Unknown } else { Missing::NotListedYet });
        }
        *last_look = Some(Look { at: now, found_none: false });
        match self.read_shared(secret).await {
            Ok(Some(shared)) if self.list().at < shared.at => self.take_list(shared),
            Ok(_) => {}
            Err(error) => telemetry::handled_error("read-shared-certificates", &*error),
        }
        if self.list().serves(wanted, now) {
            return Ok(Missing::Unknown);
        }
        // Another function has downloaded it a moment ago, and a thousand instances must not all download it again.
        if self.list().age(now).is_some_and(|age| age < MIN_LIST_AGE) {
            return Ok(Missing::NotListedYet);
        }
        match self.download(secret).await {
            Ok(list) => self.take_list(list),
            // A rate limit says nothing about which certificates exist.
            Err(error) if error.is_rate_limit() => {
                telemetry::handled_error("download-platform-certificates", &error);
                return Ok(Missing::NotListedYet);
            }
            Err(error) => {
                let found_none = matches!(error, PayError::Business { transient: false, .. });
                *last_look = Some(Look { at: now, found_none });
                return Err(error);
            }
        }
        Ok(Missing::Unknown)
    }

    /// The list in the table, verified; `None` if there is none.
    async fn read_shared(&self, secret: &MerchantSecret) -> Result<Option<CertificateList>, BoxError> {
        let Some(shared) = self.shared_certificates.read().await? else { return Ok(None) };
        let timestamp = shared.signed_at.get().to_string();
        let seal = SignatureHeaders {
            timestamp: &timestamp,
            nonce: &shared.nonce,
            signature: &shared.signature,
            serial: &shared.serial,
        };
        let list = open(secret, shared.body.as_bytes(), &seal)?;
        Ok(Some(list))
    }

    /// `GET /v3/certificates`, kept for the other functions.
    async fn download(&self, secret: &MerchantSecret) -> Result<CertificateList, PayError> {
        let request = UnsignedRequest::get(CERTIFICATES, CERTIFICATES.to_owned());
        let answer = self.send_once(secret, &request, self.known_key(secret).as_deref()).await?;
        let answer = answer.successful(CERTIFICATES)?;
        let seal = SignatureHeaders::read(&answer.headers, self.host.now());
        let seal = seal.map_err(|_| PayError::NotVerified { path: CERTIFICATES, what: "signature" })?;
        let list = open(secret, &answer.bytes, &seal)?;
        if let (Some(signed_at), Ok(body)) = (list.at, std::str::from_utf8(&answer.bytes)) {
            let shared = SignedCertificates {
                signed_at,
                nonce: seal.nonce.to_owned(),
                signature: seal.signature.to_owned(),
                serial: seal.serial.to_owned(),
                body: body.to_owned(),
            };
            if let Err(error) = self.shared_certificates.keep(&shared).await {
                // Without the shared list each function downloads its own.
                telemetry::handled_error("store-shared-certificates", &*error);
            }
        }
        Ok(list)
    }
}

/// Verifies and decrypts the list of an answer. The certificate that verifies it is in the list itself, encrypted under the APIv3 key,
/// which only WeChat Pay and the merchant have.
fn open(
    secret: &MerchantSecret,
    bytes: &[u8],
    seal: &SignatureHeaders<'_>,
) -> Result<CertificateList, PayError> {
    let not_verified = |what| PayError::NotVerified { path: CERTIFICATES, what };
    let unusable =
        |error: serde_json::Error| PayError::OutcomeUnknown { path: CERTIFICATES, cause: error.into() };
    let listed: Listed = serde_json::from_slice(bytes).map_err(unusable)?;
    let key = secret.api_v3_key()?;
    let mut certificates = BTreeMap::new();
    for entry in listed.data {
        let serial = entry.serial_no.to_ascii_uppercase();
        let certificate = decrypt(entry, key).ok_or_else(|| not_verified("certificate"))?;
        certificates.insert(serial, certificate);
    }
    let signer = certificates
        .get(&seal.serial.to_ascii_uppercase())
        .map(|certificate| &certificate.key)
        .or_else(|| secret.platform_key(seal.serial));
    let signer = signer.ok_or_else(|| not_verified("signature's key"))?;
    seal.verify(bytes, signer).map_err(|_: SignatureError| not_verified("signature"))?;
    let at = seal.timestamp.parse().map_err(|_| not_verified("signature"))?;
    Ok(CertificateList { certificates, at: Some(UnixSeconds::new(at)) })
}

fn decrypt(entry: Entry, key: &Secret) -> Option<Certificate> {
    let Encrypted { algorithm, nonce, associated_data, ciphertext } = entry.encrypt_certificate;
    if algorithm != "AEAD_AES_256_GCM" {
        return None;
    }
    let sealed = STANDARD.decode(ciphertext).ok()?;
    let bound = associated_data.as_deref().unwrap_or_default();
    let pem = open_gcm(key.expose().as_bytes(), nonce.as_bytes(), bound.as_bytes(), &sealed).ok()?;
    Some(Certificate {
        key: VerifyingKey::from_pem(std::str::from_utf8(&pem).ok()?).ok()?,
        from: UnixSeconds::from_rfc3339(&entry.effective_time).ok()?,
        until: UnixSeconds::from_rfc3339(&entry.expire_time).ok()?,
    })
}

const CERTIFICATES: &str = "/v3/certificates";
/// The shortest time between two downloads of the list.
const MIN_LIST_AGE: Duration = Duration::from_secs(60);
