//! The merchant's identity, keys and addresses: what every call of WeChat Pay and every notice needs.

use std::str::FromStr;

use super::{
    MerchantSecret,
    v2::SignType,
    v3::{CertificateStore, PlatformKeys},
};
use crate::{
    host::{Host, HostError, RemoteService, Upstream},
    secrets::CachedSecret,
    types::{AppId, MchId},
};

/// Which of WeChat Pay's interfaces is called. Notices of both are received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiVersion {
    /// APIv2: XML, signed with a shared key.
    V2,
    /// APIv3: JSON, signed with RSA.
    V3,
}

/// The text is neither `v2` nor `v3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the interface must be v2 or v3")]
pub struct ApiVersionError;

impl FromStr for ApiVersion {
    type Err = ApiVersionError;
    fn from_str(text: &str) -> Result<Self, ApiVersionError> {
        match text {
            "v2" => Ok(Self::V2),
            "v3" => Ok(Self::V3),
            _ => Err(ApiVersionError),
        }
    }
}

/// The merchant's identity, keys and addresses.
pub(crate) struct MerchantContext {
    pub(crate) host: Host,
    /// WeChat Pay's address and its backup. Every request may be repeated at either, because its number makes it idempotent.
    pub(crate) upstream: Upstream,
    pub(crate) app_id: AppId,
    pub(crate) mch_id: MchId,
    pub(crate) api: ApiVersion,
    /// The sign type of APIv2. A message signed with the other type is refused, so that its sender can't choose the weaker one.
    pub(crate) sign_type: SignType,
    pub(crate) secret: CachedSecret<MerchantSecret>,
    /// WeChat Pay's platform certificates that this process holds.
    pub(crate) platform_keys: PlatformKeys,
    /// The store through which functions share downloaded platform certificates.
    pub(crate) shared_certificates: Box<dyn CertificateStore>,
}

impl MerchantContext {
    /// Reads `MERCHANT_ID`, `MERCHANT_SECRET_ARN`, `MINI_PROGRAM_APP_ID`, `PAY_API`, `PAY_API_BASE` and `PAY_SIGN_TYPE`.
    pub(crate) fn new(host: &Host, certificates: Box<dyn CertificateStore>) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            upstream: Upstream::new(host, "PAY_API_BASE", RemoteService::Pay)?,
            app_id: host.parsed_var("MINI_PROGRAM_APP_ID", "an appid", AppId::parse)?,
            mch_id: host.parsed_var("MERCHANT_ID", "a mch_id", MchId::parse)?,
            api: host.parsed_var("PAY_API", "v2 or v3", str::parse::<ApiVersion>)?,
            sign_type: host.parsed_var("PAY_SIGN_TYPE", "MD5 or HMAC-SHA256", str::parse::<SignType>)?,
            secret: CachedSecret::new(host, "MERCHANT_SECRET_ARN")?,
            platform_keys: PlatformKeys::default(),
            shared_certificates: certificates,
        })
    }

    /// The merchant of the test vectors.
    #[cfg(test)]
    pub(crate) fn for_vectors() -> Self {
        use std::sync::Arc;

        use crate::host::{SystemClock, SystemRandomness};

        let env = [
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "x"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("PAY_API_BASE", "http://127.0.0.1:1"),
            ("MINI_PROGRAM_APP_ID", "wx95e6095a537e33b4"),
            ("MERCHANT_ID", "1916817080"),
            ("PAY_API", "v2"),
            ("PAY_SIGN_TYPE", "MD5"),
            ("MERCHANT_SECRET_ARN", "x"),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let host = Host::new(env, Arc::new(SystemClock), Arc::new(SystemRandomness), Vec::new());
        Self::new(&host, Box::new(super::v3::NoCertificates)).expect("a test's own settings are right")
    }
}
