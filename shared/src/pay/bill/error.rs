//! What can be wrong with a bill.

/// A bill can't be used.
#[derive(Debug, thiserror::Error)]
pub enum BillError {
    /// It can't be kept, read again or unpacked.
    #[error("the bill can't be kept or unpacked")]
    Io(#[from] std::io::Error),
    /// Something stands before or instead of the line with the names, or one is missing.
    #[error("the bill has no column {0}")]
    Column(&'static str),
    /// A line is longer than any can be.
    #[error("line {0} of the bill is too long")]
    TooLong(u64),
    /// A value is not in its form.
    #[error("line {line} of the bill has a wrong {column}")]
    Value {
        /// Which line, the one with the names being the first.
        line: u64,
        /// Which value.
        column: &'static str,
    },
    /// It ends without its summary: it is not whole.
    #[error("the bill ends without its summary")]
    Incomplete,
    /// Its summary says something else than its lines: it is not whole.
    #[error("the bill's {0} is not that of its lines")]
    Summary(&'static str),
    /// Something comes after the summary.
    #[error("the bill goes on after its summary")]
    AfterSummary,
}
