//! The lines of a bill, as far as they concern us.

use crate::types::{OpenId, Rate, TransactionId, Yuan};

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Money that WeChat Pay took.
    Payment(PaymentLine),
    /// Money that goes back.
    Refund(RefundLine),
    /// A payment in a state that our kind of payment never has, such as REVOKED.
    UnknownState(UnknownStateLine),
}

/// Money that WeChat Pay took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentLine {
    /// 微信订单号.
    pub transaction_id: TransactionId,
    /// 商户订单号: perhaps of another system of the merchant, which has its own form.
    pub out_trade_no: String,
    /// 用户标识, if it is told.
    pub openid: Option<OpenId>,
    /// 货币种类; `CNY` if it is not told.
    pub currency: String,
    /// 订单金额. Fen.
    pub total_fee: u64,
    /// 应结订单金额, which the fee is on. Fen.
    pub settlement_fee: u64,
    /// 手续费.
    pub fee: Yuan,
    /// 费率, if it is told.
    pub rate: Option<Rate>,
}

/// Money that goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundLine {
    /// 微信订单号 of the payment.
    pub transaction_id: TransactionId,
    /// 商户订单号 of the payment.
    pub out_trade_no: String,
    /// 商户退款单号: ours, or one of the merchant console's.
    pub out_refund_no: String,
    /// 申请退款金额. Fen.
    pub refund_fee: u64,
    /// 退款金额, which the fee is on. Fen.
    pub settlement_fee: u64,
    /// 退款状态.
    pub state: BilledRefund,
    /// 手续费, below zero: WeChat Pay gives it back.
    pub fee: Yuan,
    /// 费率, if it is told.
    pub rate: Option<Rate>,
}

/// Where a refund stood when the bill was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BilledRefund {
    /// The user has the money.
    Success,
    /// On its way.
    Processing,
    /// It came to nothing, or can't reach the user.
    Failed,
}

/// A payment in a state that our kind of payment never has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownStateLine {
    /// 微信订单号.
    pub transaction_id: TransactionId,
    /// 商户订单号.
    pub out_trade_no: String,
    /// 交易状态.
    pub state: String,
    /// 订单金额. Fen.
    pub total_fee: u64,
}

impl BilledRefund {
    /// As the bill writes it, or nearly so.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Processing => "PROCESSING",
            Self::Failed => "FAIL",
        }
    }
}
