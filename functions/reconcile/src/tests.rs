//! Lines of a bill and rows of our tables that agree, for tests to alter.

use shared::{
    pay::{BilledRefund, PaymentLine, RefundLine, RefundStatus},
    store::{PaymentRow, RefundRow},
    types::{Day, Rate, TransactionId, Yuan},
};

pub(crate) fn day() -> Day {
    Day::parse("20260823").unwrap()
}

pub(crate) fn payment_line() -> PaymentLine {
    PaymentLine {
        transaction_id: TransactionId::parse("4200001").unwrap(),
        out_trade_no: "01HF7YAT00000000000000000001".to_owned(),
        openid: None,
        currency: "CNY".to_owned(),
        total_fee: 200,
        settlement_fee: 200,
        fee: Yuan::parse("0.01").unwrap(),
        rate: Some(Rate::parse("0.60%").unwrap()),
    }
}

pub(crate) fn refund_line(state: BilledRefund) -> RefundLine {
    RefundLine {
        transaction_id: TransactionId::parse("4200001").unwrap(),
        out_trade_no: "01HF7YAT00000000000000000001".to_owned(),
        out_refund_no: "R1".to_owned(),
        refund_fee: 200,
        settlement_fee: 200,
        state,
        fee: Yuan::parse("-0.01").unwrap(),
        rate: Some(Rate::parse("0.60%").unwrap()),
    }
}

pub(crate) fn paid_row() -> PaymentRow {
    serde_json::from_value(serde_json::json!({
        "transaction_id": "4200001", "out_trade_no": "01HF7YAT00000000000000000001",
        "order_id": "01HF7YAT000000000000000000", "total_fee": 200, "currency": "CNY", "openid": "o",
        "paid_at": 1, "source": "NOTICE", "recorded_at": 1, "verdict": "PAID_THE_ORDER",
        "refundable_fee": 0, "refunds": 0,
    }))
    .unwrap()
}

pub(crate) fn refund_row(status: RefundStatus) -> RefundRow {
    serde_json::from_value(serde_json::json!({
        "out_refund_no": "R1", "order_id": "01HF7YAT000000000000000000",
        "out_trade_no": "01HF7YAT00000000000000000001", "transaction_id": "4200001", "refund_fee": 200,
        "total_fee": 200, "cause": "OPERATOR", "status": status.as_str(), "created_at": 1,
    }))
    .unwrap()
}
