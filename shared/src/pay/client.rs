//! The client of WeChat Pay: what the shop asks, whatever the API version.

use serde::Serialize;

use super::{
    AbnormalPayee, Api, Bill, CertificateStore, PayError, Payment, Refund, RefundRequest, Requested,
    merchant::Terminal, v2, v3,
};
use crate::{
    host::{Host, HostError},
    types::{Day, Fen, OpenId, OutRefundNo, OutTradeNo, PrepayId, UnixSeconds},
};

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
    /// Money was taken. [`Payment::has_refunds`] says whether something of it was given back since.
    Paid(Payment),
    /// Prepaid, and not paid.
    Unpaid,
    /// Closed without a payment.
    Closed,
    /// Paid and given back, in full or in part, and WeChat Pay does not tell the payment.
    Refunded,
    /// No such number.
    Unknown,
}

/// What came of closing an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// It can't be paid any more.
    Closed,
    /// It was paid, or is closed already: ask what became of it.
    AskAgain,
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

/// The client.
pub struct PayClient(Terminal);

impl PayClient {
    /// Reads the variables that say whose payments these are; `pay/merchant.rs` lists them.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host, certificates: Box<dyn CertificateStore>) -> Result<Self, HostError> {
        Terminal::new(host, certificates).map(Self)
    }

    /// Asks for a prepayment.
    ///
    /// # Errors
    /// [`PayError`]; a transient one leaves open whether the attempt exists at WeChat Pay.
    pub async fn prepay(&self, request: &PrepayRequest<'_>) -> Result<Prepaid, PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            Api::V2 => v2::prepay(&self.0, &secret, request).await,
            Api::V3 => v3::prepay(&self.0, &secret, request).await,
        }
    }

    /// Asks what became of an attempt.
    ///
    /// # Errors
    /// [`PayError`].
    pub async fn query(&self, out_trade_no: OutTradeNo) -> Result<Trade, PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            Api::V2 => v2::query(&self.0, &secret, out_trade_no).await,
            Api::V3 => v3::query(&self.0, &secret, out_trade_no).await,
        }
    }

    /// Closes an attempt. Ask what became of it first.
    ///
    /// # Errors
    /// [`PayError`].
    pub async fn close(&self, out_trade_no: OutTradeNo) -> Result<Close, PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            Api::V2 => v2::close(&self.0, &secret, out_trade_no).await,
            Api::V3 => v3::close(&self.0, &secret, out_trade_no).await,
        }
    }

    /// How the phone's arguments are signed: `MD5`, `HMAC-SHA256` or `RSA`.
    #[must_use]
    pub fn sign_type(&self) -> &'static str {
        match self.0.api {
            Api::V2 => self.0.sign_type.as_str(),
            Api::V3 => "RSA",
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
            Api::V2 => v2::pay_params(&self.0, &secret, prepay_id, now, nonce_str),
            Api::V3 => v3::pay_params(&self.0, &secret, prepay_id, now, nonce_str),
        }
    }

    /// Asks for a refund. The same number with the same request is one refund, however often it is asked for.
    ///
    /// # Errors
    /// [`PayError`]; a transient one leaves open whether the refund exists at WeChat Pay.
    pub async fn refund(&self, request: &RefundRequest<'_>) -> Result<Requested, PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            Api::V2 => v2::refund(&self.0, &secret, request).await,
            Api::V3 => v3::refund(&self.0, &secret, request).await,
        }
    }

    /// Asks what became of a refund; `None` if WeChat Pay has never heard of it.
    ///
    /// # Errors
    /// [`PayError`].
    pub async fn query_refund(&self, out_refund_no: &OutRefundNo) -> Result<Option<Refund>, PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            Api::V2 => v2::query_refund(&self.0, &secret, out_refund_no).await,
            Api::V3 => v3::query_refund(&self.0, &secret, out_refund_no).await,
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
            Api::V2 => v2::refunds_of(&self.0, &secret, out_trade_no).await,
            Api::V3 => Ok(Vec::new()),
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
            Api::V2 => Ok(None),
            Api::V3 => {
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
            Api::V2 => v2::bill(&self.0, &secret, day).await,
            Api::V3 => v3::bill(&self.0, &secret, day).await,
        }
    }

    /// Whether the secret holds what refunds want: told before anything is written.
    ///
    /// # Errors
    /// It does not.
    pub async fn can_refund(&self) -> Result<(), PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            Api::V2 => secret.mutual_tls(&self.0.host).map(drop),
            Api::V3 => secret.signing_key().map(drop),
        }
    }
}
