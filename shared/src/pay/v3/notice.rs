//! Notices of APIv3 (支付通知, 退款结果通知, 投诉通知): bytes → verified bytes → envelope → decrypted resource → meaning. The types leave no other
//! order.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderMap;
use serde::Deserialize;

use super::{
    api::{self, Transaction},
    complaint::{self, ComplaintChange},
    optional::optional_text,
    refund::{self, RefundResource},
    verify::{SignatureError, SignatureHeaders, VerifiedBytes},
};
use crate::{
    crypto::open_gcm,
    pay::{MerchantContext, MerchantSecret, Notice, NoticeError, PayError, Source},
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

/// Verifies and reads a notice from the exact bytes received.
pub(in crate::pay) async fn receive(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    headers: &HeaderMap,
    bytes: &[u8],
) -> Result<Notice, NoticeError> {
    let api_v3_key = secret.api_v3_key().map_err(NoticeError::Unverifiable)?;
    let seal = SignatureHeaders::read(headers, merchant.host.now()).map_err(|error| match error {
        SignatureError::Probe => NoticeError::Probe,
        error => error.into(),
    })?;
    let key = match merchant.platform_key(secret, seal.serial).await {
        Ok(key) => key.ok_or(SignatureError::Key)?,
        // WeChat Pay has no certificates for this merchant, so that no serial number can be right.
        Err(PayError::Business { transient: false, .. }) => return Err(SignatureError::Key.into()),
        Err(error) => return Err(NoticeError::Unverifiable(error)),
    };
    read(merchant, &seal.verify(bytes, &key)?, api_v3_key)
}

fn read(
    merchant: &MerchantContext,
    verified: &VerifiedBytes<'_>,
    api_v3_key: &Secret,
) -> Result<Notice, NoticeError> {
    let envelope = verified.parse::<Envelope>().map_err(|_| NoticeError::Field("envelope"))?;
    let resource = verified.decrypt(|| decrypt(&envelope.get().resource, api_v3_key))?;
    match envelope.get().event_type.as_str() {
        "TRANSACTION.SUCCESS" => {
            let verified = resource.parse::<Transaction>().map_err(|_| NoticeError::Field("transaction"))?;
            let transaction = verified.get();
            if transaction.appid.as_deref() != Some(merchant.app_id.as_str()) {
                return Err(NoticeError::Foreign("appid"));
            }
            if transaction.mchid.as_deref() != Some(merchant.mch_id.as_str()) {
                return Err(NoticeError::Foreign("mchid"));
            }
            if transaction.trade_state != "SUCCESS" {
                return Err(NoticeError::Field("trade_state"));
            }
            api::payment(&verified, Source::Notice).map(Notice::Paid).map_err(NoticeError::Field)
        }
        "REFUND.SUCCESS" | "REFUND.ABNORMAL" | "REFUND.CLOSED" => {
            let refund = resource.parse::<RefundResource>().map_err(|_| NoticeError::Field("refund"))?;
            if refund.get().mchid.as_deref() != Some(merchant.mch_id.as_str()) {
                return Err(NoticeError::Foreign("mchid"));
            }
            refund::read(&refund, Source::Notice).map(Notice::Refund).map_err(NoticeError::Field)
        }
        "COMPLAINT.CREATE" | "COMPLAINT.STATE_CHANGE" => {
            let notice = resource.parse::<ComplaintChange>().map_err(|_| NoticeError::Field("complaint"))?;
            complaint::read_notice(&notice).map(Notice::Complaint).map_err(NoticeError::Field)
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
    // WeChat Pay has signed it, so a failure means that the secret's APIv3 key is not the one set in the merchant console.
    open_gcm(key.expose().as_bytes(), nonce, bound, &sealed)
        .map_err(|_| NoticeError::Field("resource, under the secret's api_v3_key,"))
}
