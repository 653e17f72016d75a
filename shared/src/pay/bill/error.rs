//! Why a bill can't be used.

/// A bill can't be used.
#[derive(Debug, thiserror::Error)]
pub enum BillError {
    /// The temporary file can't be written, read or decompressed.
    #[error("the bill can't be kept or unpacked")]
    Io(#[from] std::io::Error),
    /// The header line is missing, or lacks this column.
    #[error("the bill has no column {0}")]
    Column(&'static str),
    /// A line is longer than the longest possible one.
    #[error("line {0} of the bill is too long")]
    TooLong(u64),
    /// A value is malformed.
    #[error("line {line} of the bill has a wrong {column}")]
    Value {
        /// The line's number; the header line is 1.
        line: u64,
        /// The value's column.
        column: &'static str,
    },
    /// The bill ends without its summary, so it is incomplete.
    #[error("the bill ends without its summary")]
    Incomplete,
    /// The summary differs from the sums of the lines, so the bill is incomplete.
    #[error("the bill's {0} is not that of its lines")]
    Summary(&'static str),
    /// There are lines after the summary.
    #[error("the bill goes on after its summary")]
    AfterSummary,
}
