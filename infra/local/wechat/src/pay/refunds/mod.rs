//! The merchant's refunds as WeChat Pay keeps them: one ledger for both versions of the API and the console.
//!
//! A refund is PROCESSING when it is accepted and ends at once as SUCCESS, unless a fault says otherwise; then
//! it is notified, as the API it was made with writes notices. A number that is used again for the same is the
//! same refund.

mod ledger;

pub(crate) use ledger::{Funds, Known, NewRefund, NotRefundable, Of, Refund, Refunds};
pub use ledger::{RefundEntry, RefundSource, RefundStatus};

use crate::delivery::{self, Delivery};
use crate::faults::Fault;
use crate::pay::{ApiVersion, v2, v3};
use crate::state::State;
use crate::wechat::WeChat;

/// Asks for a refund: as it stands the moment it is accepted, or as it is if it was made before.
pub(crate) fn request(wechat: &WeChat, new: NewRefund) -> Result<Refund, NotRefundable> {
    let now = wechat.now();
    let interval = if new.source == RefundSource::Api { wechat.refund_interval() } else { 0 };
    let state = &mut *wechat.state();
    let State { orders, refunds, faults, .. } = state;
    let order = new.of.find(orders).ok_or(NotRefundable::UnknownOrder)?.clone();
    if let Some(known) = refunds.known(&order, &new)? {
        return Ok(known);
    }
    refunds.check(&order, &new, now, interval)?;
    if faults.take(|fault| matches!(fault, Fault::RefundBalance { .. })).is_some() {
        return Err(NotRefundable::Balance);
    }
    let out_refund_no = new.out_refund_no.clone();
    orders.mark_refunded(&order.order.out_trade_no);
    let accepted = refunds.make(&order, new, now);
    go_through(wechat, state, &out_refund_no, now);
    Ok(accepted)
}

/// Ends the refund that was just accepted, unless a fault stalls it.
fn go_through(wechat: &WeChat, state: &mut State, out_refund_no: &str, now: u64) {
    if state.faults.take(|fault| matches!(fault, Fault::RefundStalled { .. })).is_none() {
        let status = match state.faults.take(|fault| matches!(fault, Fault::RefundOutcome { .. })) {
            Some(Fault::RefundOutcome { status, .. }) => status,
            _ => RefundStatus::Success,
        };
        end(wechat, state, out_refund_no, status, now);
    }
}

/// Sends the money of an abnormal refund elsewhere: as it stands the moment that is accepted. The error says whether there is no
/// such refund; else it is none that could not reach the user.
pub(crate) fn redirect(wechat: &WeChat, refund_id: &str, out_refund_no: &str) -> Result<Refund, bool> {
    let now = wechat.now();
    let state = &mut *wechat.state();
    let known = state.refunds.find(Known::RefundId(refund_id));
    let is_meant = |refund: &&&Refund| refund.entry.out_refund_no == out_refund_no;
    let known = known.iter().find(is_meant).ok_or(true)?;
    if known.entry.status != RefundStatus::Abnormal {
        return Err(false);
    }
    let accepted = state.refunds.restart(out_refund_no).ok_or(true)?;
    go_through(wechat, state, out_refund_no, now);
    Ok(accepted)
}

/// Ends a refund that is being processed or that needed the merchant's help.
pub(crate) fn finish(
    wechat: &WeChat,
    out_refund_no: &str,
    status: RefundStatus,
) -> Result<RefundEntry, String> {
    let now = wechat.now();
    let state = &mut *wechat.state();
    match state.refunds.by_number(out_refund_no).map(|refund| refund.entry.status) {
        None => Err(format!("there is no refund {out_refund_no}")),
        Some(_) if status == RefundStatus::Processing => Err("a refund cannot end as PROCESSING".to_owned()),
        Some(RefundStatus::Processing | RefundStatus::Abnormal) => {
            end(wechat, state, out_refund_no, status, now)
                .ok_or_else(|| format!("there is no refund {out_refund_no}"))
        }
        Some(ended) => Err(format!("refund {out_refund_no} has ended as {}", ended.as_str())),
    }
}

/// The notice is sent once the state's lock is free again.
fn end(
    wechat: &WeChat,
    state: &mut State,
    out_refund_no: &str,
    status: RefundStatus,
    now: u64,
) -> Option<RefundEntry> {
    let refund = state.refunds.end(out_refund_no, status, now)?;
    if let Some(notice) = notice(wechat, &refund, now) {
        delivery::send_soon(wechat, notice);
    }
    Some(refund.entry)
}

fn notice(wechat: &WeChat, refund: &Refund, now: u64) -> Option<Delivery> {
    let (version, notify_url) = refund.notify.as_ref()?;
    Some(match version {
        ApiVersion::V2(_) => v2::refund_notice::delivery(refund, notify_url, wechat.account()),
        ApiVersion::V3 => v3::notice::of_refund(refund, notify_url, wechat.account(), now),
    })
}
