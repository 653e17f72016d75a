//! WeChat's shipping information: uploads what was shipped, asks what WeChat knows, lists courier companies.

use serde_json::json;

use super::{PlatformClient, PlatformError};
use crate::{
    host::{Host, HostError, RetryPolicy},
    store::TokenName,
    types::TransactionId,
    wechat::{
        Errcode, ErrcodeClass,
        shipping::{ExpressCompany, ShippingUpload, TradeOrder},
    },
};

/// What came of an upload.
#[derive(Debug)]
pub enum UploadOutcome {
    /// WeChat knows it now, or knew it before.
    Taken,
    /// WeChat does not know the payment yet, because its payments arrive there seconds to minutes later.
    UnknownPayment,
    /// WeChat says that everything was shipped before, or the correction is used up. What it knows must be looked at.
    AlreadyShipped,
    /// WeChat does not take it, for the reason with this number.
    Refused(i64),
    /// WeChat can't be asked now. The upload had no effect.
    Busy(PlatformError),
    /// The upload may have taken effect.
    Unknown(PlatformError),
}

/// A client of WeChat's shipping information.
pub struct ShippingClient(PlatformClient);

impl ShippingClient {
    /// [`PlatformClient::new`] reads the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        PlatformClient::new(host, TokenName::MiniProgram).map(Self)
    }

    /// Uploads what was shipped. It is not repeated after a lost answer, because WeChat takes one correction only.
    pub async fn upload(&self, upload: &ShippingUpload<'_>) -> UploadOutcome {
        let sent =
            self.0.post(ShippingUpload::PATH, &upload.to_json(), RetryPolicy::UnlessOutcomeUnknown).await;
        let Err(error) = sent else { return UploadOutcome::Taken };
        if error.is_outcome_unknown() {
            return UploadOutcome::Unknown(error);
        }
        match error.errcode() {
            Some(10_060_023) => UploadOutcome::Taken,
            Some(10_060_001) => UploadOutcome::UnknownPayment,
            Some(10_060_002 | 10_060_003) => UploadOutcome::AlreadyShipped,
            Some(code) if is_refusal(code) => UploadOutcome::Refused(code),
            _ => UploadOutcome::Busy(error),
        }
    }

    /// The order of a payment as WeChat knows it; `None` if WeChat does not know the payment, or not yet.
    ///
    /// # Errors
    /// [`PlatformError`]: WeChat can't be asked now.
    pub async fn find_order(&self, payment: &TransactionId) -> Result<Option<TradeOrder>, PlatformError> {
        match self.0.post(TradeOrder::PATH, &TradeOrder::request(payment), RetryPolicy::AnyFailure).await {
            Ok(answer) => Ok(TradeOrder::read(&answer)),
            Err(error) if error.errcode() == Some(10_060_001) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The courier companies that WeChat knows.
    ///
    /// # Errors
    /// [`PlatformError`]: WeChat can't be asked now.
    pub async fn list_companies(&self) -> Result<Vec<ExpressCompany>, PlatformError> {
        let answer = self.0.post(ExpressCompany::PATH, &json!({}), RetryPolicy::AnyFailure).await?;
        Ok(ExpressCompany::read_list(&answer))
    }
}

/// Whether the errcode refuses this upload, and another try would not help.
fn is_refusal(errcode: i64) -> bool {
    // 10060012, 10060019: busy. 44990: too often.
    !matches!(errcode, 10_060_012 | 10_060_019 | 44_990) && Errcode(errcode).class() == ErrcodeClass::Request
}
