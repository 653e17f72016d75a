//! A difference between a bill and our tables: the case for an operator and the event for the bus are written in one transaction.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Bills;
use crate::{
    store::{
        Case, CaseKind, StoreError, cases,
        item::{self, TransactionCancelled},
        outbox::{self, Event, EventKind},
    },
    types::{Day, Fen, OutRefundNo, OutTradeNo, TransactionId},
};

/// How a bill and our tables differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DifferenceKind {
    /// Paid or refunded there, and unknown here.
    MissingHere,
    /// Paid or refunded here, and not in the bill.
    MissingThere,
    /// Another sum or currency.
    Amount,
    /// Another state, attempt or payer.
    State,
    /// Another fee or rate than was agreed.
    Fee,
    /// More differences than are listed, of any kind.
    Unlisted,
}

impl DifferenceKind {
    /// The name that stands in a case's id.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingHere => "MISSING_HERE",
            Self::MissingThere => "MISSING_THERE",
            Self::Amount => "AMOUNT",
            Self::State => "STATE",
            Self::Fee => "FEE",
            Self::Unlisted => "UNLISTED",
        }
    }
}

/// Differences by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferenceCounts {
    /// Paid or refunded there, and unknown here.
    pub missing_here: u64,
    /// Paid or refunded here, and not in the bill.
    pub missing_there: u64,
    /// Another sum or currency.
    pub amount: u64,
    /// Another state, attempt or payer.
    pub state: u64,
    /// Another fee or rate.
    pub fee: u64,
}

impl DifferenceCounts {
    /// One more of this kind.
    pub fn count(&mut self, kind: DifferenceKind) {
        let count = match kind {
            DifferenceKind::MissingHere => &mut self.missing_here,
            DifferenceKind::MissingThere => &mut self.missing_there,
            DifferenceKind::Amount => &mut self.amount,
            DifferenceKind::State => &mut self.state,
            DifferenceKind::Fee => &mut self.fee,
            // The differences that this one stands for were counted already.
            DifferenceKind::Unlisted => return,
        };
        *count = count.saturating_add(1);
    }

    /// The number of differences of all kinds.
    #[must_use]
    pub fn total(&self) -> u64 {
        let Self { missing_here, missing_there, amount, state, fee } = *self;
        [missing_there, amount, state, fee].into_iter().fold(missing_here, u64::saturating_add)
    }
}

/// A difference between a bill and our tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The day of the bill.
    pub day: Day,
    /// The kind of difference.
    pub kind: DifferenceKind,
    /// The payment's or refund's number.
    pub number: String,
    /// A description in English, without personal data.
    pub what: String,
    /// The attempt, if it is one of ours.
    pub out_trade_no: Option<OutTradeNo>,
    /// The payment.
    pub transaction_id: Option<TransactionId>,
    /// The refund.
    pub out_refund_no: Option<OutRefundNo>,
    /// The amount that was paid or refunded: by the bill, or by our tables if the bill lacks it.
    pub fee: Option<Fen>,
}

/// The day, the kind and the number of a difference. The ids of its case and its event are made of them, so that the same difference
/// makes one of each, however often it is found.
struct About<'a> {
    difference: &'a Difference,
    /// The character between the three.
    mark: char,
}

impl Difference {
    fn about_case(&self) -> About<'_> {
        About { difference: self, mark: '-' }
    }

    /// The event's id keeps this form, because listeners of the bus recognize repeated events by it.
    fn about_event(&self) -> About<'_> {
        About { difference: self, mark: '#' }
    }
}

impl fmt::Display for About<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { difference: Difference { day, kind, number, .. }, mark } = self;
        write!(f, "{day}{mark}{}{mark}{number}", kind.as_str())
    }
}

impl Bills {
    /// Opens the case of the difference and writes its event; whether the case is new. If there is such a case, nothing is written.
    ///
    /// Condition: there is no such case, open or closed.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the case may be open; repeating the call is harmless.
    pub async fn open_case(&self, difference: &Difference) -> Result<bool, StoreError> {
        let now = self.host.now();
        let Difference { what, out_trade_no, transaction_id, out_refund_no, fee, .. } = difference;
        let order_id = out_trade_no.map(OutTradeNo::order_id);
        let case = Case {
            order_id,
            out_trade_no: *out_trade_no,
            transaction_id: transaction_id.clone(),
            out_refund_no: out_refund_no.clone(),
            ..Case::new(CaseKind::BillDifference, &difference.about_case(), what, now)
        };
        let event = Event {
            order_id,
            out_trade_no: *out_trade_no,
            transaction_id: transaction_id.clone(),
            out_refund_no: out_refund_no.clone(),
            fee: *fee,
            ..Event::new(EventKind::BillDifference, &difference.about_event(), now)
        };
        let parts = vec![cases::put_new_case(&self.host, &case)?, outbox::put_event(&self.host, &event)?];
        item::retry_transient(&self.host, || async {
            let request = self.client.transact_write_items().set_transact_items(Some(parts.clone()));
            let Err(error) = request.send().await else {
                cases::count_opened(&case);
                return Ok(true);
            };
            match item::cancellation(OPENING, error)? {
                TransactionCancelled::ConditionsFailed(_) => Ok(false),
                TransactionCancelled::Conflict => Err(StoreError::contended(OPENING)),
            }
        })
        .await
    }
}

const OPENING: &str = "opening a bill's difference";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_known_by_day_kind_and_number() {
        let difference = Difference {
            day: Day::parse("20260823").unwrap(),
            kind: DifferenceKind::MissingHere,
            number: "4200001".to_owned(),
            what: String::new(),
            out_trade_no: None,
            transaction_id: None,
            out_refund_no: None,
            fee: None,
        };
        assert_eq!(difference.about_case().to_string(), "20260823-MISSING_HERE-4200001");
        assert_eq!(difference.about_event().to_string(), "20260823#MISSING_HERE#4200001");
    }

    #[test]
    fn a_line_that_sums_up_others_is_not_counted_twice() {
        let mut counts = DifferenceCounts::default();
        for kind in
            [DifferenceKind::Fee, DifferenceKind::State, DifferenceKind::Unlisted, DifferenceKind::Fee]
        {
            counts.count(kind);
        }
        assert_eq!((counts.fee, counts.state, counts.total()), (2, 1, 3));
    }
}
