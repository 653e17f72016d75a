//! WeChat Pay's ledger of the merchant: orders, refunds, bills, shipping and complaints, and the keys with which WeChat Pay signs.
//!
//! All of it is under one lock, because a payment and a closing of the same order must not both succeed, and because a refund
//! changes its order. This folder knows no HTTP.

pub(crate) mod bills;
pub(crate) mod complaints;
pub(crate) mod orders;
pub(crate) mod platform_keys;
pub(crate) mod refunds;
pub(crate) mod shipping;

use serde::{Deserialize, Serialize};

use self::bills::Bills;
use self::complaints::Complaints;
use self::orders::Orders;
use self::platform_keys::{PlatformKeys, PlatformMode};
use self::refunds::{NewRefund, Refund, RefundQuery, RefundRefusal, Refunds};
use self::shipping::Shipping;
use self::shipping::settings::ShippingSettings;
use crate::core::context::Context;
use crate::core::faults::Fault;
use crate::core::persist::Kept;
use crate::core::refund_status::RefundStatus;

/// The state of WeChat Pay.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ledger {
    pub(crate) orders: Orders,
    pub(crate) refunds: Refunds,
    #[serde(skip)]
    pub(crate) bills: Bills,
    pub(crate) complaints: Complaints,
    pub(crate) shipping: Shipping,
    pub(crate) platform_keys: PlatformKeys,
}

/// A refund that was accepted.
#[derive(Debug)]
pub(crate) struct AcceptedRefund {
    /// The refund in the state in which it was accepted; the current state if the request was repeated.
    pub(crate) accepted: Refund,
    /// The refund in its final state, if it ended at once. Then its notice must be sent.
    pub(crate) ended: Option<Refund>,
}

/// The reason why an abnormal refund cannot be redirected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RedirectRefusal {
    Unknown,
    NotAbnormal,
}

impl Kept for Ledger {
    fn resume(&mut self, mut kept: Self) {
        kept.platform_keys.mode = self.platform_keys.mode;
        kept.shipping.settings = self.shipping.settings.clone();
        *self = kept;
    }
}

impl Ledger {
    pub(crate) fn new(mode: PlatformMode, shipping: ShippingSettings) -> Self {
        Self {
            orders: Orders::default(),
            refunds: Refunds::default(),
            bills: Bills::default(),
            complaints: Complaints::default(),
            shipping: Shipping::new(shipping),
            platform_keys: PlatformKeys::new(mode),
        }
    }

    /// Accepts a refund, which must be at least `interval` milliseconds after the order's last refund. The refund ends at once,
    /// unless a fault says otherwise.
    pub(crate) fn request_refund(
        &mut self,
        new: NewRefund,
        interval: u64,
        context: &Context,
    ) -> Result<AcceptedRefund, RefundRefusal> {
        let now = context.now();
        let order = new.payment.find(&self.orders).ok_or(RefundRefusal::UnknownOrder)?.clone();
        if let Some(known) = self.refunds.find_repeated(&order, &new)? {
            return Ok(AcceptedRefund { accepted: known, ended: None });
        }
        self.refunds.check_refund(&order, &new, now, interval)?;
        if context.take_fault(|fault| matches!(fault, Fault::RefundBalance { .. })).is_some() {
            return Err(RefundRefusal::Balance);
        }
        let out_refund_no = new.out_refund_no.clone();
        self.orders.mark_refunded(&order.request.out_trade_no);
        let accepted = self.refunds.create_refund(&order, new, now);
        Ok(AcceptedRefund { accepted, ended: self.process_refund(&out_refund_no, context) })
    }

    /// Redirects the money of an abnormal refund to another account.
    pub(crate) fn redirect_refund(
        &mut self,
        refund_id: &str,
        out_refund_no: &str,
        context: &Context,
    ) -> Result<AcceptedRefund, RedirectRefusal> {
        let known = self.refunds.find(RefundQuery::RefundId(refund_id));
        let is_meant = |refund: &&&Refund| refund.entry.out_refund_no == out_refund_no;
        let known = known.iter().find(is_meant).ok_or(RedirectRefusal::Unknown)?;
        if known.entry.status != RefundStatus::Abnormal {
            return Err(RedirectRefusal::NotAbnormal);
        }
        let accepted = self.refunds.restart_refund(out_refund_no).ok_or(RedirectRefusal::Unknown)?;
        Ok(AcceptedRefund { accepted, ended: self.process_refund(out_refund_no, context) })
    }

    /// Ends the refund that was just accepted, unless the fault `refund_stalled` applies.
    fn process_refund(&mut self, out_refund_no: &str, context: &Context) -> Option<Refund> {
        if context.take_fault(|fault| matches!(fault, Fault::RefundStalled { .. })).is_some() {
            return None;
        }
        let status = match context.take_fault(|fault| matches!(fault, Fault::RefundOutcome { .. })) {
            Some(Fault::RefundOutcome { status, .. }) => status,
            _ => RefundStatus::Success,
        };
        self.end_refund(out_refund_no, status, context.now())
    }

    fn end_refund(&mut self, out_refund_no: &str, status: RefundStatus, now: u64) -> Option<Refund> {
        // A payment whose refund was given up is to be shipped again.
        self.shipping.expect_due(0);
        self.refunds.end_refund(out_refund_no, status, now)
    }

    /// Ends a refund that is PROCESSING or ABNORMAL.
    pub(crate) fn finish_refund(
        &mut self,
        out_refund_no: &str,
        status: RefundStatus,
        now: u64,
    ) -> Result<Refund, String> {
        let unknown = || format!("there is no refund {out_refund_no}");
        match self.refunds.by_number(out_refund_no).map(|refund| refund.entry.status) {
            None => Err(unknown()),
            Some(_) if status == RefundStatus::Processing => {
                Err("a refund cannot end as PROCESSING".to_owned())
            }
            Some(RefundStatus::Processing | RefundStatus::Abnormal) => {
                self.end_refund(out_refund_no, status, now).ok_or_else(unknown)
            }
            Some(ended) => Err(format!("refund {out_refund_no} has ended as {}", ended.as_str())),
        }
    }
}
