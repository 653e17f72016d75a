//! The merchant's secret: every key for calls to WeChat Pay.

use std::{collections::BTreeMap, sync::OnceLock};

use serde::{Deserialize, Deserializer, de::Error as _};

use super::PayError;
use crate::{
    crypto::{SigningKey, VerifyingKey},
    host::{Host, HttpClient},
    types::Secret,
};

/// The secret of `MERCHANT_SECRET_ARN`. Each call and each notice needs only some of its fields; a missing one is named by
/// [`PayError::NotConfigured`] when it is needed.
///
/// ```json
/// {
///   "api_v2_key": "32 characters", "client_cert": "PEM", "client_key": "PEM",
///   "api_v3_key": "32 characters", "serial_no": "…", "private_key": "PEM",
///   "platform_keys": [{ "id": "PUB_KEY_ID_… or a serial number", "pem": "PEM" }]
/// }
/// ```
#[derive(Debug, Deserialize)]
pub struct MerchantSecret {
    #[serde(default, deserialize_with = "api_key")]
    api_v2_key: Option<Secret>,
    #[serde(default, deserialize_with = "api_key")]
    api_v3_key: Option<Secret>,
    serial_no: Option<String>,
    private_key: Option<SigningKey>,
    #[serde(default, deserialize_with = "platform_keys")]
    platform_keys: BTreeMap<String, VerifyingKey>,
    client_cert: Option<Secret>,
    client_key: Option<Secret>,
    /// Made at first use, and kept as long as this value of the secret.
    #[serde(skip)]
    client: OnceLock<HttpClient>,
}

#[derive(Deserialize)]
struct PlatformKey {
    id: String,
    pem: VerifyingKey,
}

impl MerchantSecret {
    /// The APIv2 key, set in the merchant console.
    ///
    /// # Errors
    /// [`PayError::NotConfigured`]: the secret does not have it.
    pub fn api_v2_key(&self) -> Result<&Secret, PayError> {
        self.api_v2_key.as_ref().ok_or(PayError::NotConfigured("api_v2_key"))
    }

    /// The APIv3 key, set in the merchant console.
    ///
    /// # Errors
    /// [`PayError::NotConfigured`]: the secret does not have it.
    pub fn api_v3_key(&self) -> Result<&Secret, PayError> {
        self.api_v3_key.as_ref().ok_or(PayError::NotConfigured("api_v3_key"))
    }

    /// The merchant's own key and the serial number of its certificate: what APIv3 requests are signed with.
    ///
    /// # Errors
    /// [`PayError::NotConfigured`]: the secret does not have one of them.
    pub fn signing_key(&self) -> Result<(&str, &SigningKey), PayError> {
        let serial_no = self.serial_no.as_deref().ok_or(PayError::NotConfigured("serial_no"))?;
        Ok((serial_no, self.private_key.as_ref().ok_or(PayError::NotConfigured("private_key"))?))
    }

    /// WeChat Pay's key of this id, if the secret has it. The letter case of the id is ignored, because ids are hexadecimal numbers
    /// or begin with `PUB_KEY_ID_`.
    #[must_use]
    pub fn platform_key(&self, id: &str) -> Option<&VerifyingKey> {
        self.platform_keys.get(&id.to_ascii_uppercase())
    }

    /// The id of WeChat Pay's public key, if the merchant has one.
    #[must_use]
    pub fn public_key_id(&self) -> Option<&str> {
        self.platform_keys.keys().map(String::as_str).find(|id| id.starts_with(PUBLIC_KEY))
    }

    /// The serial number of a platform certificate in the secret, if it has one.
    #[must_use]
    pub fn certificate_serial(&self) -> Option<&str> {
        self.platform_keys.keys().map(String::as_str).rfind(|id| !id.starts_with(PUBLIC_KEY))
    }

    /// An HTTP client with the merchant's client certificate, which refunds of APIv2 require.
    ///
    /// # Errors
    /// [`PayError`]: certificate or key is missing or malformed.
    pub fn mutual_tls(&self, host: &Host) -> Result<HttpClient, PayError> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let cert = self.client_cert.as_ref().ok_or(PayError::NotConfigured("client_cert"))?;
        let key = self.client_key.as_ref().ok_or(PayError::NotConfigured("client_key"))?;
        let client = host.http_as(cert, key)?;
        Ok(self.client.get_or_init(|| client).clone())
    }
}

/// The prefix of a public key's id. Ids without it are serial numbers of certificates.
pub(super) const PUBLIC_KEY: &str = "PUB_KEY_ID_";

/// Reads a key of 32 characters. Any other length is refused, because with an empty key everybody could forge signatures.
fn api_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let key = Option::<Secret>::deserialize(deserializer)?;
    match key {
        Some(key) if key.expose().len() != 32 => Err(D::Error::custom("the key must have 32 characters")),
        key => Ok(key),
    }
}

fn platform_keys<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, VerifyingKey>, D::Error> {
    let keys = Vec::<PlatformKey>::deserialize(deserializer)?;
    Ok(keys.into_iter().map(|key| (key.id.trim().to_ascii_uppercase(), key.pem)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_field_of_the_merchant_s_secret_is_named() {
        let secret: MerchantSecret = serde_json::from_str("{}").unwrap();
        let named = |error: PayError| error.to_string();
        assert_eq!(named(secret.api_v2_key().unwrap_err()), "the merchant's secret has no api_v2_key");
        assert_eq!(named(secret.api_v3_key().unwrap_err()), "the merchant's secret has no api_v3_key");
        assert_eq!(named(secret.signing_key().unwrap_err()), "the merchant's secret has no serial_no");
    }

    #[test]
    fn a_key_of_another_length_is_none() {
        for text in [r#"{"api_v2_key":""}"#, r#"{"api_v3_key":"short"}"#, r#"{"private_key":"x"}"#] {
            assert!(serde_json::from_str::<MerchantSecret>(text).is_err(), "{text}");
        }
    }
}
