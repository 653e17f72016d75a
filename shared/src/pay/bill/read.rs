//! Reading a bill line by line. At most one line is in memory, and the bill is complete only if its last line was read.

use std::io::{BufRead, Read};

use super::{
    BillError, Line, OwnAccount, Totals,
    columns::{Columns, Sums, check_summary},
    line_text::{LineText, MAX_LINE_BYTES},
};

/// This account's lines of a bill. The bill is complete when the last line was read without an error.
pub(super) struct Reader<R> {
    source: R,
    own: OwnAccount,
    columns: Columns,
    buffer: Vec<u8>,
    /// The next line, if it was read already to find the end of the line before it.
    ahead: Option<LineText>,
    /// The number of lines read, with the header line.
    number: u64,
    sums: Sums,
    totals: Totals,
    done: bool,
}

impl<R: BufRead> Reader<R> {
    /// Reads the header line.
    pub(super) fn new(mut source: R, own: OwnAccount) -> Result<Self, BillError> {
        let (mut buffer, mut number) = (Vec::new(), 0);
        let header = read_line(&mut source, &mut buffer, &mut number)?.ok_or(BillError::Incomplete)?;
        if header.is_cut {
            return Err(BillError::TooLong(header.number));
        }
        let columns = Columns::read(&header.text)?;
        let (sums, totals) = (Sums::new(), Totals::default());
        Ok(Self { source, own, columns, buffer, ahead: None, number, sums, totals, done: false })
    }

    /// Reads to the end and returns the totals.
    pub(super) fn read_through(mut self) -> Result<Totals, BillError> {
        while self.read()?.is_some() {}
        Ok(self.totals)
    }

    /// The bytes that it keeps in memory.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.buffer.capacity()
    }

    /// This account's next line; `None` after a right summary.
    fn read(&mut self) -> Result<Option<Line>, BillError> {
        loop {
            let line = self.line()?.ok_or(BillError::Incomplete)?;
            if !line.is_detail() {
                self.summary(&line)?;
                return Ok(None);
            }
            let line = self.finish_line(line)?;
            let detail = self.columns.detail(&self.own, &line)?;
            let overflow = |_| BillError::Value { line: line.number, column: "sum" };
            self.sums.add(&detail).map_err(overflow)?;
            self.totals.lines = self.totals.lines.saturating_add(1);
            match detail.meaning {
                None => {
                    self.totals.foreign = self.totals.foreign.saturating_add(1);
                    if detail.is_unreadable() {
                        self.totals.unreadable = self.totals.unreadable.saturating_add(1);
                    }
                }
                Some(line) => {
                    self.totals.count(&line).map_err(overflow)?;
                    return Ok(Some(line));
                }
            }
        }
    }

    fn line(&mut self) -> Result<Option<LineText>, BillError> {
        match self.ahead.take() {
            Some(line) => Ok(Some(line)),
            None => read_line(&mut self.source, &mut self.buffer, &mut self.number),
        }
    }

    /// Joins `line` with the lines that continue it, because a name may hold a line break.
    fn finish_line(&mut self, mut line: LineText) -> Result<LineText, BillError> {
        while let Some(next) = self.line()? {
            if !self.columns.continues(&line, &next) {
                self.ahead = Some(next);
                break;
            }
            line.append(&next);
        }
        Ok(line)
    }

    /// Checks the summary: a line with the names of the sums, one with the sums, then the end.
    fn summary(&mut self, header: &LineText) -> Result<(), BillError> {
        let line = self.line()?.filter(LineText::is_detail).ok_or(BillError::Incomplete)?;
        if header.is_cut || line.is_cut {
            return Err(BillError::TooLong(header.number));
        }
        check_summary(&header.text, &line.text, line.number, self.totals.lines, &self.sums)?;
        match self.line()? {
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
            Line::UnknownState(_) => return Ok(()),
        };
        *count = count.saturating_add(1);
        *sum = sum.saturating_add(amount);
        self.fees = self.fees.plus(fee)?;
        Ok(())
    }
}

/// The next line that is not empty; `None` at the end. Bytes that are not UTF-8 can only be in a product's name, which is not used, so
/// they are replaced. Of a line that is too long the beginning is kept, because it names the account.
fn read_line(
    source: &mut impl BufRead,
    buffer: &mut Vec<u8>,
    number: &mut u64,
) -> Result<Option<LineText>, BillError> {
    loop {
        buffer.clear();
        let read = Read::take(&mut *source, MAX_LINE_BYTES + 1).read_until(b'\n', buffer)?;
        if read == 0 {
            return Ok(None);
        }
        *number = number.saturating_add(1);
        let is_cut = u64::try_from(read).is_ok_and(|read| read > MAX_LINE_BYTES) && !buffer.ends_with(b"\n");
        if is_cut {
            pass_over_line(source)?;
        }
        let line = buffer.trim_ascii();
        if !line.is_empty() {
            let text = String::from_utf8_lossy(line).into_owned();
            return Ok(Some(LineText { text, number: *number, is_cut }));
        }
    }
}

/// Skips the rest of the line.
fn pass_over_line(source: &mut impl BufRead) -> Result<(), BillError> {
    loop {
        let bytes = source.fill_buf()?;
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let count = end.map_or(bytes.len(), |end| end.saturating_add(1));
        source.consume(count);
        if end.is_some() || count == 0 {
            return Ok(());
        }
    }
}
