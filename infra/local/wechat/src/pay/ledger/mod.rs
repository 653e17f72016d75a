//! The merchant's books as WeChat Pay keeps them: orders, refunds, bills and the keys that WeChat Pay signs with.
//!
//! They stand under one lock, because a payment and a closing of the same order must not both succeed and a refund changes
//! its order. Nothing here speaks HTTP.

pub(crate) mod bills;
pub(crate) mod orders;
pub(crate) mod platform_keys;
pub(crate) mod refunds;

use self::bills::Bills;
use self::orders::Orders;
use self::platform_keys::{PlatformKeys, PlatformMode};
use self::refunds::{NewRefund, Refund, RefundQuery, RefundRefusal, Refunds};
use crate::core::context::Context;
use crate::core::faults::Fault;
use crate::core::refund_status::RefundStatus;

/// Everything that WeChat Pay remembers.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) orders: Orders,
    pub(crate) refunds: Refunds,
    pub(crate) bills: Bills,
    pub(crate) platform_keys: PlatformKeys,
}

/// A refund that was accepted.
#[derive(Debug)]
pub(crate) struct AcceptedRefund {
    /// As it stood the moment it was accepted, or as it is if it was made before.
    pub(crate) accepted: Refund,
    /// As it ended, if it ended at once and therefore must be notified.
    pub(crate) ended: Option<Refund>,
}

/// Why the money of a refund is not sent elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RedirectRefusal {
    Unknown,
    NotAbnormal,
}

impl Ledger {
    pub(crate) fn new(mode: PlatformMode) -> Self {
        Self {
            orders: Orders::default(),
            refunds: Refunds::default(),
            bills: Bills::default(),
            platform_keys: PlatformKeys::new(mode),
        }
    }

    /// Makes a refund, at least `interval` milliseconds after the order's last one. It ends at once, unless a fault says
    /// otherwise.
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

    /// Sends the money of an abnormal refund elsewhere.
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

    /// Ends the refund that was just accepted, unless a fault stalls it.
    fn process_refund(&mut self, out_refund_no: &str, context: &Context) -> Option<Refund> {
        if context.take_fault(|fault| matches!(fault, Fault::RefundStalled { .. })).is_some() {
            return None;
        }
        let status = match context.take_fault(|fault| matches!(fault, Fault::RefundOutcome { .. })) {
            Some(Fault::RefundOutcome { status, .. }) => status,
            _ => RefundStatus::Success,
        };
        self.refunds.end_refund(out_refund_no, status, context.now())
    }

    /// Ends a refund that is being processed or that needed the merchant's help.
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
                self.refunds.end_refund(out_refund_no, status, now).ok_or_else(unknown)
            }
            Some(ended) => Err(format!("refund {out_refund_no} has ended as {}", ended.as_str())),
        }
    }
}
