//! Notices of APIv3 (支付通知, 退款结果通知): bytes → verified → envelope → decrypted → meaning, in this order and no other.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderMap;
use serde::Deserialize;

use super::{
    api::{self, Transaction},
    optional::optional_text,
    refund::{self, Told},
    verify::{Seal, SealError, Verified},
};
use crate::{
    crypto::open_gcm,
    pay::{MerchantSecret, Notice, NoticeError, PayError, Source, Terminal},
    types::Secret,
};

#[derive(Deserialize)]
struct Envelope {
    event_type: String,
    resource: Resource,
}

#[derive(Deserialize)]
struct Resource {
    algorithm: String,
    ciphertext: String,
    #[serde(default, deserialize_with = "optional_text")]
    associated_data: Option<String>,
    nonce: String,
}

/// Reads a notice from the exact bytes received.
pub(in crate::pay) async fn receive(
    terminal: &Terminal,
    secret: &MerchantSecret,
    headers: &HeaderMap,
    bytes: &[u8],
) -> Result<Notice, NoticeError> {
    let api_v3_key = secret.api_v3_key().map_err(NoticeError::Unverifiable)?;
    let seal = Seal::read(headers, terminal.host.now()).map_err(|error| match error {
        SealError::Probe => NoticeError::Probe,
        error => error.into(),
    })?;
    let key = match terminal.platform_key(secret, seal.serial).await {
        Ok(key) => key.ok_or(SealError::Key)?,
        // WeChat Pay has no certificates for us: nobody's name of one can be right.
        Err(PayError::Business { transient: false, .. }) => return Err(SealError::Key.into()),
        Err(error) => return Err(NoticeError::Unverifiable(error)),
    };
    read(terminal, &seal.verify(bytes, &key)?, api_v3_key)
}

fn read(terminal: &Terminal, verified: &Verified<'_>, api_v3_key: &Secret) -> Result<Notice, NoticeError> {
    let envelope: Envelope =
        serde_json::from_slice(verified.bytes()).map_err(|_| NoticeError::Field("envelope"))?;
    let plain = decrypt(&envelope.resource, api_v3_key)?;
    match envelope.event_type.as_str() {
        "TRANSACTION.SUCCESS" => {
            let transaction: Transaction =
                serde_json::from_slice(&plain).map_err(|_| NoticeError::Field("transaction"))?;
            if transaction.appid.as_deref() != Some(terminal.app_id.as_str()) {
                return Err(NoticeError::Foreign("appid"));
            }
            if transaction.mchid.as_deref() != Some(terminal.mch_id.as_str()) {
                return Err(NoticeError::Foreign("mchid"));
            }
            if transaction.trade_state != "SUCCESS" {
                return Err(NoticeError::Field("trade_state"));
            }
            api::payment(&transaction, Source::Notice).map(Notice::Paid).map_err(NoticeError::Field)
        }
        "REFUND.SUCCESS" | "REFUND.ABNORMAL" | "REFUND.CLOSED" => {
            let told: Told = serde_json::from_slice(&plain).map_err(|_| NoticeError::Field("refund"))?;
            if told.mchid.as_deref() != Some(terminal.mch_id.as_str()) {
                return Err(NoticeError::Foreign("mchid"));
            }
            refund::read(&told, Source::Notice).map(Notice::Refund).map_err(NoticeError::Field)
        }
        _ => Err(NoticeError::Field("event_type")),
    }
}

fn decrypt(resource: &Resource, key: &Secret) -> Result<Vec<u8>, NoticeError> {
    if resource.algorithm != "AEAD_AES_256_GCM" {
        return Err(NoticeError::Field("resource.algorithm"));
    }
    let sealed =
        STANDARD.decode(&resource.ciphertext).map_err(|_| NoticeError::Field("resource.ciphertext"))?;
    let bound = resource.associated_data.as_deref().unwrap_or_default().as_bytes();
    let nonce = resource.nonce.as_bytes();
    // Signed by WeChat Pay, so it is our APIv3 key that is not the console's.
    open_gcm(key.expose().as_bytes(), nonce, bound, &sealed)
        .map_err(|_| NoticeError::Field("resource, under the secret's api_v3_key,"))
}
