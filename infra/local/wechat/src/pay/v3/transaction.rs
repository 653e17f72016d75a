//! The JSON of an order in Pay v3, for queries and notices.

use serde_json::{Value, json};

use super::with_fields;
use crate::core::account::Account;
use crate::core::clock;
use crate::pay::ledger::orders::Order;

/// The JSON of an order, with the payment's fields if it is paid. It has an undocumented field (`future_field`), because WeChat
/// may add fields.
pub(super) fn transaction_json(order: &Order, account: &Account, now: u64) -> Value {
    let state = order.trade_state(now);
    let json = json!({
        "appid": account.app_id,
        "mchid": account.mch_id,
        "out_trade_no": order.request.out_trade_no,
        "trade_state": state.as_str(),
        "trade_state_desc": state.description(),
        "promotion_detail": [],
        "future_field": "新字段",
    });
    let Some(payment) = &order.payment else { return json };
    let total = order.request.total_fee;
    with_fields(
        json,
        [
            ("transaction_id", payment.transaction_id.clone().into()),
            ("trade_type", "JSAPI".into()),
            ("bank_type", "OTHERS".into()),
            ("attach", order.request.attach.clone().into()),
            ("success_time", clock::rfc3339(payment.at).into()),
            ("payer", json!({"openid": order.request.openid})),
            (
                "amount",
                json!({"total": total, "payer_total": total, "currency": "CNY", "payer_currency": "CNY"}),
            ),
        ],
    )
}
