//! The merchant's orders. Both versions of the API share them.
//!
//! NOTPAY → SUCCESS when the user pays, NOTPAY → CLOSED when the merchant closes or after seven days (after `time_expire` if that
//! is later), SUCCESS → REFUND with the first refund. After `time_expire` an order can no longer be paid, but its state is still
//! NOTPAY. All changes happen under the ledger's lock, so a payment and a closing of the same order never both succeed.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::core::clock::{DAY, HOUR};
use crate::core::random;
use crate::pay::version::ApiVersion;

/// The state of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TradeState {
    /// The order is paid.
    Success,
    /// The order is paid and has at least one refund.
    Refund,
    /// The order is not paid yet.
    NotPay,
    /// The order was closed without payment.
    Closed,
}

impl TradeState {
    /// The value of the field `trade_state`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Refund => "REFUND",
            Self::NotPay => "NOTPAY",
            Self::Closed => "CLOSED",
        }
    }

    /// The value of the field `trade_state_desc`.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Success => "支付成功",
            Self::Refund => "订单发生过退款",
            Self::NotPay => "订单未支付",
            Self::Closed => "订单已关闭",
        }
    }
}

/// An order as the ledger shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerEntry {
    /// The merchant's number of the order.
    pub out_trade_no: String,
    /// WeChat's number of the payment, if the order is paid.
    pub transaction_id: Option<String>,
    /// Fen.
    pub total_fee: u64,
    /// The payer.
    pub openid: String,
    /// The state.
    pub trade_state: TradeState,
}

/// The merchant's request for an order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NewOrder {
    pub(crate) out_trade_no: String,
    pub(crate) openid: String,
    pub(crate) total_fee: u64,
    /// `body` of v2, `description` of v3.
    pub(crate) description: String,
    pub(crate) attach: String,
    pub(crate) device_info: String,
    pub(crate) notify_url: String,
    /// The API that made the order. The payment's signature and the notice follow the same version.
    pub(crate) version: ApiVersion,
    /// Unix milliseconds.
    pub(crate) expires: Option<u64>,
    /// The parameters that must be equal for a repeated request to mean the same order.
    pub(crate) parameters: Value,
}

/// An order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) request: NewOrder,
    pub(crate) payment: Option<Payment>,
    created: u64,
    closed: bool,
    refunded: bool,
    prepay: (String, u64),
}

/// The payment of an order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Payment {
    pub(crate) transaction_id: String,
    /// Unix milliseconds.
    pub(crate) at: u64,
}

/// The reason why an order cannot be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PaymentRefusal {
    Paid,
    Closed,
    /// `time_expire` has passed.
    Expired,
    /// The `prepay_id` is more than two hours old.
    PrepayExpired,
}

impl Order {
    pub(crate) fn trade_state(&self, now: u64) -> TradeState {
        let life_ends = self.created.saturating_add(UNPAID_LIFE).max(self.request.expires.unwrap_or(0));
        if self.payment.is_some() {
            if self.refunded { TradeState::Refund } else { TradeState::Success }
        } else if self.closed || now >= life_ends {
            TradeState::Closed
        } else {
            TradeState::NotPay
        }
    }

    /// When the order was made, in unix milliseconds.
    pub(crate) fn created(&self) -> u64 {
        self.created
    }

    /// Whether `time_expire` has passed.
    pub(crate) fn is_expired(&self, now: u64) -> bool {
        self.request.expires.is_some_and(|expires| now >= expires)
    }

    pub(crate) fn entry(&self, now: u64) -> LedgerEntry {
        LedgerEntry {
            out_trade_no: self.request.out_trade_no.clone(),
            transaction_id: self.payment.as_ref().map(|payment| payment.transaction_id.clone()),
            total_fee: self.request.total_fee,
            openid: self.request.openid.clone(),
            trade_state: self.trade_state(now),
        }
    }
}

/// All orders of the merchant.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Orders {
    /// All orders, oldest first.
    orders: Vec<Order>,
    by_number: HashMap<String, usize>,
    by_prepay: HashMap<String, (usize, u64)>,
    by_transaction: HashMap<String, usize>,
    /// The request for which each `nonce_str` was used.
    nonces: HashMap<String, BTreeMap<String, String>>,
}

impl Orders {
    /// All orders, oldest first.
    pub(crate) fn all(&self) -> &[Order] {
        &self.orders
    }

    pub(crate) fn entries(&self, now: u64) -> Vec<LedgerEntry> {
        self.orders.iter().map(|order| order.entry(now)).collect()
    }

    pub(crate) fn by_number(&self, out_trade_no: &str) -> Option<&Order> {
        self.orders.get(*self.by_number.get(out_trade_no)?)
    }

