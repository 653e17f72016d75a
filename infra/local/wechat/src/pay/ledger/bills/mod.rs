//! The bill of a day: what was paid and refunded on it in UTC+8, as a merchant reconciles it.
//!
//! Documentation: "Download bill" (下载对账单) of Pay v2, "Apply for trade bill" (申请交易账单) of Pay v3. It can be had
//! from 10:00 of the next day on, for three months. A test can make it differ from what happened
//! ([`BillChange`]).

mod rows;
mod table;

use std::collections::HashMap;
use std::io::Write;

use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::{Deserialize, Deserializer, de};

use crate::core::clock::{self, HOUR, MINUTE};
use crate::core::context::Context;
use crate::core::faults::Fault;
use crate::core::random;
use crate::pay::ledger::orders::Orders;
use crate::pay::ledger::refunds::Refunds;

/// How the bill differs from what happened. In JSON: `{"change": "<name in snake case>", …fields}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
pub enum BillChange {
    /// Nothing of this order stands in it.
    Omit {
        /// The merchant's number of the order.
        out_trade_no: String,
    },
    /// The payment of this order has another amount.
    AlterAmount {
        /// The merchant's number of the order.
        out_trade_no: String,
        /// Fen.
        fee: u64,
    },
    /// A payment that was never made here.
    AddForeign {
        /// WeChat's number of the payment.
        transaction_id: String,
        /// The merchant's number of the order.
        out_trade_no: String,
        /// Fen.
        fee: u64,
        /// The payer.
        openid: String,
        /// When it was paid, in unix milliseconds; absent: at the moment of the change. In JSON it is RFC 3339 with an offset.
        #[serde(default, deserialize_with = "moment")]
        paid_at: Option<u64>,
    },
    /// What WeChat charges for the payment of this order is a fen too much.
    WrongFee {
        /// The merchant's number of the order.
        out_trade_no: String,
    },
}

/// Which rows a bill has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum BillType {
    #[default]
    All,
    Success,
    Refund,
}

/// Which bill is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BillRequest {
    /// The number of the day.
    pub(crate) day: u64,
    pub(crate) bill_type: BillType,
    pub(crate) gzip: bool,
}

/// Why there is no bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoBill {
    /// The day is in the future or more than three months ago.
    OutOfRange,
    /// It will be there at 10:00 of the next day.
    NotReady,
    /// Nothing happened.
    Empty,
}

/// A bill, complete and as it is sent.
#[derive(Debug)]
pub(crate) struct Bill {
    pub(crate) text: String,
    pub(crate) file: Bytes,
}

/// The changes, and the files that can be downloaded.
#[derive(Debug, Default)]
pub(crate) struct Bills {
    changes: Vec<(u64, BillChange)>,
    files: HashMap<String, (Bytes, u64)>,
}

impl BillType {
    /// `None` if there is no such bill.
    pub(crate) fn parse(text: Option<&str>) -> Option<Self> {
        match text {
            None | Some("ALL") => Some(Self::All),
            Some("SUCCESS") => Some(Self::Success),
            Some("REFUND") => Some(Self::Refund),
            Some(_) => None,
        }
    }
}

impl Bills {
    /// From now on the bill differs.
    pub(crate) fn change(&mut self, change: BillChange, now: u64) {
        self.changes.push((now, change));
    }

    /// The bill of the day with this number.
    pub(crate) fn bill(
        &self,
        orders: &Orders,
        refunds: &Refunds,
        context: &Context,
        wanted: &BillRequest,
    ) -> Result<Bill, NoBill> {
        let BillRequest { day, bill_type, gzip } = *wanted;
        let now = context.now();
        let today = clock::day(now);
        if day > today || day.saturating_add(KEPT) < today {
            return Err(NoBill::OutOfRange);
        }
        if context.take_fault(|fault| matches!(fault, Fault::BillNone { .. })).is_some() {
            return Err(NoBill::Empty);
        }
        let ready = clock::start_of(day.saturating_add(1)).saturating_add(10 * HOUR);
        let is_held_back =
            || context.take_fault(|fault| matches!(fault, Fault::BillNotReady { .. })).is_some();
        if now < ready || is_held_back() {
            return Err(NoBill::NotReady);
        }
        let mut rows = rows::rows(orders, refunds, &self.changes);
        rows.retain(|row| clock::day(row.at) == day && row.belongs_to(bill_type));
        if rows.is_empty() {
            return Err(NoBill::Empty);
        }
        let text = table::write(&rows, bill_type, context.account());
        let mut file = if gzip { compress(&text) } else { text.clone().into_bytes() };
        if context.take_fault(|fault| matches!(fault, Fault::BillCorrupt { .. })).is_some() {
            file.truncate(file.len() / 2);
        }
        Ok(Bill { text, file: file.into() })
    }

    /// Keeps a file for five minutes; the token it is downloaded with.
    pub(crate) fn keep(&mut self, file: Bytes, now: u64) -> String {
        let token = random::download_token();
        self.files.insert(token.clone(), (file, now.saturating_add(DOWNLOAD)));
        token
    }

    /// The file, if the token is known and not too old.
    pub(crate) fn file(&self, token: &str, now: u64) -> Option<Bytes> {
        self.files.get(token).filter(|(_, until)| now < *until).map(|(file, _)| file.clone())
    }
}

fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let moment = clock::parse_rfc3339(&text);
    moment.map(Some).ok_or_else(|| de::Error::custom("paid_at is like 2015-05-20T13:29:35+08:00"))
}

fn compress(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    let _ = encoder.write_all(text.as_bytes());
    encoder.finish().unwrap_or_default()
}

/// How long a file can be downloaded.
const DOWNLOAD: u64 = 5 * MINUTE;

/// Days.
const KEPT: u64 = 92;
