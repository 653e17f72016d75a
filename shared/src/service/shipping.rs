//! WeChat's shipping information: uploads what was shipped, asks what WeChat knows, reminds of the receipt, lists courier companies, and
//! tells and sets what concerns the whole account.

use serde_json::json;

use super::{PlatformClient, PlatformError};
use crate::{
    host::{Host, HostError, RetryPolicy},
    store::TokenName,
    types::{AppId, TransactionId, UnixSeconds},
    wechat::{
        Errcode, ErrcodeClass,
        shipping::{
            ExpressCompany, REMINDER_PATH, ShippingUpload, TradeManagement, TradeOrder, reminder_request,
        },
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

/// What came of making WeChat remind the user.
#[derive(Debug)]
pub enum ReminderOutcome {
    /// WeChat reminds the user, or has done so before.
    Reminded,
    /// WeChat does not, and will not.
    Refused(PlatformError),
    /// WeChat can't be asked now. Nobody is reminded.
    Busy(PlatformError),
    /// The user may have been reminded.
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

    /// Makes WeChat ask the user to confirm the receipt of what was signed for at `received_at`. It is not repeated after a lost answer,
    /// because WeChat reminds once.
    pub async fn remind_of_receipt(
        &self,
        payment: &TransactionId,
        received_at: UnixSeconds,
    ) -> ReminderOutcome {
        let body = reminder_request(payment, received_at);
        match self.0.post(REMINDER_PATH, &body, RetryPolicy::UnlessOutcomeUnknown).await {
            Ok(_) => ReminderOutcome::Reminded,
            Err(error) if error.is_outcome_unknown() => ReminderOutcome::Unknown(error),
            Err(error) if error.errcode() == Some(10_060_030) => ReminderOutcome::Reminded,
            Err(error) if error.errcode().is_some_and(is_refusal) => ReminderOutcome::Refused(error),
            Err(error) => ReminderOutcome::Busy(error),
        }
    }

    /// Whether WeChat manages the trade of the mini program `app_id`.
    ///
    /// # Errors
    /// [`PlatformError`]: WeChat can't be asked now.
    pub async fn trade_management(&self, app_id: &AppId) -> Result<TradeManagement, PlatformError> {
        let body = json!({ "appid": app_id.as_str() });
        let ask = async |path| self.0.post(path, &body, RetryPolicy::AnyFailure).await;
        let managed = ask(TradeManagement::MANAGED_PATH).await?;
        let confirmed = ask(TradeManagement::CONFIRMED_PATH).await?;
        Ok(TradeManagement::read(&managed, &confirmed))
    }

    /// Sets the page of the mini program to which WeChat's order messages lead.
    ///
    /// # Errors
    /// [`PlatformError`]: WeChat refuses the path, or can't be asked now. Setting it again is harmless.
    pub async fn set_message_path(&self, path: &str) -> Result<(), PlatformError> {
        let body = json!({ "path": path });
        self.0.post(TradeManagement::MESSAGE_PATH, &body, RetryPolicy::AnyFailure).await.map(drop)
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