    pub(crate) fn by_transaction(&self, transaction_id: &str) -> Option<&Order> {
        self.orders.get(*self.by_transaction.get(transaction_id)?)
    }

    /// The order of this `prepay_id`.
    pub(crate) fn by_prepay(&self, prepay_id: &str) -> Option<&Order> {
        self.orders.get(self.by_prepay.get(prepay_id)?.0)
    }

    /// Creates the order, whose number must be new; returns its `prepay_id`.
    pub(crate) fn create_order(&mut self, order: NewOrder, now: u64) -> String {
        let position = self.orders.len();
        self.by_number.insert(order.out_trade_no.clone(), position);
        let prepay = (random::prepay_id(now), now.saturating_add(PREPAY_LIFE));
        self.by_prepay.insert(prepay.0.clone(), (position, prepay.1));
        let prepay_id = prepay.0.clone();
        self.orders.push(Order {
            request: order,
            payment: None,
            created: now,
            closed: false,
            refunded: false,
            prepay,
        });
        prepay_id
    }

    /// The current `prepay_id` of an existing order; a new one if the current one has expired.
    pub(crate) fn reuse_prepay(&mut self, out_trade_no: &str, now: u64) -> Option<String> {
        let position = *self.by_number.get(out_trade_no)?;
        let order = self.orders.get_mut(position)?;
        if now >= order.prepay.1 {
            order.prepay = (random::prepay_id(now), now.saturating_add(PREPAY_LIFE));
            self.by_prepay.insert(order.prepay.0.clone(), (position, order.prepay.1));
        }
        Some(order.prepay.0.clone())
    }

    /// A new `prepay_id` of an existing order. Earlier ones stay valid until they expire.
    pub(crate) fn renew_prepay(&mut self, out_trade_no: &str, now: u64) -> Option<String> {
        let position = *self.by_number.get(out_trade_no)?;
        let order = self.orders.get_mut(position)?;
        order.prepay = (random::prepay_id(now), now.saturating_add(PREPAY_LIFE));
        self.by_prepay.insert(order.prepay.0.clone(), (position, order.prepay.1));
        Some(order.prepay.0.clone())
    }

    /// Checks that the order of this `prepay_id` can be paid; `None` if there is no such `prepay_id`.
    pub(crate) fn check_payable(&self, prepay_id: &str, now: u64) -> Option<Result<(), PaymentRefusal>> {
        let (position, lives_until) = self.by_prepay.get(prepay_id)?;
        let order = self.orders.get(*position)?;
        Some(match order.trade_state(now) {
            TradeState::Success | TradeState::Refund => Err(PaymentRefusal::Paid),
            TradeState::Closed => Err(PaymentRefusal::Closed),
            TradeState::NotPay if order.is_expired(now) => Err(PaymentRefusal::Expired),
            TradeState::NotPay if now >= *lives_until => Err(PaymentRefusal::PrepayExpired),
            TradeState::NotPay => Ok(()),
        })
    }

    /// Pays the order of this `prepay_id`; `None` if there is no such `prepay_id`.
    pub(crate) fn pay_order(&mut self, prepay_id: &str, now: u64) -> Option<Result<Order, PaymentRefusal>> {
        if let Err(reason) = self.check_payable(prepay_id, now)? {
            return Some(Err(reason));
        }
        let position = self.by_prepay.get(prepay_id)?.0;
        let order = self.orders.get_mut(position)?;
        let transaction_id = random::transaction_id(now);
        self.by_transaction.insert(transaction_id.clone(), position);
        order.payment = Some(Payment { transaction_id, at: now });
        Some(Ok(order.clone()))
    }

    /// Closes an order, which must be NOTPAY.
    pub(crate) fn close_order(&mut self, out_trade_no: &str) {
        let position = self.by_number.get(out_trade_no);
        if let Some(order) = position.and_then(|position| self.orders.get_mut(*position)) {
            order.closed = true;
        }
    }

    /// Sets the order's state to REFUND.
    pub(crate) fn mark_refunded(&mut self, out_trade_no: &str) {
        let position = self.by_number.get(out_trade_no);
        if let Some(order) = position.and_then(|position| self.orders.get_mut(*position)) {
            order.refunded = true;
        }
    }

    /// Whether the nonce is new or was used for exactly this request, because a merchant may repeat a request.
    pub(crate) fn accept_nonce(&mut self, nonce: &str, request: BTreeMap<String, String>) -> bool {
        let first = self.nonces.entry(nonce.to_owned()).or_insert_with(|| request.clone());
        *first == request
    }
}

/// The life of a `prepay_id`, in milliseconds.
const PREPAY_LIFE: u64 = 2 * HOUR;

