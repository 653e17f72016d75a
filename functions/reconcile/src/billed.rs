//! The payments that a bill has, in little memory.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use shared::{
    pay::{BillError, BillLine},
    types::TransactionId,
};

/// The payments of the lines that were read so far.
///
/// Of each number only a hash is kept, 8 bytes, so that ten million take 80 MB. That a payment which the bill lacks has the hash of one of ten
/// million others happens once in a trillion such payments.
pub(crate) struct BilledNumbers(Vec<u64>);

/// The payments that a bill has. The default is none.
#[derive(Default)]
pub(crate) struct BilledPayments(Vec<u64>);

impl BilledNumbers {
    /// No payments yet, with room for so many.
    pub(crate) fn with_room(payments: u64) -> Self {
        Self(Vec::with_capacity(usize::try_from(payments).unwrap_or_default()))
    }

    /// Adds the payment of the line, if it is a payment's.
    pub(crate) fn add(&mut self, line: &Result<BillLine, BillError>) {
        match line {
            Ok(BillLine::Payment(line)) => self.0.push(hash(&line.transaction_id)),
            Ok(BillLine::UnknownState(line)) => self.0.push(hash(&line.transaction_id)),
            Ok(BillLine::Refund(_)) | Err(_) => {}
        }
    }

    /// Ends the list.
    pub(crate) fn sort(mut self) -> BilledPayments {
        self.0.sort_unstable();
        BilledPayments(self.0)
    }
}

impl BilledPayments {
    /// Whether the bill has the payment.
    pub(crate) fn contains(&self, number: &TransactionId) -> bool {
        self.0.binary_search(&hash(number)).is_ok()
    }
}

fn hash(number: &TransactionId) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(number.as_str())
}

#[cfg(test)]
mod tests {
    use shared::pay::BilledRefund;

    use super::*;
    use crate::tests::{payment_line, refund_line};

    #[test]
    fn a_bill_has_the_payments_of_its_lines_and_not_those_of_its_refunds() {
        let mut numbers = BilledNumbers::with_room(1000);
        let number = |number: u32| TransactionId::parse(&format!("42000{number:023}")).unwrap();
        for even in (0..1000).map(|half| half * 2) {
            let line = shared::pay::PaymentLine { transaction_id: number(even), ..payment_line() };
            numbers.add(&Ok(BillLine::Payment(line)));
        }
        let mut refund = refund_line(BilledRefund::Success);
        refund.transaction_id = number(1);
        numbers.add(&Ok(BillLine::Refund(refund)));
        let billed = numbers.sort();
        assert!((0..2000).all(|one| billed.contains(&number(one)) == (one % 2 == 0)));
        assert!(!BilledPayments::default().contains(&number(0)));
    }
}
