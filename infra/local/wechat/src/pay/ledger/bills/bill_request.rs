//! Which bill a merchant asks for, and why there may be none.

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
pub(crate) enum BillRefusal {
    /// The day is in the future or more than three months ago.
    OutOfRange,
    /// It will be there at 10:00 of the next day.
    NotReady,
    /// Nothing happened.
    Empty,
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
