//! The shipping of the merchant's payments: what was shipped, received and settled, and which money is frozen until then.
//!
//! 1 to ship → 2 shipped → 3 receipt confirmed → 6 awaiting settlement → 4 done. 5 is a payment that was refunded as a whole, which can't
//! be shipped any more and is not settled. WeChat does not say how long a payment stays in each state; the times below are the
//! simulator's, with those of ten days that WeChat's samples show.

pub(crate) mod parcel;
pub(crate) mod settings;
pub(crate) mod shipment;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use self::settings::ShippingSettings;
use self::shipment::{Shipment, ShippingEntry};
use crate::core::account::Account;
use crate::core::clock::{DAY, HOUR, SECOND};
use crate::core::refund_status::RefundStatus;
use crate::pay::ledger::Ledger;
use crate::pay::ledger::orders::{Order, Payment};
use crate::pay::ledger::refunds::RefundQuery;

/// What the order-shipping management knows.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Shipping {
    #[serde(skip)]
    pub(crate) settings: ShippingSettings,
    /// Where WeChat's order messages lead to.
    pub(crate) message_path: Option<String>,
    /// Where WeChat's list of shopping orders leads to.
    pub(crate) order_detail_path: Option<String>,
    /// The shipments by WeChat's number of the payment. A payment that is not in it has not been shipped.
    shipments: HashMap<String, Shipment>,
    /// Nothing is due before this time, in unix milliseconds.
    #[serde(skip)]
    next_due: u64,
}

/// An event for the back end: the payer's openid and the fields.
pub(crate) type ShippingEvent = (String, Map<String, Value>);

/// The state of a payment, as `order_state` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrderState {
    ToShip,
    Shipped,
    Received,
    Done,
    Refunded,
    AwaitingSettlement,
}

impl OrderState {
    /// The number that WeChat answers.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::ToShip => 1,
            Self::Shipped => 2,
            Self::Received => 3,
            Self::Done => 4,
            Self::Refunded => 5,
            Self::AwaitingSettlement => 6,
        }
    }
}

impl Shipping {
    pub(crate) fn new(settings: ShippingSettings) -> Self {
        Self { settings, ..Self::default() }
    }

    pub(crate) fn change_settings(&mut self, settings: ShippingSettings) {
        self.settings = settings;
        self.expect_due(0);
    }

    /// Something is due at `at`, or later.
    pub(crate) fn expect_due(&mut self, at: u64) {
        self.next_due = self.next_due.min(at);
    }

    pub(crate) fn shipment(&self, transaction_id: &str) -> Option<&Shipment> {
        self.shipments.get(transaction_id)
    }

    /// The payment's shipment, which is empty at first.
    pub(crate) fn shipment_mut(&mut self, transaction_id: &str) -> &mut Shipment {
        // Whoever changes it changes when something is due.
        self.expect_due(0);
        self.shipments.entry(transaction_id.to_owned()).or_default()
    }
}

impl Ledger {
    /// Whether the order-shipping management knows the payment by now: it learns of payments with a delay.
    pub(crate) fn is_ingested(&self, payment: &Payment, now: u64) -> bool {
        now >= self.ingested_at(payment)
    }

    fn ingested_at(&self, payment: &Payment) -> u64 {
        payment.at.saturating_add(self.shipping.settings.ingest_seconds.saturating_mul(SECOND))
    }

    /// The state of a paid order.
    pub(crate) fn order_state(&self, order: &Order, payment: &Payment, now: u64) -> OrderState {
        let shipment = self.shipping.shipment(&payment.transaction_id);
        match shipment {
            Some(Shipment { settled: Some(_), .. }) => OrderState::Done,
            _ if self.is_refunded(order) => OrderState::Refunded,
            Some(Shipment { receipt: Some(receipt), .. }) if now < receipt.at.saturating_add(HOUR) => {
                OrderState::Received
            }
            Some(Shipment { receipt: Some(_), .. }) => OrderState::AwaitingSettlement,
            Some(Shipment { shipped: Some(_), .. }) => OrderState::Shipped,
            _ => OrderState::ToShip,
        }
    }

    /// How many payments wait to be shipped.
    pub(crate) fn unshipped(&self, now: u64) -> usize {
        let to_ship = |order: &&Order| match &order.payment {
            Some(payment) => self.order_state(order, payment, now) == OrderState::ToShip,
            None => false,
        };
        self.orders.all().iter().filter(to_ship).count()
    }

    /// The paid orders with their shipping, oldest first.
    pub(crate) fn shipping_entries(&self, now: u64) -> Vec<ShippingEntry> {
        let entry = |order: &Order| {
            let payment = order.payment.as_ref()?;
            let state = self.order_state(order, payment, now);
            let managed = self.shipping.settings.managed;
            let shipment = self.shipping.shipment(&payment.transaction_id);
            Some(ShippingEntry {
                out_trade_no: order.request.out_trade_no.clone(),
                transaction_id: payment.transaction_id.clone(),
                order_state: state.number(),
                frozen: managed && !matches!(state, OrderState::Done | OrderState::Refunded),
                parcels: shipment.map(|shipment| shipment.parcels.clone()).unwrap_or_default(),
                uploads: shipment.map_or(0, |shipment| shipment.uploads),
                finish_count: shipment.map_or(0, |shipment| shipment.finish_count),
                reminded: shipment.is_some_and(|shipment| shipment.receipt_reminded),
            })
        };
        self.orders.all().iter().filter_map(entry).collect()
    }