/// The life of an unpaid order, in milliseconds; then WeChat Pay closes it.
const UNPAID_LIFE: u64 = 7 * DAY;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pay::version::SignType;

    fn order(expires: Option<u64>) -> NewOrder {
        NewOrder {
            out_trade_no: "order-1".to_owned(),
            openid: "o1".to_owned(),
            total_fee: 101,
            description: String::new(),
            attach: String::new(),
            device_info: String::new(),
            notify_url: "https://example.com/notify".to_owned(),
            version: ApiVersion::V2(SignType::Md5),
            expires,
            parameters: Value::Null,
        }
    }

    #[test]
    fn an_order_is_paid_once() {
        let mut orders = Orders::default();
        let prepay_id = orders.create_order(order(None), 0);
        assert!(orders.pay_order(&prepay_id, 1).unwrap().is_ok());
        assert_eq!(orders.pay_order(&prepay_id, 2).unwrap().unwrap_err(), PaymentRefusal::Paid);
        assert_eq!(orders.entries(2)[0].trade_state, TradeState::Success);
    }

    #[test]
    fn a_prepay_id_lives_two_hours_and_is_renewed_by_the_same_request() {
        let mut orders = Orders::default();
        let first = orders.create_order(order(None), 0);
        assert_eq!(orders.reuse_prepay("order-1", PREPAY_LIFE - 1), Some(first.clone()));
        assert_eq!(orders.check_payable(&first, PREPAY_LIFE), Some(Err(PaymentRefusal::PrepayExpired)));
        let second = orders.reuse_prepay("order-1", PREPAY_LIFE).unwrap();
        assert_ne!(first, second);
        assert_eq!(orders.check_payable(&second, PREPAY_LIFE), Some(Ok(())));
    }

    #[test]
    fn an_expired_order_reads_notpay_but_cannot_be_paid() {
        let mut orders = Orders::default();
        let prepay_id = orders.create_order(order(Some(1000)), 0);
        assert_eq!(orders.check_payable(&prepay_id, 999), Some(Ok(())));
        assert_eq!(orders.check_payable(&prepay_id, 1000), Some(Err(PaymentRefusal::Expired)));
        assert_eq!(orders.entries(1000)[0].trade_state, TradeState::NotPay);
    }

    #[test]
    fn a_renewed_prepay_id_leaves_the_earlier_ones_valid() {
        let mut orders = Orders::default();
        let first = orders.create_order(order(None), 0);
        let second = orders.renew_prepay("order-1", 1).unwrap();
        assert_ne!(first, second);
        assert!(orders.pay_order(&first, 2).unwrap().is_ok());
        assert_eq!(orders.check_payable(&second, 2), Some(Err(PaymentRefusal::Paid)));
    }

    #[test]
    fn an_order_reads_refund_once_one_is_made_and_stays_paid() {
        let mut orders = Orders::default();
        let prepay_id = orders.create_order(order(None), 0);
        orders.pay_order(&prepay_id, 1).unwrap().unwrap();
        orders.mark_refunded("order-1");
        assert_eq!(orders.entries(2)[0].trade_state, TradeState::Refund);
        assert_eq!(orders.check_payable(&prepay_id, 2), Some(Err(PaymentRefusal::Paid)));
    }

    #[test]
    fn an_order_that_may_be_paid_for_longer_is_closed_later() {
        let mut orders = Orders::default();
        orders.create_order(order(Some(90 * DAY)), 0);
        assert_eq!(orders.entries(UNPAID_LIFE)[0].trade_state, TradeState::NotPay);
        assert_eq!(orders.entries(90 * DAY)[0].trade_state, TradeState::Closed);
    }

    #[test]
    fn an_unpaid_order_is_closed_after_seven_days() {
        let mut orders = Orders::default();
        orders.create_order(order(None), 0);
        assert_eq!(orders.entries(UNPAID_LIFE - 1)[0].trade_state, TradeState::NotPay);
        assert_eq!(orders.entries(UNPAID_LIFE)[0].trade_state, TradeState::Closed);
    }

    #[test]
    fn a_closed_order_cannot_be_paid() {
        let mut orders = Orders::default();
        let prepay_id = orders.create_order(order(None), 0);
        orders.close_order("order-1");
        assert_eq!(orders.pay_order(&prepay_id, 1).unwrap().unwrap_err(), PaymentRefusal::Closed);
    }

    #[test]
    fn a_nonce_belongs_to_one_request() {
        let mut orders = Orders::default();
        let request = BTreeMap::from([("out_trade_no".to_owned(), "order-1".to_owned())]);
        assert!(orders.accept_nonce("n", request.clone()));
        assert!(orders.accept_nonce("n", request));
        assert!(!orders.accept_nonce("n", BTreeMap::new()));
    }
}
