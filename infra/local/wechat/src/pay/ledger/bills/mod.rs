//! The bill of a day: the payments and refunds of that day in UTC+8.
//!
//! Documentation: "Download bill" (下载对账单) of Pay v2, "Apply for trade bill" (申请交易账单) of Pay v3. A bill is available from 10:00 of
//! the next day, for three months. A test can make it differ from the ledger ([`BillChange`]).

pub(crate) mod bill_change;
pub(crate) mod bill_request;
mod rows;
mod table;

use std::collections::HashMap;
use std::io::Write;

use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::core::clock::{self, HOUR, MINUTE};
use crate::core::context::Context;
use crate::core::faults::Fault;
use crate::core::random;
use crate::pay::ledger::bills::bill_change::BillChange;
use crate::pay::ledger::bills::bill_request::{BillRefusal, BillRequest};
use crate::pay::ledger::orders::Orders;
use crate::pay::ledger::refunds::Refunds;

/// A bill: its complete text, and the file that is sent.
#[derive(Debug)]
pub(crate) struct Bill {
    pub(crate) text: String,
    pub(crate) file: Bytes,
}

/// The changes by tests, and the files that can be downloaded.
#[derive(Debug, Default)]
pub(crate) struct Bills {
    changes: Vec<(u64, BillChange)>,
    files: HashMap<String, (Bytes, u64)>,
}

impl Bills {
    /// Adds a change, which applies to bills from now on.
    pub(crate) fn add_change(&mut self, change: BillChange, now: u64) {
        self.changes.push((now, change));
    }

    /// Creates the requested bill from the ledger, the changes and the waiting faults.
    pub(crate) fn create_bill(
        &self,
        orders: &Orders,
        refunds: &Refunds,
        context: &Context,
        request: &BillRequest,
    ) -> Result<Bill, BillRefusal> {
        let BillRequest { day, bill_type, gzip } = *request;
        let now = context.now();
        let today = clock::day(now);
        if day > today || day.saturating_add(KEPT) < today {
            return Err(BillRefusal::OutOfRange);
        }
        if context.take_fault(|fault| matches!(fault, Fault::BillNone { .. })).is_some() {
            return Err(BillRefusal::Empty);
        }
        let ready = clock::start_of(day.saturating_add(1)).saturating_add(10 * HOUR);
        let is_held_back =
            || context.take_fault(|fault| matches!(fault, Fault::BillNotReady { .. })).is_some();
        if now < ready || is_held_back() {
            return Err(BillRefusal::NotReady);
        }
        let mut rows = rows::rows(orders, refunds, &self.changes);
        rows.retain(|row| clock::day(row.at) == day && row.belongs_to(bill_type));
        if rows.is_empty() {
            return Err(BillRefusal::Empty);
        }
        let text = table::write(&rows, bill_type, context.account());
        let mut file = if gzip { compress(&text) } else { text.clone().into_bytes() };
        if context.take_fault(|fault| matches!(fault, Fault::BillCorrupt { .. })).is_some() {
            file.truncate(file.len() / 2);
        }
        Ok(Bill { text, file: file.into() })
    }

    /// Stores a file for five minutes; returns the token with which it is downloaded.
    pub(crate) fn store_file(&mut self, file: Bytes, now: u64) -> String {
        let token = random::download_token();
        self.files.insert(token.clone(), (file, now.saturating_add(DOWNLOAD)));
        token
    }

    /// The file of this token; `None` if the token is unknown or expired.
    pub(crate) fn file(&self, token: &str, now: u64) -> Option<Bytes> {
        self.files.get(token).filter(|(_, until)| now < *until).map(|(file, _)| file.clone())
    }
}

fn compress(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    let _ = encoder.write_all(text.as_bytes());
    encoder.finish().unwrap_or_default()
}

/// How long a file can be downloaded, in milliseconds.
const DOWNLOAD: u64 = 5 * MINUTE;

/// The number of days for which bills are kept.
const KEPT: u64 = 92;
