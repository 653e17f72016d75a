//! The list of WeChat Pay's platform certificates (平台证书), as one process holds it and as functions share it.

use std::{collections::BTreeMap, sync::RwLock, time::Duration};

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::{
    crypto::VerifyingKey,
    types::{BoxError, UnixSeconds},
};

/// WeChat Pay's answer to `GET /v3/certificates` as it came, encrypted and signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedCertificates {
    /// `Wechatpay-Timestamp`: when it was made.
    pub signed_at: UnixSeconds,
    /// `Wechatpay-Nonce`.
    pub nonce: String,
    /// `Wechatpay-Signature`.
    pub signature: String,
    /// `Wechatpay-Serial`.
    pub serial: String,
    /// The body, byte for byte.
    pub body: String,
}

/// Where the functions of one merchant share the list of certificates that one of them has downloaded. Nothing read from it is
/// trusted: the list is decrypted and its signature verified as if it had come from the network.
pub trait CertificateStore: Send + Sync {
    /// The list that was kept last; `None` if there is none.
    fn read(&self) -> BoxFuture<'_, Result<Option<SignedCertificates>, BoxError>>;

    /// Keeps the list unless a newer one is kept already.
    fn keep<'a>(&'a self, list: &'a SignedCertificates) -> BoxFuture<'a, Result<(), BoxError>>;
}

/// The certificates that were downloaded, here or by another function.
#[derive(Default)]
pub(crate) struct PlatformKeys {
    pub(super) list: RwLock<CertificateList>,
    /// The last look for a list; held while one is under way, so that nobody begins a second one.
    pub(super) last_look: Mutex<Option<Look>>,
}

/// A list of certificates.
#[derive(Default)]
pub(super) struct CertificateList {
    pub(super) certificates: BTreeMap<String, Certificate>,
    /// When WeChat Pay made it.
    pub(super) at: Option<UnixSeconds>,
}

pub(super) struct Certificate {
    pub(super) key: VerifyingKey,
    pub(super) from: UnixSeconds,
    pub(super) until: UnixSeconds,
}

/// When a list was looked for, and what that says of a key which is not in ours.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) at: UnixSeconds,
    /// WeChat Pay has said that the merchant has no certificates, so that no name of one can be right.
    pub(super) found_none: bool,
}

/// What a look for a list says of a key that is not in it.
#[derive(PartialEq, Eq)]
pub(super) enum Missing {
    /// There is no such key: WeChat Pay was asked just now.
    Unknown,
    /// The key may be newer than the list, and it is too early to ask again.
    NotListedYet,
}

impl CertificateList {
    pub(super) fn key(&self, id: &str, now: UnixSeconds) -> Option<VerifyingKey> {
        let certificate = self.certificates.get(id).filter(|certificate| now < certificate.until);
        certificate.map(|certificate| certificate.key.clone())
    }

    /// The certificate that was made last of those that are good now.
    pub(super) fn newest(&self, now: UnixSeconds) -> Option<String> {
        let good = self.certificates.iter().filter(|(_, one)| one.from <= now && now < one.until);
        good.max_by_key(|(_, certificate)| certificate.from).map(|(serial, _)| serial.clone())
    }

    pub(super) fn age(&self, now: UnixSeconds) -> Option<Duration> {
        self.at.map(|at| now.since(at))
    }

    pub(super) fn is_fresh(&self, now: UnixSeconds) -> bool {
        self.age(now).is_some_and(|age| age < MAX_AGE)
    }

    /// Whether it is fresh and has the key, if one is wanted.
    pub(super) fn serves(&self, wanted: Option<&str>, now: UnixSeconds) -> bool {
        self.is_fresh(now) && wanted.is_none_or(|id| self.key(id, now).is_some())
    }
}

/// How long the list is kept.
const MAX_AGE: Duration = Duration::from_secs(12 * 60 * 60);

/// A store that holds nothing.
#[cfg(test)]
pub(crate) struct NoCertificates;

#[cfg(test)]
impl CertificateStore for NoCertificates {
    fn read(&self) -> BoxFuture<'_, Result<Option<SignedCertificates>, BoxError>> {
        Box::pin(async { Ok(None) })
    }

    fn keep<'a>(&'a self, _: &'a SignedCertificates) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async { Ok(()) })
    }
}
