//! Reading a bill line by line: never more of it in memory than one line, and believed only to its last one.

use std::io::{BufRead, Read};

use super::{
    BillError, Line, Ours, Totals,
    columns::{Columns, Sums, check_summary},
};

/// Our lines of a bill. The bill is whole when the last one was read without an error.
pub(super) struct Reader<R> {
    source: R,
    ours: Ours,
    columns: Columns,
    buffer: Vec<u8>,
    /// Lines read, the one with the names included.
    number: u64,
    sums: Sums,
    totals: Totals,
    done: bool,
}

impl<R: BufRead> Reader<R> {
    /// Reads the line with the names.
    pub(super) fn new(mut source: R, ours: Ours) -> Result<Self, BillError> {
        let (mut buffer, mut number) = (Vec::new(), 0);
        let header = read_line(&mut source, &mut buffer, &mut number)?.ok_or(BillError::Incomplete)?;
        let columns = Columns::read(&header)?;
        let (sums, totals) = (Sums::default(), Totals::default());
        Ok(Self { source, ours, columns, buffer, number, sums, totals, done: false })
    }

    /// Reads to the end: what the bill adds up to.
    pub(super) fn read_through(mut self) -> Result<Totals, BillError> {
        while self.read()?.is_some() {}
        Ok(self.totals)
    }

    /// Bytes that it holds on to.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.buffer.capacity()
    }

    /// The next line of ours; `None` after the summary, if it fits.
    fn read(&mut self) -> Result<Option<Line>, BillError> {
        loop {
            let line = read_line(&mut self.source, &mut self.buffer, &mut self.number)?;
            let line = line.ok_or(BillError::Incomplete)?;
            if !line.starts_with('`') {
                self.summary(&line)?;
                return Ok(None);
            }
            let (sums, meaning) = self.columns.detail(&self.ours, &line, self.number)?;
            let overflow = |_| BillError::Value { line: self.number, column: "sum" };
            for (sum, more) in self.sums.iter_mut().zip(sums) {
                *sum = sum.plus(more).map_err(overflow)?;
            }
            self.totals.lines = self.totals.lines.saturating_add(1);
            match meaning {
                None => self.totals.foreign = self.totals.foreign.saturating_add(1),
                Some(line) => {
                    self.totals.count(&line).map_err(overflow)?;
                    return Ok(Some(line));
                }
            }
        }
    }

    /// Below the names of the sums stand the sums, and below them nothing.
    fn summary(&mut self, header: &str) -> Result<(), BillError> {
        let header = header.to_owned();
        let line = read_line(&mut self.source, &mut self.buffer, &mut self.number)?;
        let line = line.filter(|line| line.starts_with('`')).ok_or(BillError::Incomplete)?;
        check_summary(&header, &line, self.number, self.totals.lines, &self.sums)?;
        match read_line(&mut self.source, &mut self.buffer, &mut self.number)? {
            None => Ok(()),
            Some(_) => Err(BillError::AfterSummary),
        }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Line, BillError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let read = self.read();
        self.done = !matches!(read, Ok(Some(_)));
        read.transpose()
    }
}

impl Totals {
    fn count(&mut self, line: &Line) -> Result<(), crate::types::YuanError> {
        let (fee, count, sum, amount) = match line {
            Line::Payment(line) => (line.fee, &mut self.payments, &mut self.paid_fee, line.total_fee),
            Line::Refund(line) => (line.fee, &mut self.refunds, &mut self.refunded_fee, line.refund_fee),
            Line::Strange(_) => return Ok(()),
        };
        *count = count.saturating_add(1);
        *sum = sum.saturating_add(amount);
        self.fees = self.fees.plus(fee)?;
        Ok(())
    }
}

/// The next line that is not empty; `None` at the end. What is no UTF-8 is in a product's name, which nobody reads.
fn read_line(
    source: &mut impl BufRead,
    buffer: &mut Vec<u8>,
    number: &mut u64,
) -> Result<Option<String>, BillError> {
    loop {
        buffer.clear();
        let read = Read::take(&mut *source, LONGEST + 1).read_until(b'\n', buffer)?;
        if read == 0 {
            return Ok(None);
        }
        *number = number.saturating_add(1);
        if u64::try_from(read).is_ok_and(|read| read > LONGEST) {
            return Err(BillError::TooLong(*number));
        }
        let line = buffer.trim_ascii();
        if !line.is_empty() {
            return Ok(Some(String::from_utf8_lossy(line).into_owned()));
        }
    }
}

/// The longest line: 27 columns, of which the longest is free text of 128 characters.
const LONGEST: u64 = 16 * 1024;
