//! One attempt to pay an order: what WeChat Pay is asked about it, and what it answers, whatever the interface.

use serde::Serialize;

use super::Payment;
use crate::types::{Fen, OpenId, OutTradeNo, PrepayId, UnixSeconds};

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
pub enum PrepayOutcome {
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
pub enum TradeState {
    /// Money was taken. [`Payment::has_refunds`] says whether something of it was given back since.
    Paid(Payment),
    /// PrepayOutcome, and not paid.
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
pub enum CloseResponse {
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
