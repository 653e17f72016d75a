//! What WeChat says of an order's money: it is shipped, received, settled (`trade_manage_order_settlement`), or to be shipped at last
//! (`trade_manage_remind_shipping`).
//!
//! WeChat: 小程序发货信息管理服务, 消息推送.

use super::{
    fields::{number, text},
    message::PushedMessage,
    topic::PushTopic,
};
use crate::types::{OutTradeNo, TransactionId, UnixSeconds};

/// What a push says of the shipping of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementNews {
    /// The payment.
    pub transaction_id: TransactionId,
    /// The attempt, whose number leads to the order.
    pub out_trade_no: OutTradeNo,
    /// When the order was shipped.
    pub shipped_at: Option<UnixSeconds>,
    /// When the receipt was confirmed.
    pub received_at: Option<UnixSeconds>,
    /// When the money was released.
    pub settled_at: Option<UnixSeconds>,
}

impl PushedMessage {
    /// What the push says of an order; `None` if it is no such push, or about no payment of ours.
    #[must_use]
    pub fn settlement_news(&self) -> Option<SettlementNews> {
        if !matches!(self.topic(), Some(PushTopic::OrderSettlement | PushTopic::ShippingReminder)) {
            return None;
        }
        let body = self.body();
        let time = |name| number(body, name).filter(|at| *at > 0).map(UnixSeconds::new);
        Some(SettlementNews {
            transaction_id: TransactionId::parse(&text(body, "transaction_id")?).ok()?,
            out_trade_no: OutTradeNo::parse(&text(body, "merchant_trade_no")?).ok()?,
            shipped_at: time("shipped_time"),
            received_at: time("confirm_receive_time"),
            settled_at: time("settlement_time"),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::types::OrderId;

    fn news(name: &str, more: Value) -> Option<SettlementNews> {
        let order_id = OrderId::new(UnixSeconds::new(1_700_000_000), [7; 10]);
        let mut body = json!({
            "MsgType": "event", "Event": name, "FromUserName": "o1", "transaction_id": "4200329252049536687864243889",
            "merchant_trade_no": OutTradeNo::first(order_id).to_string(), "pay_time": 1_700_000_042,
        });
        body.as_object_mut()?.extend(more.as_object()?.clone());
        let Value::Object(members) = body else { return None };
        PushedMessage::new(members, true, UnixSeconds::new(7)).unwrap().settlement_news()
    }

    #[test]
    fn a_settlement_comes_twice_and_its_empty_times_are_absent() {
        let name = "trade_manage_order_settlement";
        let shipped =
            json!({ "shipped_time": 1_700_086_400, "settlement_time": "", "confirm_receive_time": 0 });
        let shipped = news(name, shipped).unwrap();
        assert_eq!(shipped.shipped_at, Some(UnixSeconds::new(1_700_086_400)));
        assert_eq!((shipped.received_at, shipped.settled_at), (None, None));
        let settled = json!({ "confirm_receive_time": "1700590000", "settlement_time": "1700600000" });
        let settled = news(name, settled).unwrap();
        assert_eq!(settled.settled_at, Some(UnixSeconds::new(1_700_600_000)));
    }

    #[test]
    fn other_events_and_foreign_payments_are_no_news() {
        assert!(news("wxa_media_check", json!({})).is_none());
        assert!(news("trade_manage_remind_shipping", json!({ "merchant_trade_no": "elsewhere" })).is_none());
        assert!(news("trade_manage_remind_shipping", json!({})).is_some());
    }
}
