//! The row of an order.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    refund_request::{RefundRequest, RefundRequestState},
    shipping::Shipping,
};
use crate::{
    crypto::Sealed,
    order::{OrderSnapshot, ShippingProgress, Status},
    store::Reservation,
    types::{
        Delivery, Fen, OpenId, OrderId, OutTradeNo, PrepayId, ProductId, TransactionId, UnixSeconds, UserId,
    },
};

/// An order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    /// The number of the order, which is the key.
    pub order_id: OrderId,
    /// The user who placed it; `None` after that user was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The openid that must pay it; `None` after its user was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub openid: Option<OpenId>,
    /// The order's status.
    pub status: Status,
    /// The sum to pay.
    pub total_fee: Fen,
    /// The products, with prices and quantities.
    pub items: Vec<OrderLine>,
    /// The goods that were taken from stock for it: when it was placed, or, if it was closed since and paid all the same, after that. A
    /// product whose stock was not counted then is not among them. `None` while the order is closed, and in an unpaid order of an earlier
    /// version: nothing is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved: Option<Vec<Reservation>>,
    /// What the user added, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Sealed>,
    /// When the order was placed.
    pub created_at: UnixSeconds,
    /// When the order expires and can't be paid any more.
    pub expires_at: UnixSeconds,
    /// The current attempt, or the last one.
    pub out_trade_no: OutTradeNo,
    /// The terms with which the attempt was sent to WeChat Pay, once it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<PrepayTerms>,
    /// WeChat Pay's answer to the attempt, once it has answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepay: Option<Prepay>,
    /// When the order was paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<UnixSeconds>,
    /// The transaction that paid it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<TransactionId>,
    /// The attempt that paid it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_by: Option<OutTradeNo>,
    /// Sum of the refunds that have succeeded. Fen.
    #[serde(default)]
    pub refunded_fee: u64,
    /// Sum of the refunds that are under way. Fen.
    #[serde(default)]
    pub refunding_fee: u64,
    /// Whether the event `order.paid` is withheld: a part of the payment was refunded before the payment was recorded, and goods
    /// must not leave before the refunded sum is known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paid_withheld: bool,
    /// Whether the refunds of a withheld order are known: WeChat Pay has listed them, or a refund of the merchant console was
    /// recorded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refunds_known: bool,
    /// What the user has asked back, the last request last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refund_requests: Vec<RefundRequest>,
    /// The state of the last request, which is the key in the index `by_refund_request`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_request_state: Option<RefundRequestState>,
    /// When the last request was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_requested_at: Option<UnixSeconds>,
    /// The shipping, once the order was paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<Shipping>,
    /// When WeChat Pay was last asked about the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<UnixSeconds>,
    /// When to ask WeChat Pay about the order next; absent once it is paid or closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_query_at: Option<UnixSeconds>,
    /// How often WeChat Pay was asked about the current attempt.
    #[serde(default)]
    pub queries: u32,
    /// The order's shard in the index `by_due`; absent once it is paid or closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_shard: Option<String>,
}

/// One product of an order. Name and price are those of the time when the order was placed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OrderLine {
    /// The product's id.
    pub product_id: ProductId,
    /// The name that the user reads.
    pub name: String,
    /// The price of one.
    pub price: Fen,
    /// The quantity.
    pub quantity: u32,
    /// How the goods get to the user.
    #[serde(default, skip_serializing_if = "Delivery::is_express")]
    pub delivery: Delivery,
}

/// The parameters of 统一下单 that are not in the order. A repeated request for the same `out_trade_no` must send the same ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrepayTerms {
    /// The description that the user reads.
    pub description: String,
    /// The IP address of the user's first request for this attempt; empty after the user was erased.
    pub client_ip: String,
    /// `time_expire`, if it is later than the order's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_expire: Option<UnixSeconds>,
    /// Whether WeChat's page of the payment offers an invoice.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub offers_invoice: bool,
}

/// WeChat Pay's answer to an attempt.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Prepay {
    /// The id with which the phone opens the payment.
    pub prepay_id: PrepayId,
    /// When WeChat Pay answered.
    pub at: UnixSeconds,
    /// The signature type with which the phone opens the payment: `MD5`, `HMAC-SHA256` or `RSA`.
    pub sign_type: String,
}

impl Order {
    /// The shortest time before its expiry at which an order can still be prepaid. WeChat Pay requires a minute at least, counted
    /// from when it receives the request.
    pub const MIN_TIME_TO_PAY: Duration = Duration::from_secs(90);

    /// The part of the order that decides what a payment means for it.
    #[must_use]
    pub fn snapshot(&self) -> OrderSnapshot<'_> {
        OrderSnapshot {
            status: self.status,
            total_fee: self.total_fee,
            openid: self.openid.as_ref(),
            transaction_id: self.transaction_id.as_ref(),
        }
    }

    /// How far `shipping`, which is or will be the order's, has come.
    #[must_use]
    pub fn shipping_progress(&self, shipping: &Shipping) -> ShippingProgress {
        let has_money = matches!(self.status, Status::Paid | Status::Refunding);
        ShippingProgress {
            paid_at: self.paid_at.unwrap_or(self.created_at),
            is_to_ship: shipping.is_to_ship(),
            shipped_at: shipping.shipped_at,
            received_at: shipping.received_at,
            is_over: shipping.settled_at.is_some() || !has_money,
        }
    }

    /// Whether it is too late to prepay the order.
    #[must_use]
    pub fn is_over(&self, now: UnixSeconds) -> bool {
        now.plus(Self::MIN_TIME_TO_PAY) > self.expires_at
    }

    /// The `time_expire` of a request that is sent `now`, if it must be later than the order's expiry, because WeChat Pay refuses
    /// one that is less than five minutes away (by the older documentation; one minute by the newer). The order still expires in
    /// time: its attempt is closed then, and a later payment is a payment of a closed order.
    #[must_use]
    pub fn later_time_expire(&self, now: UnixSeconds) -> Option<UnixSeconds> {
        let soonest = now.plus(SHORTEST_EXPIRY);
        (self.expires_at < soonest).then_some(soonest)
    }

    /// Whether the attempt was prepaid for another signature type than `sign_type`, because the shop has changed its API version or
    /// signature type since. The attempt's number is bound to that request, so the next request needs another number.
    #[must_use]
    pub fn is_prepaid_otherwise(&self, sign_type: &str) -> bool {
        self.prepay.as_ref().is_some_and(|prepay| prepay.sign_type != sign_type)
    }

    /// The prepayment of the attempt, if the phone can pay with it. A `prepay_id` is valid for two hours, and is not used in the
    /// last five minutes. One of another signature type can't be used with the current one.
    #[must_use]
    pub fn live_prepay(&self, now: UnixSeconds, sign_type: &str) -> Option<&Prepay> {
        let is_live =
            |prepay: &&Prepay| now.since(prepay.at) < PREPAY_LIFETIME && prepay.sign_type == sign_type;
        self.prepay.as_ref().filter(is_live)
    }
}

/// WeChat Pay's shortest `time_expire`, five minutes, and some seconds for the request to arrive.
const SHORTEST_EXPIRY: Duration = Duration::from_secs(5 * 60 + 30);
/// How long a `prepay_id` is used.
const PREPAY_LIFETIME: Duration = Duration::from_secs(2 * 60 * 60 - 5 * 60);
