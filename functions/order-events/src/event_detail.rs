//! The `detail` of an event on the event bus, which listeners read.

use serde::Serialize;
use shared::{
    store::{Event, EventKind},
    types::{Fen, OrderId, OutRefundNo, OutTradeNo, TransactionId, UserId},
};

/// The `detail` of an event on the event bus. It names the user by `userId`; it never contains an openid.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventDetail<'e> {
    /// The key of the event: it is the same each time that the event is published.
    event_id: &'e str,
    event: EventKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<OrderId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out_trade_no: Option<OutTradeNo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<&'e TransactionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out_refund_no: Option<&'e OutRefundNo>,
    /// Fen.
    #[serde(skip_serializing_if = "Option::is_none")]
    fee: Option<Fen>,
    /// RFC 3339, UTC.
    happened_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'e UserId>,
}

impl<'e> EventDetail<'e> {
    /// The detail of `event`. `user_id` owns the order, if the event is about an order of this shop.
    pub(crate) fn new(event: &'e Event, user_id: Option<&'e UserId>) -> Self {
        Self {
            event_id: &event.event_id,
            event: event.event,
            order_id: event.order_id,
            out_trade_no: event.out_trade_no,
            transaction_id: event.transaction_id.as_ref(),
            out_refund_no: event.out_refund_no.as_ref(),
            fee: event.fee,
            happened_at: event.happened_at.to_rfc3339(),
            user_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, to_value};
    use shared::types::UnixSeconds;

    use super::*;

    #[test]
    fn the_detail_of_a_payment_has_all_fields() {
        let at = UnixSeconds::new(1_700_000_042);
        let order_id = OrderId::new(UnixSeconds::new(1_700_000_000), [7; 10]);
        let transaction = TransactionId::parse("4200001234202311151234567890").unwrap();
        let event = Event {
            order_id: Some(order_id),
            out_trade_no: Some(OutTradeNo::first(order_id)),
            fee: Some(Fen::new(200).unwrap()),
            ..Event::new(EventKind::OrderPaid, &transaction, at)
        };
        let event = Event { transaction_id: Some(transaction), ..event };
        let user_id = UserId::parse("u0123456789abcdef0123456789").unwrap();
        assert_eq!(
            to_value(EventDetail::new(&event, Some(&user_id))).unwrap(),
            json!({
                "eventId": "order.paid#4200001234202311151234567890",
                "event": "order.paid",
                "orderId": "01HF7YAT000W3GE1R70W3GE1R7",
                "outTradeNo": "01HF7YAT000W3GE1R70W3GE1R701",
                "transactionId": "4200001234202311151234567890",
                "fee": 200,
                "happenedAt": "2023-11-14T22:14:02Z",
                "userId": "u0123456789abcdef0123456789",
            })
        );
    }

    #[test]
    fn fields_that_an_event_lacks_are_absent() {
        let event = Event::new(EventKind::BillDifference, &"2023-11-14", UnixSeconds::new(0));
        assert_eq!(
            to_value(EventDetail::new(&event, None)).unwrap(),
            json!({
                "eventId": "bill.difference#2023-11-14", "event": "bill.difference",
                "happenedAt": "1970-01-01T00:00:00Z",
            })
        );
    }
}
