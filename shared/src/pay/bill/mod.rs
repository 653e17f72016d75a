//! The bill of a day (交易账单, type ALL): how it comes, and what stands in it.
//!
//! ```text
//! socket ─▶ chunks ─┬─▶ temporary file, as it came (gzip)
//!                   └─▶ gunzip ─▶ SHA-1                     then, if the hash fits:
//! file ─▶ gunzip ─▶ lines, counted and summed ─▶ the bill's own summary      and then:
//! file ─▶ gunzip ─▶ lines ─▶ whoever compares
//! ```
//! A [`BillFile`] can only be had when hash and summary fit, so a download that broke off changes nothing. No step holds more
//! than a line: the day's size is the disk's business.

mod columns;
mod download;
mod error;
mod line;
mod line_text;
mod read;
mod spool;
#[cfg(test)]
mod tests;

use std::{
    fs::File,
    io::{BufReader, Read, Seek},
};

use flate2::read::MultiGzDecoder;

use super::{MerchantContext, PayError};
use crate::types::{AppId, MchId, Yuan};

pub(super) use download::{Download, LIMIT};
pub use error::BillError;
pub use line::{BilledRefund, Line, PaymentLine, RefundLine, UnknownStateLine};
use read::Reader;
pub(super) use spool::Spooled;

/// What WeChat Pay gives for a day.
#[derive(Debug)]
pub enum Bill {
    /// The bill, whole.
    Ready(BillFile),
    /// Nothing was paid or refunded that day.
    None,
    /// WeChat Pay has not written it yet: later.
    NotReady,
}

/// A bill that is whole: its hash, if there is one, and its summary fit.
#[derive(Debug)]
pub struct BillFile {
    file: File,
    encoding: Encoding,
    own: OwnAccount,
    totals: Totals,
}

/// What a bill adds up to. Money is of our own lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Lines, ours and others'.
    pub lines: u64,
    /// Lines of another app or merchant, which are passed over.
    pub foreign: u64,
    /// Those of them that are not in their form. What they add to the bill's sums is not known, so that no sum of theirs is checked.
    pub unreadable: u64,
    /// Payments.
    pub payments: u64,
    /// What was paid. Fen.
    pub paid_fee: u64,
    /// Refunds.
    pub refunds: u64,
    /// What was asked back. Fen.
    pub refunded_fee: u64,
    /// What WeChat Pay took, less what it gave back.
    pub fees: Yuan,
}

/// How a bill came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Gzip,
    Plain,
}

/// Whose lines are own.
#[derive(Debug, Clone)]
struct OwnAccount {
    app_id: AppId,
    mch_id: MchId,
}

impl BillFile {
    /// Believes the downloaded bill, if it is whole.
    pub(super) fn verify(
        path: &'static str,
        merchant: &MerchantContext,
        spooled: Spooled,
    ) -> Result<Self, PayError> {
        let own = OwnAccount { app_id: merchant.app_id.clone(), mch_id: merchant.mch_id.clone() };
        Self::read_through(spooled.file, spooled.encoding, own)
            .map_err(|cause| PayError::Bill { path, cause })
    }

    fn read_through(file: File, encoding: Encoding, own: OwnAccount) -> Result<Self, BillError> {
        let mut bill = Self { file, encoding, own, totals: Totals::default() };
        let totals = bill.reader()?.read_through()?;
        Ok(Self { totals, ..bill })
    }

    /// What it adds up to.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Our lines, from the first one on. Those of others are passed over.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn lines(&mut self) -> Result<impl Iterator<Item = Result<Line, BillError>> + Send + '_, BillError> {
        self.reader()
    }

    /// Both readers share the file's position, so that there can be one at a time.
    fn reader(&mut self) -> Result<Reader<BufReader<Box<dyn Read + Send + '_>>>, BillError> {
        self.file.rewind()?;
        let source: Box<dyn Read + Send + '_> = match self.encoding {
            Encoding::Gzip => Box::new(MultiGzDecoder::new(&self.file)),
            Encoding::Plain => Box::new(&self.file),
        };
        Reader::new(BufReader::with_capacity(BUFFER, source), self.own.clone())
    }
}

/// How much of the file is in memory.
const BUFFER: usize = 64 * 1024;
