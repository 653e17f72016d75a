//! `OUTBOX_TABLE`: what happened to orders, for those who act on it, written in the transaction that made it happen.
//!
//! Key `event_id`, which follows from the event, so that the same event is one row. Rows go after [`KEPT`].

use std::time::Duration;

use aws_sdk_dynamodb::types::Put;
use serde::Serialize;

use super::{StoreError, item};
use crate::{
    pay::{Payment, order::Verdict},
    types::UnixSeconds,
};

#[derive(Serialize)]
struct Row<'a> {
    event_id: String,
    event: &'static str,
    order_id: String,
    out_trade_no: String,
    transaction_id: &'a str,
    total_fee: u64,
    happened_at: UnixSeconds,
    expires_at: UnixSeconds,
}

/// The event that `payment` meant `verdict` for its order.
pub(super) fn payment(
    table: &str,
    payment: &Payment,
    verdict: Verdict,
    now: UnixSeconds,
) -> Result<Put, StoreError> {
    let event = match verdict {
        Verdict::Pays | Verdict::Known => "order.paid",
        Verdict::SecondPayment => "payment.second",
        Verdict::AfterClose => "payment.after-close",
        Verdict::AmountDiffers | Verdict::PayerDiffers => "payment.mismatch",
    };
    let row = Row {
        event_id: format!("{event}#{}", payment.transaction_id()),
        event,
        order_id: payment.out_trade_no().order_id().to_string(),
        out_trade_no: payment.out_trade_no().to_string(),
        transaction_id: payment.transaction_id().as_str(),
        total_fee: payment.total_fee().get(),
        happened_at: now,
        expires_at: now.plus(KEPT),
    };
    Put::builder()
        .table_name(table)
        .set_item(Some(item::write(&row)?))
        .build()
        .map_err(|error| StoreError::new("writing to the outbox", error))
}

/// How long an event is kept for somebody to look at.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
