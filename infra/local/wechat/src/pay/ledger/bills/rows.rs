//! The rows of a bill: one for each payment and each refund, with the changes that tests have made.

use super::bill_change::BillChange;
use super::bill_request::BillType;
use crate::pay::ledger::orders::{Order, Orders};
use crate::pay::ledger::refunds::{Refund, Refunds};

/// A row of a bill: a payment or a refund.
#[derive(Debug, Clone)]
pub(super) struct BillRow {
    /// The appid of another mini program of the merchant.
    pub(super) app_id: Option<String>,
    /// Unix milliseconds.
    pub(super) at: u64,
    pub(super) transaction_id: String,
    pub(super) out_trade_no: String,
    pub(super) openid: String,
    pub(super) device_info: String,
    pub(super) description: String,
    pub(super) attach: String,
    /// Fen.
    pub(super) total_fee: u64,
    /// Fen that WeChat Pay charges beyond its rate.
    pub(super) surcharge: u64,
    pub(super) refund: Option<Refund>,
}

impl BillRow {
    pub(super) fn belongs_to(&self, bill_type: BillType) -> bool {
        match bill_type {
            BillType::All => true,
            BillType::Success => self.refund.is_none(),
            BillType::Refund => self.refund.is_some(),
        }
    }

    fn is_payment_of(&self, out_trade_no: &str) -> bool {
        self.refund.is_none() && self.out_trade_no == out_trade_no
    }
}

/// All rows of all days, oldest first.
pub(super) fn rows(orders: &Orders, refunds: &Refunds, changes: &[(u64, BillChange)]) -> Vec<BillRow> {
    let mut rows: Vec<BillRow> = orders.all().iter().filter_map(payment).collect();
    let refunded = refunds.all().iter().filter_map(|refund| {
        let order = orders.by_number(&refund.entry.out_trade_no)?;
        Some(BillRow { at: refund.created, refund: Some(refund.clone()), ..payment(order)? })
    });
    rows.extend(refunded);
    for (at, change) in changes {
        apply(&mut rows, *at, change);
    }
    rows.sort_by_key(|row| row.at);
    rows
}

fn payment(order: &Order) -> Option<BillRow> {
    let payment = order.payment.as_ref()?;
    Some(BillRow {
        at: payment.at,
        transaction_id: payment.transaction_id.clone(),
        out_trade_no: order.request.out_trade_no.clone(),
        openid: order.request.openid.clone(),
        device_info: order.request.device_info.clone(),
        description: order.request.description.clone(),
        attach: order.request.attach.clone(),
        total_fee: order.request.total_fee,
        surcharge: 0,
        app_id: None,
        refund: None,
    })
}

fn apply(rows: &mut Vec<BillRow>, at: u64, change: &BillChange) {
    match change {
        BillChange::Omit { out_trade_no } => rows.retain(|row| row.out_trade_no != *out_trade_no),
        BillChange::AlterAmount { out_trade_no, fee } => {
            for row in rows.iter_mut().filter(|row| row.is_payment_of(out_trade_no)) {
                row.total_fee = *fee;
            }
        }
        BillChange::WrongFee { out_trade_no } => {
            for row in rows.iter_mut().filter(|row| row.is_payment_of(out_trade_no)) {
                row.surcharge = 1;
            }
        }
        BillChange::AddForeign { transaction_id, out_trade_no, fee, openid, paid_at, appid } => {
            rows.push(BillRow {
                app_id: appid.clone(),
                at: paid_at.unwrap_or(at),
                transaction_id: transaction_id.clone(),
                out_trade_no: out_trade_no.clone(),
                openid: openid.clone(),
                device_info: String::new(),
                description: "别处的商品".to_owned(),
                attach: String::new(),
                total_fee: *fee,
                surcharge: 0,
                refund: None,
            })
        }
    }
}
