//! The bill of a day (交易账单, type ALL): downloading, verifying and reading it.
//!
//! ```text
//! socket ─▶ chunks ─┬─▶ temporary file, as it came (gzip)
//!                   └─▶ gunzip ─▶ SHA-1                     then, if the hash fits:
//! file ─▶ gunzip ─▶ lines, counted and summed ─▶ the bill's own summary      and then:
//! file ─▶ gunzip ─▶ lines ─▶ the comparison
//! ```
//! A [`BillFile`] exists only if hash and summary are right, so an interrupted download changes nothing. No step holds more than one
//! line in memory, so the size of a bill is limited by the disk only.

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

/// WeChat Pay's answer to the request of a day's bill.
#[derive(Debug)]
pub enum Bill {
    /// The complete bill.
    Ready(BillFile),
    /// Nothing was paid or refunded that day.
    None,
    /// WeChat Pay has not written the bill yet: request it later.
    NotReady,
}

/// A complete bill: its summary is right, and its hash too if WeChat Pay has named one.
#[derive(Debug)]
pub struct BillFile {
    file: File,
    encoding: Encoding,
    own: OwnAccount,
    totals: Totals,
}

/// The totals of a bill. Amounts are those of this account's lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// All lines, also foreign ones.
    pub lines: u64,
    /// Lines of another app or merchant, which are skipped.
    pub foreign: u64,
    /// Foreign lines that are malformed. Their amounts are unknown, so the sums that they belong to are not checked.
    pub unreadable: u64,
    /// Payments.
    pub payments: u64,
    /// The sum of the payments. Fen.
    pub paid_fee: u64,
    /// Refunds.
    pub refunds: u64,
    /// The sum of the refunds as requested. Fen.
    pub refunded_fee: u64,
    /// The fees that WeChat Pay took, less those that it returned.
    pub fees: Yuan,
}

/// The compression of a downloaded bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Gzip,
    Plain,
}

/// The app and merchant whose lines are read.
#[derive(Debug, Clone)]
struct OwnAccount {
    app_id: AppId,
    mch_id: MchId,
}

impl BillFile {
    /// Verifies that the downloaded bill is complete.
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

    /// The bill's totals.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// This account's lines, from the first one on. Foreign lines are skipped.
    ///
    /// # Errors
    /// [`BillError::Io`]: the temporary file can't be read.
    pub fn lines(&mut self) -> Result<impl Iterator<Item = Result<Line, BillError>> + Send + '_, BillError> {
        self.reader()
    }

    /// Readers share the file's position, so there can be one at a time.
    fn reader(&mut self) -> Result<Reader<BufReader<Box<dyn Read + Send + '_>>>, BillError> {
        self.file.rewind()?;
        let source: Box<dyn Read + Send + '_> = match self.encoding {
            Encoding::Gzip => Box::new(MultiGzDecoder::new(&self.file)),
            Encoding::Plain => Box::new(&self.file),
        };
        Reader::new(BufReader::with_capacity(BUFFER, source), self.own.clone())
    }
}

/// The size of the read buffer, in bytes.
const BUFFER: usize = 64 * 1024;
