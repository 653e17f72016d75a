//! Amounts of money in fen.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The amount can't be ordered or paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FenError {
    /// The amount is zero, and WeChat Pay takes at least one fen.
    #[error("the amount must be at least 1 fen")]
    Zero,
    /// The amount is more than [`Fen::MAX`].
    #[error("the amount is larger than an order can be")]
    TooLarge,
    /// The text is not a plain decimal number.
    #[error("the amount is not a whole number of fen")]
    NotANumber,
}

/// An amount of money in fen (1/100 yuan): whole, positive, bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Fen(u64);

impl Fen {
    /// Ten million yuan in fen. No order is that large, and sums of such amounts can't overflow.
    pub const MAX: u64 = 1_000_000_000;

    /// An amount of `fen`.
    ///
    /// # Errors
    /// [`FenError`]: `fen` is zero or more than [`Fen::MAX`].
    pub fn new(fen: u64) -> Result<Self, FenError> {
        match fen {
            0 => Err(FenError::Zero),
            1..=Self::MAX => Ok(Self(fen)),
            _ => Err(FenError::TooLarge),
        }
    }

    /// Reads WeChat Pay's text form: digits only, no sign, no blank, no leading zero.
    ///
    /// # Errors
    /// [`FenError`]: the text has another form, or [`Fen::new`] refuses the number.
    pub fn parse(text: &str) -> Result<Self, FenError> {
        if text.is_empty()
            || !text.bytes().all(|b| b.is_ascii_digit())
            || (text.len() > 1 && text.starts_with('0'))
        {
            return Err(FenError::NotANumber);
        }
        Self::new(text.parse().map_err(|_| FenError::TooLarge)?)
    }

    /// The number of fen.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }

    /// The amount in yuan with two decimals, which is exact: `12.80`.
    #[must_use]
    pub fn to_yuan(self) -> String {
        format!("{}.{:02}", self.0 / 100, self.0 % 100)
    }

    /// The sum of both.
    ///
    /// # Errors
    /// [`FenError::TooLarge`]: the sum is more than [`Fen::MAX`].
    pub fn plus(self, other: Self) -> Result<Self, FenError> {
        Self::new(self.0.checked_add(other.0).ok_or(FenError::TooLarge)?)
    }

    /// This amount, `count` times.
    ///
    /// # Errors
    /// [`FenError`]: `count` is zero, or the product is more than [`Fen::MAX`].
    pub fn times(self, count: u32) -> Result<Self, FenError> {
        Self::new(self.0.checked_mul(count.into()).ok_or(FenError::TooLarge)?)
    }
}

impl TryFrom<u64> for Fen {
    type Error = FenError;
    fn try_from(fen: u64) -> Result<Self, FenError> {
        Self::new(fen)
    }
}

impl From<Fen> for u64 {
    fn from(fen: Fen) -> Self {
        fen.0
    }
}

impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_plain_positive_number_is_an_amount() {
        for text in ["", "0", "-1", "+1", " 1", "1 ", "1.0", "01", "1e3", "１", "99999999999999999999"] {
            assert!(Fen::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(Fen::parse("101").unwrap().get(), 101);
    }

    #[test]
    fn yuan_have_two_decimals() {
        for (fen, yuan) in [(1, "0.01"), (10, "0.10"), (200, "2.00"), (1_280_005, "12800.05")] {
            assert_eq!(Fen::new(fen).unwrap().to_yuan(), yuan);
        }
        assert_eq!(Fen::new(Fen::MAX).unwrap().to_yuan(), "10000000.00");
    }

    proptest! {
        #[test]
        fn a_sum_is_exact_or_refused(a in 1..=Fen::MAX, b in 1..=Fen::MAX, n in 0u32..200) {
            let (x, y) = (Fen::new(a).unwrap(), Fen::new(b).unwrap());
            match x.plus(y) {
                Ok(sum) => prop_assert_eq!(sum.get(), a + b),
                Err(_) => prop_assert!(a + b > Fen::MAX),
            }
            match x.times(n) {
                Ok(product) => prop_assert_eq!(product.get(), a * u64::from(n)),
                Err(_) => prop_assert!(n == 0 || a * u64::from(n) > Fen::MAX),
            }
        }

        #[test]
        fn an_amount_reads_back_what_it_prints(a in 1..=Fen::MAX) {
            let fen = Fen::new(a).unwrap();
            prop_assert_eq!(Fen::parse(&fen.to_string()).unwrap(), fen);
        }
    }
}
