//! The order's state machine: pure, monotone, the one place that says what may follow what.
//!
//! ```text
//! UNPAID ──▶ PAID ◀──▶ REFUNDING ──▶ REFUNDED
//!  │ │        │ ▲          ▲            ▲
//!  │ │        └─┼──────────┼────────────┘   the refund of the whole sum is done at once
//!  │ └──────────┼──────────┘                a part was refunded before the payment was recorded
//!  └─▶ CLOSED ──┘                           paid after closing, with `PAID_AFTER_CLOSE=REVIVE`
//! ```
//! A payment of which something was given back before we recorded it takes its order from UNPAID to REFUNDING at once: how much went
//! back is not known yet, and goods must not leave for money that is gone. The sums of the refunds then say whether it is PAID or
//! REFUNDED.
//!
//! A payment of a closed order is given back, or opens the order again (CLOSED → PAID), as the operator has chosen.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    host::{Host, HostError},
    pay::Payment,
    types::{Fen, OpenId, TransactionId},
};

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Placed, and no payment is recorded.
    Unpaid,
    /// Paid; also after a partial refund.
    Paid,
    /// A refund of the whole sum is under way; or the payment was refunded before it was recorded, and the refunded sum is not known
    /// yet.
    Refunding,
    /// The whole sum was refunded.
    Refunded,
    /// Cancelled or expired without a payment.
    Closed,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Unpaid, Self::Paid, Self::Refunding, Self::Refunded, Self::Closed];

    /// As stored and answered.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unpaid => "UNPAID",
            Self::Paid => "PAID",
            Self::Refunding => "REFUNDING",
            Self::Refunded => "REFUNDED",
            Self::Closed => "CLOSED",
        }
    }

    /// Whether an order may go from this status to `next`.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Unpaid, Self::Paid | Self::Closed)
                // Only for a payment of which something was given back before it was recorded.
                | (Self::Unpaid, Self::Refunding)
                | (Self::Paid, Self::Refunding | Self::Refunded)
                | (Self::Refunding, Self::Refunded | Self::Paid)
                // Only for an operator who has chosen `LatePaymentPolicy::Revive`.
                | (Self::Closed, Self::Paid)
        )
    }

    /// Whether the order's money was taken, whatever became of it afterwards.
    #[must_use]
    pub fn was_paid(self) -> bool {
        matches!(self, Self::Paid | Self::Refunding | Self::Refunded)
    }
}

/// What happens to a payment of a closed order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatePaymentPolicy {
    /// The payment is refunded.
    Refund,
    /// The order becomes PAID.
    Revive,
}

/// The text names no such policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the policy must be REFUND or REVIVE")]
pub struct LatePaymentPolicyError;

impl LatePaymentPolicy {
    /// Reads `PAID_AFTER_CLOSE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn from_host(host: &Host) -> Result<Self, HostError> {
        host.parsed_var("PAID_AFTER_CLOSE", "REFUND or REVIVE", str::parse)
    }
}

impl FromStr for LatePaymentPolicy {
    type Err = LatePaymentPolicyError;
    fn from_str(text: &str) -> Result<Self, LatePaymentPolicyError> {
        match text {
            "REFUND" => Ok(Self::Refund),
            "REVIVE" => Ok(Self::Revive),
            _ => Err(LatePaymentPolicyError),
        }
    }
}

/// The part of an order that decides what a payment means for it.
#[derive(Debug, Clone, Copy)]
pub struct OrderSnapshot<'a> {
    /// The order's status.
    pub status: Status,
    /// The order's amount.
    pub total_fee: Fen,
    /// The user who must pay it; `None` after that user was erased.
    pub openid: Option<&'a OpenId>,
    /// The transaction that paid it, once it was paid.
    pub transaction_id: Option<&'a TransactionId>,
}

/// What a payment means for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentVerdict {
    /// The order is unpaid, and the payment pays it.
    PaysOrder,
    /// The order is closed, and the payment opens and pays it, because the policy is [`LatePaymentPolicy::Revive`].
    RevivesOrder,
    /// The order was paid by this payment before.
    AlreadyApplied,
    /// The order was paid by another payment, so this one is refunded.
    SecondPayment,
    /// The order is closed, so the payment is refunded.
    PaymentAfterClose,
    /// The payment has another amount or currency than the order, so an operator must decide.
    AmountDiffers,
    /// Another user than the order's has paid, so an operator must decide.
    PayerDiffers,
}

impl PaymentVerdict {
    /// Whether the payment is refunded automatically.
    #[must_use]
    pub fn is_refunded_automatically(self) -> bool {
        matches!(self, Self::SecondPayment | Self::PaymentAfterClose)
    }
}

