//! What WeChat Pay tells us by itself: a notice of either interface, verified before it is read.
//!
//! Whichever interface we call, notices of both are received at the same address: orders that were prepaid before a change are
//! paid after it.

use http::HeaderMap;
use lambda_http::{Body, Response};
use serde_json::json;

use super::{Api, PayError, Payment, Refund, Terminal, v2, v3};
use crate::{
    error::{ApiError, BoxError, Code},
    host::{Host, HostError},
    http::answer,
    runtime::StatusCode,
    telemetry::{self, Counted},
};

/// What a genuine notice says.
#[derive(Debug)]
pub enum Notice {
    /// Money was taken.
    Paid(Payment),
    /// An attempt to pay failed; the user may try again.
    Failed {
        /// The attempt, as WeChat Pay has it.
        out_trade_no: String,
        /// Why.
        err_code: String,
    },
    /// A refund has gone on.
    Refund(Refund),
}

/// Why a notice is refused. Nothing of it has been acted on.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// Not in the form of a notice.
    #[error("the notice is malformed")]
    Malformed(#[source] BoxError),
    /// `return_code` is not SUCCESS: it is not signed and says nothing.
    #[error("the notice's return_code is not SUCCESS")]
    ReturnCode,
    /// The signature is missing, wrong, or of another type than configured.
    #[error("the notice's signature is not right")]
    Signature,
    /// The signature is missing, wrong, of another time or of another key.
    #[error("the notice is not believed")]
    Seal(#[from] v3::SealError),
    /// WeChat Pay tries whether we verify.
    #[error("the notice is one of WeChat Pay's probes")]
    Probe,
    /// Genuine, and for another app or merchant.
    #[error("the notice is for another {0}")]
    Foreign(&'static str),
    /// Genuine, and a field is missing or not in its form.
    #[error("the notice's {0} is missing or not in its form")]
    Field(&'static str),
    /// The interface that it came by is not ours, and we have no key for it.
    #[error("the notice came by an interface that is not configured")]
    OtherApi,
    /// What is needed to verify it can't be had.
    #[error("the notice can't be verified")]
    Unverifiable(#[source] PayError),
}

impl From<NoticeError> for ApiError {
    fn from(error: NoticeError) -> Self {
        let code = match error {
            NoticeError::Unverifiable(error) => return error.into(),
            NoticeError::Malformed(_) | NoticeError::ReturnCode => Code::InvalidInput,
            NoticeError::Signature | NoticeError::Seal(_) | NoticeError::Probe | NoticeError::OtherApi => {
                Code::Unauthorized
            }
            // Signed with WeChat Pay's key and not to be read: our settings are wrong, or the protocol has changed. It is
            // about money.
            NoticeError::Foreign(_) | NoticeError::Field(_) => Code::Internal,
        };
        Self::new(code).because(error)
    }
}

/// Receives notices.
pub struct Receiver(Terminal);

impl Receiver {
    /// Reads the settings.
    ///
    /// # Errors
    /// One is missing or wrong.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Terminal::new(host).map(Self)
    }

    /// Reads a notice from the exact bytes received.
    ///
    /// # Errors
    /// [`NoticeError`].
    pub async fn receive(&self, headers: &HeaderMap, bytes: &[u8]) -> Result<Notice, NoticeError> {
        let secret = self.0.secret.get().await.map_err(|error| NoticeError::Unverifiable(error.into()))?;
        let received = match Api::of_notice(bytes) {
            Api::V2 => v2::receive(&self.0, &secret, bytes),
            Api::V3 => v3::receive(&self.0, &secret, headers, bytes).await,
        };
        let received = match received {
            // Strangers can choose the form; only the configured one's missing key is an operator's fault.
            Err(NoticeError::Unverifiable(PayError::NotConfigured(_)))
                if Api::of_notice(bytes) != self.0.api =>
            {
                Err(NoticeError::OtherApi)
            }
            received => received,
        };
        telemetry::count(Counted::Notice(outcome(&received)));
        received
    }
}

/// In a word, for the metric.
fn outcome(received: &Result<Notice, NoticeError>) -> &'static str {
    match received {
        Ok(Notice::Paid(_)) => "paid",
        Ok(Notice::Failed { .. }) => "failed",
        Ok(Notice::Refund(_)) => "refund",
        Err(NoticeError::Probe) => "probe",
        // Genuine, or nobody can say: somebody should look.
        Err(NoticeError::Foreign(_) | NoticeError::Field(_) | NoticeError::Unverifiable(_)) => "unreadable",
        Err(_) => "refused",
    }
}

impl Api {
    /// By which interface these bytes came.
    #[must_use]
    pub fn of_notice(bytes: &[u8]) -> Self {
        if bytes.trim_ascii_start().first() == Some(&b'{') { Self::V3 } else { Self::V2 }
    }

    /// The answer that makes WeChat Pay stop repeating the notice.
    #[must_use]
    pub fn accepted(self) -> Response<Body> {
        match self {
            Self::V2 => answer::with_type(StatusCode::OK, XML, SUCCESS),
            Self::V3 => answer::empty(StatusCode::NO_CONTENT),
        }
    }

    /// The answer that makes WeChat Pay send the notice again.
    #[must_use]
    pub fn refused(self, error: &ApiError) -> Response<Body> {
        match self {
            Self::V2 => answer::with_type(StatusCode::OK, XML, FAIL),
            Self::V3 => {
                let message = if error.code() == Code::Unauthorized {
                    "验签失败"
                } else {
                    "处理失败，请重试"
                };
                let body = json!({ "code": "FAIL", "message": message }).to_string();
                answer::with_type(error.code().status(), "application/json; charset=utf-8", body)
            }
        }
    }
}

const XML: &str = "text/xml; charset=utf-8";
const SUCCESS: &str =
    "<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>";
const FAIL: &str =
    "<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[REFUSED]]></return_msg></xml>";
