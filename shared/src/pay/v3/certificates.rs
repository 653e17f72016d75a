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

/// The platform certificates that this process holds, downloaded by it or by another function.
#[derive(Default)]
pub(crate) struct PlatformKeys {
    pub(super) list: RwLock<CertificateList>,
    /// The last attempt to get a newer list. The lock is held during an attempt, so that a process makes one at a time.
    pub(super) last_look: Mutex<Option<Look>>,
}

/// A verified list of certificates.
#[derive(Default)]
pub(super) struct CertificateList {
    pub(super) certificates: BTreeMap<String, Certificate>,
    /// When WeChat Pay signed the list.
    pub(super) at: Option<UnixSeconds>,
}

pub(super) struct Certificate {
    pub(super) key: VerifyingKey,
    pub(super) from: UnixSeconds,
    pub(super) until: UnixSeconds,
}

/// The last attempt to get a newer list.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) at: UnixSeconds,
    /// WeChat Pay has answered that the merchant has no certificates, so that no serial number can be right.
    pub(super) found_none: bool,
}

/// Why a key is not in the list.
#[derive(PartialEq, Eq)]
pub(super) enum Missing {
    /// No such key exists: the list was downloaded just now.
    Unknown,
    /// The key may be newer than the list, and it is too early to ask again.
    NotListedYet,
}

impl CertificateList {
    pub(super) fn key(&self, id: &str, now: UnixSeconds) -> Option<VerifyingKey> {
        let certificate = self.certificates.get(id).filter(|certificate| now < certificate.until);
        certificate.map(|certificate| certificate.key.clone())
    }

    /// The serial number of the newest certificate that is valid now.
    pub(super) fn newest(&self, now: UnixSeconds) -> Option<String> {
        let good = self.certificates.iter().filter(|(_, one)| one.from <= now && now < one.until);
        good.max_by_key(|(_, certificate)| certificate.from).map(|(serial, _)| serial.clone())
    }

    pub(super) fn age(&self, now: UnixSeconds) -> Option<Duration> {
        self.at.map(|at| now.since(at))
    }

    pub(super) fn is_fresh(&self, now: UnixSeconds) -> bool {
        self.age(now).is_some_and(|age| age < MAX_LIST_AGE)
    }

    /// Whether the list is fresh and has the key `wanted`, if one is wanted.
    pub(super) fn serves(&self, wanted: Option<&str>, now: UnixSeconds) -> bool {
        self.is_fresh(now) && wanted.is_none_or(|id| self.key(id, now).is_some())
    }
}

/// The age at which the list is renewed.
const MAX_LIST_AGE: Duration = Duration::from_secs(12 * 60 * 60);

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
