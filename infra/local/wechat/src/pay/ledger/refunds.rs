//! The merchant's refunds, and the rules by which a refund is accepted.

use std::collections::HashMap;

use serde::{Deserialize, Serialize, Serializer};

use crate::core::clock::DAY;
use crate::core::random;
use crate::core::refund_status::RefundStatus;
use crate::pay::ledger::orders::{Order, Orders};
use crate::pay::version::ApiVersion;

/// The origin of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundSource {
    /// The back end.
    Api,
    /// A person in the merchant console.
    VendorPlatform,
}

/// A refund as the ledger shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundEntry {
    /// The merchant's number of the refund.
    pub out_refund_no: String,
    /// WeChat's number of the refund.
    pub refund_id: String,
    /// The merchant's number of the order.
    pub out_trade_no: String,
    /// WeChat's number of the payment.
    pub transaction_id: String,
    /// The order's amount in fen.
    pub total_fee: u64,
    /// The amount of the refund in fen.
    pub refund_fee: u64,
    /// The state.
    pub status: RefundStatus,
    /// The origin.
    pub source: RefundSource,
}

/// The payment that a request names, by one of its two numbers.
#[derive(Debug, Clone)]
pub(crate) enum PaymentRef {
    Transaction(String),
    OutTradeNo(String),
}

/// The source of a refund's money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Funds {
    /// Payments that are not settled yet.
    #[default]
    Unsettled,
    /// The merchant's balance.
    Available,
}

/// A request for a refund.
#[derive(Debug, Clone)]
pub(crate) struct NewRefund {
    pub(crate) payment: PaymentRef,
    pub(crate) out_refund_no: String,
    /// The order's amount as the merchant sends it.
    pub(crate) total_fee: u64,
    pub(crate) refund_fee: u64,
    /// The version and the URL of the notice; `None` if no notice is sent.
    pub(crate) notify: Option<(ApiVersion, String)>,
    pub(crate) source: RefundSource,
    pub(crate) funds: Funds,
}

/// A refund.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Refund {
    pub(crate) entry: RefundEntry,
    pub(crate) notify: Option<(ApiVersion, String)>,
    pub(crate) funds: Funds,
    /// Unix milliseconds.
    pub(crate) created: u64,
    ended: Option<u64>,
}

/// The reason why a refund is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefundRefusal {
    UnknownOrder,
    NotPaid,
    /// `total` is not the order's amount.
    OtherTotal,
    /// The number belongs to a refund with other amounts or of another order.
    OtherRefund,
    /// The amount is more than what is left of the payment.
    TooMuch,
    /// The order has fifty refunds already.
    TooMany,
    /// The order's last refund was less than the interval ago.
    TooSoon,
    /// The payment is more than a year old.
    Overdue,
    Balance,
}

/// The number by which refunds are queried.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RefundQuery<'a> {
    RefundId(&'a str),
    OutRefundNo(&'a str),
    TransactionId(&'a str),
    OutTradeNo(&'a str),
}

impl PaymentRef {
    pub(super) fn find<'a>(&self, orders: &'a Orders) -> Option<&'a Order> {
        match self {
            Self::Transaction(id) => orders.by_transaction(id),
            Self::OutTradeNo(number) => orders.by_number(number),
        }
    }
}

impl RefundSource {
    /// The value of `refund_request_source`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "API",
            Self::VendorPlatform => "VENDOR_PLATFORM",
        }
    }
}

impl Funds {
    /// The value of Pay v2's `refund_account`.
    pub(crate) fn v2(self) -> &'static str {
        match self {
            Self::Unsettled => "REFUND_SOURCE_UNSETTLED_FUNDS",
            Self::Available => "REFUND_SOURCE_RECHARGE_FUNDS",
        }
    }

    /// The value of Pay v3's `funds_account`.
    pub(crate) fn v3(self) -> &'static str {
        match self {
            Self::Unsettled => "UNSETTLED",
            Self::Available => "AVAILABLE",
        }
    }
}

impl RefundRefusal {
    /// The text beside the error code.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::UnknownOrder => "订单不存在",
            Self::NotPaid => "订单未支付",
            Self::OtherTotal => "订单金额不一致，请核实后再试",
            Self::OtherRefund => "订单金额或退款金额与之前请求不一致，请核实后再试",
            Self::TooMuch => "累计退款金额大于支付金额",
            Self::TooMany => "部分退款次数超过限制",
            Self::TooSoon => "同一订单两次退款间隔不足1分钟，请稍后再试",
            Self::Overdue => "订单已经超过退款期限",
            Self::Balance => "商户余额不足",
        }
    }
}

impl Refund {
    /// The time of success, in unix milliseconds.
    pub(crate) fn succeeded(&self) -> Option<u64> {
        self.ended.filter(|_| self.entry.status == RefundStatus::Success)
    }
}

/// All refunds of the merchant.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "Vec<Refund>")]
pub(crate) struct Refunds {
    /// All refunds, oldest first.
    refunds: Vec<Refund>,
    by_number: HashMap<String, usize>,
    by_order: HashMap<String, Vec<usize>>,
}

impl From<Vec<Refund>> for Refunds {
    fn from(refunds: Vec<Refund>) -> Self {
        let mut all = Self::default();
        refunds.into_iter().for_each(|refund| all.push(refund));
        all
    }
}

