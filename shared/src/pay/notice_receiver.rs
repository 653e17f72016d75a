//! Receiving a notice: find its API version, verify it, read it.

use http::HeaderMap;

use super::{ApiVersion, CertificateStore, Notice, NoticeError, PayError, merchant::MerchantContext, v2, v3};
use crate::{
    host::{Host, HostError},
    telemetry::{self, Metric},
};

/// Receives notices.
pub struct NoticeReceiver(MerchantContext);

impl NoticeReceiver {
    /// Reads the variables that say whose payments these are; `pay/merchant.rs` lists them.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host, certificates: Box<dyn CertificateStore>) -> Result<Self, HostError> {
        MerchantContext::new(host, certificates).map(Self)
    }

    /// Verifies and reads a notice from the exact bytes received, because the signature covers them.
    ///
    /// # Errors
    /// [`NoticeError`]; nothing was written. Answer with a failure, so that WeChat Pay delivers the notice again.
    pub async fn receive(&self, headers: &HeaderMap, bytes: &[u8]) -> Result<Notice, NoticeError> {
        let secret = self.0.secret.get().await.map_err(|error| NoticeError::Unverifiable(error.into()))?;
        let api = ApiVersion::of_notice(headers, bytes);
        let received = match api {
            ApiVersion::V2 => v2::receive(&self.0, &secret, bytes),
            ApiVersion::V3 => v3::receive(&self.0, &secret, headers, bytes).await,
        };
        let received = match received {
            // Anybody can send a notice of either API version, so only the missing key of the configured one is an operator's fault.
            Err(NoticeError::Unverifiable(PayError::NotConfigured(_))) if api != self.0.api => {
                Err(NoticeError::OtherApi)
            }
            received => received,
        };
        telemetry::record_metric(Metric::Notice(outcome(&received)));
        received
    }
}

/// The value of the metric's dimension `outcome`.
fn outcome(received: &Result<Notice, NoticeError>) -> &'static str {
    match received {
        Ok(Notice::Paid(_)) => "paid",
        Ok(Notice::Failed(_)) => "failed",
        Ok(Notice::Refund(_)) => "refund",
        Ok(Notice::Complaint(_)) => "complaint",
        Err(NoticeError::Probe) => "probe",
        // WeChat Pay sends the notice again. Anybody can invent a serial number, so this must not raise an alarm.
        Err(NoticeError::Unverifiable(PayError::CertificateNotListed)) => "not-yet",
        // Genuine, or nobody can say: somebody should look.
        Err(NoticeError::Foreign(_) | NoticeError::Field(_) | NoticeError::Unverifiable(_)) => "unreadable",
        Err(_) => "refused",
    }
}
