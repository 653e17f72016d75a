//! The lines of a bill that belong to this app and merchant.

use crate::types::{OpenId, Rate, TransactionId, Yuan};

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A payment.
    Payment(PaymentLine),
    /// A refund.
    Refund(RefundLine),
    /// A payment in a state that JSAPI payments never have, such as REVOKED.
    UnknownState(UnknownStateLine),
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentLine {
    /// 微信订单号.
    pub transaction_id: TransactionId,
    /// 商户订单号. Another system of the merchant can have made it, so it may have any form.
    pub out_trade_no: String,
    /// 用户标识, if the bill has it.
    pub openid: Option<OpenId>,
    /// 货币种类; `CNY` if the bill has none.
    pub currency: String,
    /// 订单金额. Fen.
    pub total_fee: u64,
    /// 应结订单金额, which the fee is on. Fen.
    pub settlement_fee: u64,
    /// 手续费.
    pub fee: Yuan,
    /// 费率, if the bill has it.
    pub rate: Option<Rate>,
}

/// A refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundLine {
    /// 微信订单号 of the payment.
    pub transaction_id: TransactionId,
    /// 商户订单号 of the payment.
    pub out_trade_no: String,
    /// 商户退款单号, made here or by the merchant console.
    pub out_refund_no: String,
    /// 申请退款金额. Fen.
    pub refund_fee: u64,
    /// 退款金额, which the fee is on. Fen.
    pub settlement_fee: u64,
    /// 退款状态.
    pub state: BilledRefund,
    /// 手续费, negative because WeChat Pay returns it.
    pub fee: Yuan,
    /// 费率, if the bill has it.
    pub rate: Option<Rate>,
}

/// The status of a refund when the bill was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BilledRefund {
    /// The user has received the money.
    Success,
    /// In progress.
    Processing,
    /// The refund failed, or the money can't reach the user.
    Failed,
}

/// A payment in a state that JSAPI payments never have.
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
    /// The bill's name of the status; `FAIL` also for its variants.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Processing => "PROCESSING",
            Self::Failed => "FAIL",
        }
    }
}
