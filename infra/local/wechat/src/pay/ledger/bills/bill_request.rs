//! Which bill a merchant asks for, and why there may be none.

/// The kind of rows that a bill has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum BillType {
    #[default]
    All,
    Success,
    Refund,
}

/// The bill that a merchant requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BillRequest {
    /// The number of the day, counted from 1970-01-01.
    pub(crate) day: u64,
    pub(crate) bill_type: BillType,
    pub(crate) gzip: bool,
}

/// The reason why there is no bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BillRefusal {
    /// The day is in the future or more than three months ago.
    OutOfRange,
    /// The bill is available from 10:00 of the next day.
    NotReady,
    /// The day has no transactions.
    Empty,
}

impl BillType {
    /// Parses `bill_type`; `None` if there is no such type.
    pub(crate) fn parse(text: Option<&str>) -> Option<Self> {
        match text {
            None | Some("ALL") => Some(Self::All),
            Some("SUCCESS") => Some(Self::Success),
            Some("REFUND") => Some(Self::Refund),
            Some(_) => None,
        }
    }
}