    /// Does what time has done by now: reminds of what is not shipped, confirms receipts, settles. The events for the back end, in
    /// the order in which they happened.
    pub(crate) fn run_due_shipping(&mut self, account: &Account, now: u64) -> Vec<ShippingEvent> {
        if !self.shipping.settings.managed || now < self.shipping.next_due {
            return Vec::new();
        }
        let due = self.orders.all().iter().filter_map(|order| {
            let payment = order.payment.as_ref()?;
            (self.due_at(order, payment) <= now).then(|| (order.clone(), payment.clone()))
        });
        let due: Vec<_> = due.collect();
        let mut events = Vec::new();
        for (order, payment) in &due {
            let in_complaint = self.complaints.is_open(&payment.transaction_id);
            let head = event_head(account, order, payment);
            let shipment = self.shipping.shipment_mut(&payment.transaction_id);
            let reminder_due = payment.at.saturating_add(REMIND_AFTER);
            if shipment.shipped.is_none() && !shipment.shipping_reminded && now >= reminder_due {
                shipment.shipping_reminded = true;
                events.push((reminder_due, order.request.openid.clone(), reminder(head.clone())));
            }
            shipment.receive_when_due(now);
            if let Some(settled) = shipment.settle_when_due(now, in_complaint) {
                events.push((settled, order.request.openid.clone(), settlement(head, shipment)));
            }
        }
        let paid = self.orders.all().iter().filter_map(|order| Some((order, order.payment.as_ref()?)));
        self.shipping.next_due =
            paid.map(|(order, payment)| self.due_at(order, payment)).min().unwrap_or(u64::MAX);
        events.sort_by_key(|(at, ..)| *at);
        events.into_iter().map(|(_, openid, event)| (openid, event)).collect()
    }

    /// When time changes something next about a paid order, in unix milliseconds; `u64::MAX` if it never does.
    fn due_at(&self, order: &Order, payment: &Payment) -> u64 {
        if self.is_refunded(order) {
            return u64::MAX;
        }
        let reminder_due = payment.at.saturating_add(REMIND_AFTER);
        let shipment = self.shipping.shipment(&payment.transaction_id);
        let due = shipment.map_or(reminder_due, |shipment| shipment.next_due(reminder_due));
        due.max(self.ingested_at(payment))
    }

    /// The event that a payment was shipped as a whole.
    pub(crate) fn shipped_event(
        &self,
        account: &Account,
        order: &Order,
        payment: &Payment,
    ) -> Option<ShippingEvent> {
        let shipment = self.shipping.shipment(&payment.transaction_id)?;
        let event = settlement(event_head(account, order, payment), shipment);
        Some((order.request.openid.clone(), event))
    }

    /// Whether the refunds of the order take all of its money. A refund that was given up takes nothing.
    pub(crate) fn is_refunded(&self, order: &Order) -> bool {
        let refunds = self.refunds.find(RefundQuery::OutTradeNo(&order.request.out_trade_no));
        let taken = refunds.iter().filter(|refund| refund.entry.status != RefundStatus::Closed);
        let taken: u64 = taken.map(|refund| refund.entry.refund_fee).sum();
        taken > 0 && taken >= order.request.total_fee
    }
}

/// The fields that all events of a payment have.
fn event_head(account: &Account, order: &Order, payment: &Payment) -> Map<String, Value> {
    fields([
        ("transaction_id", json!(payment.transaction_id)),
        ("merchant_id", json!(account.mch_id)),
        ("sub_merchant_id", json!("")),
        ("merchant_trade_no", json!(order.request.out_trade_no)),
        ("pay_time", json!(payment.at / SECOND)),
    ])
}

/// The event that asks the merchant to ship.
fn reminder(mut head: Map<String, Value>) -> Map<String, Value> {
    let message = "订单已支付48小时，请尽快发货并录入发货信息";
    head.extend(fields([("Event", json!("trade_manage_remind_shipping")), ("msg", json!(message))]));
    head
}

/// The event of a settlement: when it is expected, or when it was.
fn settlement(mut head: Map<String, Value>, shipment: &Shipment) -> Map<String, Value> {
    let shipped = shipment.shipped.unwrap_or_default();
    head.extend(fields([
        ("Event", json!("trade_manage_order_settlement")),
        ("shipped_time", json!(shipped / SECOND)),
    ]));
    head.extend(match (&shipment.receipt, shipment.settled) {
        (Some(receipt), Some(settled)) => fields([
            ("confirm_receive_method", json!(receipt.method)),
            ("confirm_receive_time", json!(receipt.at / SECOND)),
            ("settlement_time", json!(settled / SECOND)),
        ]),
        _ => {
            let expected = shipped.saturating_add(RECEIVE_AFTER) / SECOND;
            fields([("estimated_settlement_time", json!(expected))])
        }
    });
    head
}

fn fields<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}

/// The time between a payment and the reminder to ship it, in milliseconds.
pub(crate) const REMIND_AFTER: u64 = 2 * DAY;

/// The time after which a shipped payment counts as received, in milliseconds.
pub(crate) const RECEIVE_AFTER: u64 = 10 * DAY;

/// The time between receipt and settlement, in milliseconds.
pub(crate) const SETTLE_AFTER: u64 = 3 * HOUR;
