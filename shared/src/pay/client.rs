//! The client of WeChat Pay: what the shop asks, whatever the API version.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::{
    Payment,
    v2::{self, SignType, Transport},
};
use crate::{
    error::{ApiError, BoxError, Code},
    host::{Host, HostError},
    secrets::SecretCell,
    types::{AppId, Fen, MchId, OpenId, OutTradeNo, PrepayId, Secret, UnixSeconds},
};

/// The secret of `MERCHANT_SECRET_ARN`.
#[derive(Debug, Deserialize)]
pub struct MerchantSecret {
    /// The APIv2 key: 32 characters, set in the merchant console.
    #[serde(deserialize_with = "api_v2_key")]
    pub api_v2_key: Secret,
}

/// A key that was left empty would make every forged signature right, so another length is no key at all.
fn api_v2_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    let key = Secret::deserialize(deserializer)?;
    if key.expose().len() == 32 {
        Ok(key)
    } else {
        Err(D::Error::custom("the APIv2 key must have 32 characters"))
    }
}

/// What a prepayment is asked for. The same request may be repeated; another one needs another number.
pub struct PrepayRequest<'a> {
    /// The attempt's number.
    pub out_trade_no: OutTradeNo,
    /// What the user reads, at most 127 bytes.
    pub description: &'a str,
    /// The amount.
    pub total_fee: Fen,
    /// The payer.
    pub openid: &'a OpenId,
    /// The payer's address.
    pub client_ip: &'a str,
    /// When paying ends.
    pub expires_at: UnixSeconds,
    /// Where WeChat Pay sends the notice.
    pub notify_url: &'a str,
}

/// What came of a prepayment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prepaid {
    /// It can be paid with this.
    Ready(PrepayId),
    /// The attempt is paid.
    AlreadyPaid,
    /// The attempt is closed; its number can't be used again.
    Closed,
    /// The number is taken, perhaps by another app of the merchant.
    NumberTaken,
    /// The request differs from the first one with this number, or is malformed.
    Differs,
    /// The user's balance is too low.
    BalanceNotEnough,
}

/// What WeChat Pay knows of an attempt.
#[derive(Debug)]
pub enum Trade {
    /// Money was taken.
    Paid(Payment),
    /// Prepaid, and not paid.
    Unpaid,
    /// Closed without a payment.
    Closed,
    /// Paid and given back, in full or in part.
    Refunded,
    /// No such number.
    Unknown,
}

/// What came of closing an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// It can't be paid any more.
    Closed,
    /// It was paid.
    AlreadyPaid,
}

/// The arguments of `wx.requestPayment`, and the appid they are signed with.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PayParams {
    /// The mini program.
    pub app_id: String,
    /// Seconds, as text.
    pub time_stamp: String,
    /// Random.
    pub nonce_str: String,
    /// `prepay_id=…`
    pub package: String,
    /// `MD5`, `HMAC-SHA256` or `RSA`.
    pub sign_type: &'static str,
    /// The signature over the five above.
    pub pay_sign: String,
}

/// WeChat Pay could not be asked, or its answer can't be used.
#[derive(Debug, thiserror::Error)]
pub enum PayError {
    /// Nothing is known of the outcome.
    #[error("{path} was called and its answer was lost")]
    Lost {
        /// The path called.
        path: &'static str,
        /// Why.
        #[source]
        cause: BoxError,
    },
    /// The request as a whole was refused: the key, the account or the format is wrong.
    #[error("{path} refused the request: {said}")]
    Refused {
        /// The path called.
        path: &'static str,
        /// WeChat Pay's words.
        said: String,
    },
    /// The request was understood and could not be done.
    #[error("{path} answered {code}")]
    Business {
        /// The path called.
        path: &'static str,
        /// WeChat Pay's code.
        code: String,
    },
    /// The answer's signature or contents are not right: it is not believed.
    #[error("{path} answered with a wrong {what}")]
    NotVerified {
        /// The path called.
        path: &'static str,
        /// What is wrong.
        what: &'static str,
    },
    /// The request can't be written.
    #[error("{path} can't be asked for")]
    Request {
        /// The path meant.
        path: &'static str,
        /// Why.
        #[source]
        cause: BoxError,
    },
    /// The merchant's secret can't be read.
    #[error(transparent)]
    Secret(#[from] crate::secrets::SecretError),
    /// The host gives no client or no randomness.
    #[error(transparent)]
    Host(#[from] HostError),
}

impl PayError {
    /// Whether the identical request may succeed, now or a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Lost { .. } => true,
            // The second: the attempt is being paid just now.
            Self::Business { code, .. } => code == "SYSTEMERROR" || code == "TRADE_STATE_ERROR",
            _ => false,
        }
    }
}

impl From<PayError> for ApiError {
    fn from(error: PayError) -> Self {
        let code = match &error {
            error if error.is_transient() => Code::UpstreamBusy,
            PayError::Business { code, .. } if code == "FREQUENCY_LIMITED" => Code::RateLimited,
            _ => Code::Internal,
        };
        Self::new(code).because(error)
    }
}

/// The client.
pub struct PayClient {
    transport: Transport,
    secret: SecretCell<MerchantSecret>,
}

impl PayClient {
    /// Reads the settings.
    ///
    /// # Errors
    /// One is missing or wrong.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        let transport = Transport {
            host: host.clone(),
            base: host.var("PAY_API_BASE")?.trim_end_matches('/').to_owned(),
            app_id: host.parsed_var("MINI_PROGRAM_APP_ID", "an appid", AppId::parse)?,
            mch_id: host.parsed_var("MERCHANT_ID", "a mch_id", MchId::parse)?,
            sign_type: host.parsed_var("PAY_SIGN_TYPE", "MD5 or HMAC-SHA256", str::parse::<SignType>)?,
        };
        Ok(Self { transport, secret: SecretCell::new(host, "MERCHANT_SECRET_ARN")? })
    }

    /// Asks for a prepayment.
    ///
    /// # Errors
    /// [`PayError`]; a transient one leaves open whether the attempt exists at WeChat Pay.
    pub async fn prepay(&self, request: &PrepayRequest<'_>) -> Result<Prepaid, PayError> {
        v2::prepay(&self.transport, &self.secret.get().await?.api_v2_key, request).await
    }

    /// Asks what became of an attempt.
    ///
    /// # Errors
    /// [`PayError`].
    pub async fn query(&self, out_trade_no: OutTradeNo) -> Result<Trade, PayError> {
        v2::query(&self.transport, &self.secret.get().await?.api_v2_key, out_trade_no).await
    }

    /// Closes an attempt. Ask what became of it first.
    ///
    /// # Errors
    /// [`PayError`].
    pub async fn close(&self, out_trade_no: OutTradeNo) -> Result<Close, PayError> {
        v2::close(&self.transport, &self.secret.get().await?.api_v2_key, out_trade_no).await
    }

    /// The arguments with which the phone pays.
    ///
    /// # Errors
    /// The key can't be read, or there is no randomness.
    pub async fn pay_params(&self, prepay_id: &PrepayId) -> Result<PayParams, PayError> {
        let secret = self.secret.get().await?;
        let host = &self.transport.host;
        Ok(v2::pay_params(&self.transport, &secret.api_v2_key, prepay_id, host.now(), host.nonce_str()?))
    }
}
