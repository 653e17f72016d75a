//! The client of WeChat Pay: what the shop asks, whatever the API version.

use super::{
    AbnormalPayee, ApiVersion, Bill, CertificateStore, CloseResponse, PayError, PayParams, PrepayOutcome,
    PrepayRequest, Refund, RefundRequest, RefundResponse, TradeState, merchant::MerchantContext, v2, v3,
};
use crate::{
    host::{Host, HostError},
    types::{Day, OutRefundNo, OutTradeNo, PrepayId},
};

/// The client.
pub struct PayClient(MerchantContext);

impl PayClient {
    /// Reads the variables that say whose payments these are; `pay/merchant.rs` lists them.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host, certificates: Box<dyn CertificateStore>) -> Result<Self, HostError> {
        MerchantContext::new(host, certificates).map(Self)
    }

    /// Asks for a prepayment.
    ///
    /// # Errors
    /// [`PayError`]; a transient one leaves open whether the attempt exists at WeChat Pay.
    pub async fn prepay(&self, request: &PrepayRequest<'_>) -> Result<PrepayOutcome, PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            ApiVersion::V2 => v2::prepay(&self.0, &secret, request).await,
            ApiVersion::V3 => v3::prepay(&self.0, &secret, request).await,
        }
    }

    /// Asks what became of an attempt.
    ///
    /// # Errors
    /// [`PayError`].
    pub async fn query(&self, out_trade_no: OutTradeNo) -> Result<TradeState, PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            ApiVersion::V2 => v2::query(&self.0, &secret, out_trade_no).await,
            ApiVersion::V3 => v3::query(&self.0, &secret, out_trade_no).await,
        }
    }

    /// Closes an attempt. Ask what became of it first.
    ///
    /// # Errors
    /// [`PayError`].
    pub async fn close(&self, out_trade_no: OutTradeNo) -> Result<CloseResponse, PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            ApiVersion::V2 => v2::close(&self.0, &secret, out_trade_no).await,
            ApiVersion::V3 => v3::close(&self.0, &secret, out_trade_no).await,
        }
    }

    /// How the phone's arguments are signed: `MD5`, `HMAC-SHA256` or `RSA`.
    #[must_use]
    pub fn sign_type(&self) -> &'static str {
        match self.0.api {
            ApiVersion::V2 => self.0.sign_type.as_str(),
            ApiVersion::V3 => "RSA",
        }
    }

    /// The arguments with which the phone pays.
    ///
    /// # Errors
    /// The key can't be read, or there is no randomness.
    pub async fn pay_params(&self, prepay_id: &PrepayId) -> Result<PayParams, PayError> {
        let secret = self.0.secret.get().await?;
        let (now, nonce_str) = (self.0.host.now(), self.0.host.nonce_str()?);
        match self.0.api {
            ApiVersion::V2 => v2::pay_params(&self.0, &secret, prepay_id, now, nonce_str),
            ApiVersion::V3 => v3::pay_params(&self.0, &secret, prepay_id, now, nonce_str),
        }
    }

    /// Asks for a refund. The same number with the same request is one refund, however often it is asked for.
    ///
    /// # Errors
    /// [`PayError`]; a transient one leaves open whether the refund exists at WeChat Pay.
    pub async fn refund(&self, request: &RefundRequest<'_>) -> Result<RefundResponse, PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            ApiVersion::V2 => v2::refund(&self.0, &secret, request).await,
            ApiVersion::V3 => v3::refund(&self.0, &secret, request).await,
        }
    }

    /// Asks what became of a refund; `None` if WeChat Pay has never heard of it.
    ///
    /// # Errors
    /// [`PayError`].
    pub async fn query_refund(&self, out_refund_no: &OutRefundNo) -> Result<Option<Refund>, PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            ApiVersion::V2 => v2::query_refund(&self.0, &secret, out_refund_no).await,
            ApiVersion::V3 => v3::query_refund(&self.0, &secret, out_refund_no).await,
        }
    }

    /// The refunds of the attempt's payment, as far as WeChat Pay lists them. APIv3 lists none: it answers for a refund whose
    /// number is known, and the merchant console chooses its own numbers.
    ///
    /// # Errors
    /// [`PayError`].
    pub async fn refunds_of(&self, out_trade_no: OutTradeNo) -> Result<Vec<Refund>, PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            ApiVersion::V2 => v2::refunds_of(&self.0, &secret, out_trade_no).await,
            ApiVersion::V3 => Ok(Vec::new()),
        }
    }

    /// Asks that the money of an abnormal refund goes to `payee`; `None` if the interface has no such call, as APIv2 has not.
    ///
    /// # Errors
    /// [`PayError`]; after a transient one it may be under way. Ask again: what is under way is refused, and the refund tells so.
    pub async fn redirect_refund(
        &self,
        refund_id: &str,
        out_refund_no: &OutRefundNo,
        payee: &AbnormalPayee,
    ) -> Result<Option<Refund>, PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            ApiVersion::V2 => Ok(None),
            ApiVersion::V3 => {
                v3::redirect_refund(&self.0, &secret, (refund_id, out_refund_no), payee).await.map(Some)
            }
        }
    }

    /// The bill of a day, whole; the day is over, and WeChat Pay writes its bill until ten the next morning.
    ///
    /// # Errors
    /// [`PayError`]; nothing of a bill that is not whole is believed. Ask again later.
    pub async fn bill(&self, day: Day) -> Result<Bill, PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            ApiVersion::V2 => v2::bill(&self.0, &secret, day).await,
            ApiVersion::V3 => v3::bill(&self.0, &secret, day).await,
        }
    }

    /// Whether the secret holds what refunds want: told before anything is written.
    ///
    /// # Errors
    /// It does not.
    pub async fn can_refund(&self) -> Result<(), PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            ApiVersion::V2 => secret.mutual_tls(&self.0.host).map(drop),
            ApiVersion::V3 => secret.signing_key().map(drop),
        }
    }
}