impl Serialize for Refunds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.refunds.serialize(serializer)
    }
}

impl Refunds {
    pub(crate) fn all(&self) -> &[Refund] {
        &self.refunds
    }

    fn push(&mut self, refund: Refund) {
        let position = self.refunds.len();
        self.by_number.insert(refund.entry.out_refund_no.clone(), position);
        self.by_order.entry(refund.entry.out_trade_no.clone()).or_default().push(position);
        self.refunds.push(refund);
    }

    fn by_number_mut(&mut self, out_refund_no: &str) -> Option<&mut Refund> {
        self.refunds.get_mut(*self.by_number.get(out_refund_no)?)
    }

    /// All refunds as the ledger shows them, oldest first.
    pub(crate) fn entries(&self) -> Vec<RefundEntry> {
        self.refunds.iter().map(|refund| refund.entry.clone()).collect()
    }

    pub(crate) fn by_number(&self, out_refund_no: &str) -> Option<&Refund> {
        self.refunds.get(*self.by_number.get(out_refund_no)?)
    }

    /// The refunds that the query names, oldest first.
    pub(crate) fn find(&self, query: RefundQuery<'_>) -> Vec<&Refund> {
        let all = self.refunds.iter();
        match query {
            RefundQuery::RefundId(id) => all.filter(|refund| refund.entry.refund_id == id).collect(),
            RefundQuery::OutRefundNo(number) => self.by_number(number).into_iter().collect(),
            RefundQuery::TransactionId(id) => {
                all.filter(|refund| refund.entry.transaction_id == id).collect()
            }
            RefundQuery::OutTradeNo(number) => {
                let positions = self.by_order.get(number).into_iter().flatten();
                positions.filter_map(|position| self.refunds.get(*position)).collect()
            }
        }
    }

    /// Finds the refund that a repeated request means: the same number, order and amounts.
    pub(super) fn find_repeated(
        &self,
        order: &Order,
        new: &NewRefund,
    ) -> Result<Option<Refund>, RefundRefusal> {
        let Some(known) = self.by_number(&new.out_refund_no) else { return Ok(None) };
        let is_same = known.entry.out_trade_no == order.request.out_trade_no
            && known.entry.total_fee == new.total_fee
            && known.entry.refund_fee == new.refund_fee;
        if is_same { Ok(Some(known.clone())) } else { Err(RefundRefusal::OtherRefund) }
    }

    /// Checks that a new refund can be accepted.
    pub(super) fn check_refund(
        &self,
        order: &Order,
        new: &NewRefund,
        now: u64,
        interval: u64,
    ) -> Result<(), RefundRefusal> {
        let payment = order.payment.as_ref().ok_or(RefundRefusal::NotPaid)?;
        if new.total_fee != order.request.total_fee {
            return Err(RefundRefusal::OtherTotal);
        }
        if now > payment.at.saturating_add(YEAR) {
            return Err(RefundRefusal::Overdue);
        }
        let before = self.find(RefundQuery::OutTradeNo(&order.request.out_trade_no));
        if before.len() >= MOST {
            return Err(RefundRefusal::TooMany);
        }
        let given_up = |refund: &&&Refund| refund.entry.status == RefundStatus::Closed;
        let refunded: u64 =
            before.iter().filter(|refund| !given_up(refund)).map(|refund| refund.entry.refund_fee).sum();
        if refunded.saturating_add(new.refund_fee) > order.request.total_fee {
            return Err(RefundRefusal::TooMuch);
        }
        if before.last().is_some_and(|last| now < last.created.saturating_add(interval)) {
            return Err(RefundRefusal::TooSoon);
        }
        Ok(())
    }

    /// Adds a refund that [`check_refund`](Self::check_refund) has accepted.
    pub(super) fn create_refund(&mut self, order: &Order, new: NewRefund, now: u64) -> Refund {
        let payment = order.payment.as_ref();
        let refund = Refund {
            entry: RefundEntry {
                out_refund_no: new.out_refund_no,
                refund_id: random::refund_id(now),
                out_trade_no: order.request.out_trade_no.clone(),
                transaction_id: payment.map(|payment| payment.transaction_id.clone()).unwrap_or_default(),
                total_fee: order.request.total_fee,
                refund_fee: new.refund_fee,
                status: RefundStatus::Processing,
                source: new.source,
            },
            notify: new.notify,
            funds: new.funds,
            created: now,
            ended: None,
        };
        self.push(refund.clone());
        refund
    }

    /// Sets a refund back to PROCESSING. Its numbers stay the same.
    pub(super) fn restart_refund(&mut self, out_refund_no: &str) -> Option<Refund> {
        let refund = self.by_number_mut(out_refund_no)?;
        refund.entry.status = RefundStatus::Processing;
        refund.ended = None;
        Some(refund.clone())
    }

    pub(super) fn end_refund(
        &mut self,
        out_refund_no: &str,
        status: RefundStatus,
        now: u64,
    ) -> Option<Refund> {
        let refund = self.by_number_mut(out_refund_no)?;
        refund.entry.status = status;
        refund.ended = Some(now);
        Some(refund.clone())
    }
}

/// How long a payment can be refunded, in milliseconds.
const YEAR: u64 = 365 * DAY;

/// The number of refunds that a payment can have.
const MOST: usize = 50;
