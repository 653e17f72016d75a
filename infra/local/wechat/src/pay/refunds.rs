//! Requests, redirects and ends refunds, and sends their notices. Both versions of the API and the merchant console use it.
//!
//! A refund is PROCESSING when it is accepted, and ends at once as SUCCESS, unless a fault says otherwise. Then its notice is
//! sent in the format of the API that made the refund. A repeated request with the same number and amounts means the same refund.

use crate::core::random;
use crate::core::refund_status::RefundStatus;
use crate::pay::ledger::refunds::{
    Funds, NewRefund, PaymentRef, Refund, RefundEntry, RefundRefusal, RefundSource,
};
use crate::pay::ledger::{AcceptedRefund, RedirectRefusal};
use crate::pay::service::PayService;
use crate::pay::version::ApiVersion;
use crate::pay::{v2, v3};

/// Requests a refund. Returns it in the state in which it was accepted, or in its current state if the request was repeated.
pub(crate) fn request_refund(pay: &PayService, new: NewRefund) -> Result<Refund, RefundRefusal> {
    let interval = if new.source == RefundSource::Api { pay.refund_interval() } else { 0 };
    let requested = pay.ledger().request_refund(new, interval, &pay.base().context);
    Ok(send_end_notice(pay, requested?))
}

/// Redirects the money of an abnormal refund to another account. Returns the refund in the state in which this was accepted.
pub(crate) fn redirect_refund(
    pay: &PayService,
    refund_id: &str,
    out_refund_no: &str,
) -> Result<Refund, RedirectRefusal> {
    let redirected = pay.ledger().redirect_refund(refund_id, out_refund_no, &pay.base().context);
    Ok(send_end_notice(pay, redirected?))
}

/// Ends a refund that is PROCESSING or ABNORMAL.
pub(crate) fn finish_refund(
    pay: &PayService,
    out_refund_no: &str,
    status: RefundStatus,
) -> Result<RefundEntry, String> {
    let now = pay.now();
    let finished = pay.ledger().finish_refund(out_refund_no, status, now);
    let refund = finished?;
    send_refund_notice(pay, &refund);
    Ok(refund.entry)
}

/// Makes a refund as in the merchant console, without a notice.
pub(crate) fn request_console_refund(
    pay: &PayService,
    transaction_id: &str,
    fee: u64,
) -> Result<RefundEntry, String> {
    let order = pay.ledger().orders.by_transaction(transaction_id).cloned();
    let order = order.ok_or_else(|| format!("there is no payment {transaction_id}"))?;
    if fee == 0 {
        return Err("a refund is at least one fen".to_owned());
    }
    let new = NewRefund {
        payment: PaymentRef::Transaction(transaction_id.to_owned()),
        out_refund_no: format!("console{}", random::digits(&random::bytes::<20>())),
        total_fee: order.request.total_fee,
        refund_fee: fee,
        notify: None,
        source: RefundSource::VendorPlatform,
        funds: Funds::Unsettled,
    };
    let out_refund_no = new.out_refund_no.clone();
    request_refund(pay, new).map_err(|reason| format!("{reason:?}"))?;
    let made = pay.ledger().refunds.by_number(&out_refund_no).map(|refund| refund.entry.clone());
    made.ok_or_else(|| "the refund is gone".to_owned())
}

/// Sends the notice of a refund that ended at once. Returns the refund as it was accepted.
fn send_end_notice(pay: &PayService, AcceptedRefund { accepted, ended }: AcceptedRefund) -> Refund {
    if let Some(ended) = ended {
        send_refund_notice(pay, &ended);
    }
    accepted
}

/// Sends the notice of a refund that has ended, if the request had a `notify_url`.
fn send_refund_notice(pay: &PayService, refund: &Refund) {
    let Some((version, notify_url)) = &refund.notify else { return };
    pay.notices().send(match version {
        ApiVersion::V2(_) => v2::refund_notice::refund_notice(refund, notify_url, pay.account()),
        ApiVersion::V3 => v3::notice::refund_notice(pay, refund, notify_url),
    });
}
