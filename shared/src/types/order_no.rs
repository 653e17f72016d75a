//! An order's number, and the number of each attempt to pay it.

use std::fmt;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::{IdError, UnixSeconds};

/// Our number of an order: a ULID, so that a user's orders sort by time and the table's keys are still spread evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrderId(Ulid);

impl OrderId {
    /// A new number for an order placed `at`, with 80 random bits.
    #[must_use]
    pub fn new(at: UnixSeconds, random: [u8; 10]) -> Self {
        let mut bytes = [0; 16];
        let (time, rest) = bytes.split_at_mut(6);
        let milliseconds = at.get().saturating_mul(1000).to_be_bytes();
        time.iter_mut().zip(milliseconds.iter().skip(2)).for_each(|(to, from)| *to = *from);
        rest.copy_from_slice(&random);
        Self(Ulid::from_bytes(bytes))
    }

    /// Reads the 26 characters.
    ///
    /// # Errors
    /// [`IdError`]: the text is not a ULID in its canonical, upper-case form.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let error = IdError { what: "orderId", rule: "must be 26 characters as the order was answered with" };
        let id = Ulid::from_string(text).map_err(|_| error.clone())?;
        // `Ulid::from_string` also takes lower case, and I for 1. A key of a table must have one spelling.
        if id.to_string() == text { Ok(Self(id)) } else { Err(error) }
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for OrderId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(&text)
    }
}

impl From<OrderId> for String {
    fn from(id: OrderId) -> Self {
        id.to_string()
    }
}

/// The number of one attempt to pay an order, WeChat Pay's `out_trade_no`: the order's number and two digits.
///
/// An order needs another attempt when WeChat Pay has closed the number of the last one, because a closed number can't be used
/// again. The number contains the order's id, so that a notice of payment names its order without a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OutTradeNo {
    order: OrderId,
    attempt: u8,
}

impl OutTradeNo {
    /// The greatest number of attempts of an order, because the number of the attempt has two digits.
    pub const MAX_ATTEMPTS: u8 = 99;

    /// The first attempt to pay `order`.
    #[must_use]
    pub fn first(order: OrderId) -> Self {
        Self { order, attempt: 1 }
    }

    /// The attempt after this one; `None` when the two digits are used up.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        let attempt = self.attempt.checked_add(1).filter(|n| *n <= Self::MAX_ATTEMPTS)?;
        Some(Self { attempt, ..self })
    }

    /// The order that this attempt pays.
    #[must_use]
    pub fn order_id(self) -> OrderId {
        self.order
    }

    /// The number of this attempt, counted from 1.
    #[must_use]
    pub fn attempt(self) -> u8 {
        self.attempt
    }

    /// Reads the 28 characters.
    ///
    /// # Errors
    /// [`IdError`]: the text is not such a number, so it was not made here.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let error =
            IdError { what: "outTradeNo", rule: "must be 28 characters as the order was answered with" };
        let (order, digits) = text.split_at_checked(26).ok_or_else(|| error.clone())?;
        let order = OrderId::parse(order).map_err(|_| error.clone())?;
        let two_digits = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        match digits.parse() {
            Ok(attempt @ 1..=Self::MAX_ATTEMPTS) if two_digits => Ok(Self { order, attempt }),
            _ => Err(error),
        }
    }
}

impl fmt::Display for OutTradeNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:02}", self.order, self.attempt)
    }
}

impl TryFrom<String> for OutTradeNo {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(&text)
    }
}

impl From<OutTradeNo> for String {
    fn from(no: OutTradeNo) -> Self {
        no.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_attempts_of_an_order_count_to_ninety_nine() {
        let mut no = OutTradeNo::first(OrderId::new(UnixSeconds::new(1_700_000_000), [7; 10]));
        for _ in 1..99 {
            no = no.next().unwrap();
        }
        assert_eq!(no.attempt(), 99);
        assert_eq!(no.next(), None);
    }

    #[test]
    fn a_number_has_one_spelling() {
        let no = OutTradeNo::first(OrderId::new(UnixSeconds::new(1_700_000_000), [7; 10])).to_string();
        assert!(OutTradeNo::parse(&no).is_ok());
        assert!(OutTradeNo::parse(&no.to_lowercase()).is_err());
        assert!(OutTradeNo::parse(&no.replace("01", "1")).is_err());
        assert!(OutTradeNo::parse("").is_err());
    }

    proptest! {
        #[test]
        fn numbers_read_back_and_fit_what_wechat_pay_takes(at in 0u64..5_000_000_000, random: [u8; 10]) {
            let order = OrderId::new(UnixSeconds::new(at), random);
            let no = OutTradeNo::first(order);
            let text = no.to_string();
            prop_assert_eq!(text.len(), 28);
            prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric()));
            prop_assert_eq!(OutTradeNo::parse(&text).unwrap(), no);
            prop_assert_eq!(OrderId::parse(&order.to_string()).unwrap(), order);
        }

        #[test]
        fn later_orders_sort_after_earlier_ones(at in 0u64..4_000_000_000, a: [u8; 10], b: [u8; 10]) {
            let (one, two) = (OrderId::new(UnixSeconds::new(at), a), OrderId::new(UnixSeconds::new(at + 1), b));
            prop_assert!(one.to_string() < two.to_string());
        }

        #[test]
        fn reading_any_text_never_panics(text in ".{0,40}") {
            let _ = OutTradeNo::parse(&text);
            let _ = OrderId::parse(&text);
        }
    }
}