/// What `payment` means for the order.
#[must_use]
pub fn payment_verdict(
    order: OrderSnapshot<'_>,
    payment: &Payment,
    late: LatePaymentPolicy,
) -> PaymentVerdict {
    if order.transaction_id == Some(payment.transaction_id()) {
        return PaymentVerdict::AlreadyApplied;
    }
    if payment.total_fee() != order.total_fee || payment.currency() != "CNY" {
        return PaymentVerdict::AmountDiffers;
    }
    if order.openid.is_some_and(|openid| openid != payment.openid()) {
        return PaymentVerdict::PayerDiffers;
    }
    match order.status {
        Status::Unpaid => PaymentVerdict::PaysOrder,
        Status::Paid | Status::Refunding | Status::Refunded => PaymentVerdict::SecondPayment,
        // A payment that is being refunded already does not open the order again.
        Status::Closed if late == LatePaymentPolicy::Revive && !payment.has_refunds() => {
            PaymentVerdict::RevivesOrder
        }
        Status::Closed => PaymentVerdict::PaymentAfterClose,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn payment(transaction_id: &str, fee: u64, openid: &str) -> Payment {
        Payment::for_test(transaction_id, (fee, "CNY"), openid, false)
    }

    fn status() -> impl Strategy<Value = Status> {
        prop::sample::select(Status::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn an_order_that_was_paid_stays_one_that_was_paid(path in prop::collection::vec(status(), 1..20)) {
            let mut at = Status::Unpaid;
            for next in path {
                let was_paid = at.was_paid();
                if at.may_become(next) {
                    at = next;
                }
                prop_assert!(!was_paid || at.was_paid());
            }
        }

        #[test]
        fn refunded_is_final_closed_only_becomes_paid_and_unpaid_never_returns(
            from in status(), to in status(),
        ) {
            let revived = from == Status::Closed && to == Status::Paid;
            if (matches!(from, Status::Closed | Status::Refunded) && !revived) || to == Status::Unpaid {
                prop_assert!(!from.may_become(to));
            }
        }

        #[test]
        fn a_payment_pays_only_an_unpaid_order_of_its_amount_and_payer(
            status in status(), fee in 1u64..4, paid in 1u64..4, openid in "[ab]", payer in "[ab]", revive: bool,
        ) {
            let late = if revive { LatePaymentPolicy::Revive } else { LatePaymentPolicy::Refund };
            let openid = OpenId::parse(&openid).unwrap();
            let first = TransactionId::parse("first").unwrap();
            let order = OrderSnapshot {
                status, total_fee: Fen::new(fee).unwrap(), openid: Some(&openid),
                transaction_id: status.was_paid().then_some(&first),
            };
            let verdict = payment_verdict(order, &payment("t", paid, &payer), late);
            let right = fee == paid && openid.as_str() == payer;
            prop_assert_eq!(verdict == PaymentVerdict::PaysOrder, status == Status::Unpaid && right);
            prop_assert_eq!(verdict == PaymentVerdict::RevivesOrder, revive && status == Status::Closed && right);
            prop_assert_ne!(verdict, PaymentVerdict::AlreadyApplied);
            let again = payment_verdict(order, &payment("first", paid, &payer), late);
            prop_assert_eq!(again == PaymentVerdict::AlreadyApplied, status.was_paid());
        }
    }

    #[test]
    fn a_late_payment_that_has_refunds_does_not_revive_its_order() {
        let openid = OpenId::parse("a").unwrap();
        let order = OrderSnapshot {
            status: Status::Closed,
            total_fee: Fen::new(1).unwrap(),
            openid: Some(&openid),
            transaction_id: None,
        };
        let gone = Payment::for_test("t", (1, "CNY"), "a", true);
        assert_eq!(
            payment_verdict(order, &gone, LatePaymentPolicy::Revive),
            PaymentVerdict::PaymentAfterClose
        );
        assert_eq!(
            payment_verdict(order, &payment("t", 1, "a"), LatePaymentPolicy::Revive),
            PaymentVerdict::RevivesOrder
        );
    }

    #[test]
    fn a_payment_in_another_currency_has_the_verdict_amount_differs() {
        let openid = OpenId::parse("a").unwrap();
        let order = OrderSnapshot {
            status: Status::Unpaid,
            total_fee: Fen::new(1).unwrap(),
            openid: Some(&openid),
            transaction_id: None,
        };
        let payment = Payment::for_test("t", (1, "USD"), "a", false);
        assert_eq!(
            payment_verdict(order, &payment, LatePaymentPolicy::Refund),
            PaymentVerdict::AmountDiffers
        );
    }
}
