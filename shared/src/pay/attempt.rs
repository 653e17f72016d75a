//! One attempt to pay an order: what WeChat Pay is asked about it, and what it answers, whatever the interface.

use serde::Serialize;

use super::Payment;
use crate::types::{Fen, OpenId, OutTradeNo, PrepayId, UnixSeconds};

/// The request of a prepayment. The same request may be repeated; a different one needs another `out_trade_no`.
pub struct PrepayRequest<'a> {
    /// The attempt's number.
    pub out_trade_no: OutTradeNo,
    /// The description that the user reads, at most 127 bytes.
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
    /// Whether WeChat's page of the payment offers an invoice (v2 `receipt`, v3 `support_fapiao`).
    pub offers_invoice: bool,
}

/// WeChat Pay's answer to a prepayment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrepayOutcome {
    /// The attempt can be paid with this `prepay_id`.
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

/// WeChat Pay's state of an attempt (`trade_state`).
#[derive(Debug)]
pub enum TradeState {
    /// Money was taken. [`Payment::has_refunds`] says whether something of it was given back since.
    Paid(Payment),
    /// Prepaid, and not paid.
    Unpaid,
    /// Closed without a payment.
    Closed,
    /// Paid and refunded, in full or in part, and the answer does not hold the payment's fields.
    Refunded,
    /// WeChat Pay does not know the number.
    Unknown,
}

/// WeChat Pay's answer to closing an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseResponse {
    /// The attempt can't be paid any more.
    Closed,
    /// The attempt was paid, or was closed before: query it.
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
