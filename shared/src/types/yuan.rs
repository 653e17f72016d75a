//! Amounts and rates of bills: decimal texts in yuan and in percent, read without rounding.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The text is not an amount or a rate that can be held exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum YuanError {
    /// The text is not a plain decimal number.
    #[error("not a decimal number")]
    NotANumber,
    /// The number has more decimals than can be held, and they are not zeros.
    #[error("finer than it can be")]
    TooFine,
    /// The number is larger than can be held.
    #[error("larger than it can be")]
    TooLarge,
    /// The number is below zero where that has no meaning.
    #[error("below zero")]
    Negative,
}

/// An exact amount in yuan with up to five decimals, because fees have that many. Fees of refunds are negative.
///
/// Orders are in whole fen ([`super::Fen`]), which [`Yuan::whole_fen`] gives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Yuan(i64);

/// A share of an amount, in millionths: `0.60%` is 6,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate(u32);

impl Yuan {
    /// The amount of `fen` fen.
    ///
    /// # Errors
    /// [`YuanError::TooLarge`]: the amount is more than a trillion yuan.
    pub fn of_fen(fen: u64) -> Result<Self, YuanError> {
        let fen = i64::try_from(fen).map_err(|_| YuanError::TooLarge)?;
        fen.checked_mul(FEN).filter(|units| *units <= MAX).map(Self).ok_or(YuanError::TooLarge)
    }

    /// Reads `1.01`, `0`, `0.00600` or `-0.01000`: digits, perhaps a point with digits behind it, perhaps a minus sign.
    ///
    /// # Errors
    /// [`YuanError`]: the text has another form, or a sixth decimal that is not zero, or the amount is more than a trillion yuan.
    pub fn parse(text: &str) -> Result<Self, YuanError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let units = decimal(digits, DECIMALS)?;
        let units = i64::try_from(units).ok().filter(|units| *units <= MAX).ok_or(YuanError::TooLarge)?;
        Ok(Self(if negative { -units } else { units }))
    }

    /// The number of fen, if it is a whole number and not below zero.
    ///
    /// # Errors
    /// [`YuanError::TooFine`] or [`YuanError::Negative`]: it is not.
    pub fn whole_fen(self) -> Result<u64, YuanError> {
        if self.0 % FEN != 0 {
            return Err(YuanError::TooFine);
        }
        u64::try_from(self.0 / FEN).map_err(|_| YuanError::Negative)
    }

    /// The number of fen as a text for a sentence: `2`, `0.6` or `-1`.
    #[must_use]
    pub fn in_fen(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let units = self.0.unsigned_abs();
        let (fen, rest) = (units / 1000, units % 1000);
        let exact = format!("{sign}{fen}.{rest:03}");
        exact.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    /// The sum of both.
    ///
    /// # Errors
    /// [`YuanError::TooLarge`]: the result is more than a trillion yuan.
    pub fn plus(self, other: Self) -> Result<Self, YuanError> {
        let sum = self.0.checked_add(other.0).filter(|sum| (-MAX..=MAX).contains(sum));
        sum.map(Self).ok_or(YuanError::TooLarge)
    }

    /// The same amount with the other sign.
    #[must_use]
    pub fn negated(self) -> Self {
        Self(-self.0)
    }

    /// The amount rounded to the fen. Half a fen is rounded away from zero.
    #[must_use]
    pub fn to_the_fen(self) -> Self {
        let half = if self.0 < 0 { -FEN / 2 } else { FEN / 2 };
        Self((self.0 + half) / FEN * FEN)
    }
}

impl Rate {
    /// Reads `0.60%`.
    ///
    /// # Errors
    /// [`YuanError`]: the text has another form, or a fifth decimal that is not zero, or the rate is more than 100%.
    pub fn parse(text: &str) -> Result<Self, YuanError> {
        let percent = text.strip_suffix('%').ok_or(YuanError::NotANumber)?;
        let millionths = decimal(percent, 4)?;
        u32::try_from(millionths).ok().filter(|rate| *rate <= ALL).map(Self).ok_or(YuanError::TooLarge)
    }

    /// The fee on `fen`, rounded to the fen. Half a fen is rounded up.
    ///
    /// # Errors
    /// [`YuanError::TooLarge`]: the result is more than a trillion yuan.
    pub fn of(self, fen: u64) -> Result<Yuan, YuanError> {
        let rounded = (self.millionths_of_fen(fen) + u128::from(ALL / 2)) / u128::from(ALL);
        u64::try_from(rounded).map_err(|_| YuanError::TooLarge).and_then(Yuan::of_fen)
    }

    /// Whether `fee` is exactly this share of `fen`, without rounding.
    #[must_use]
    pub fn is_exactly(self, fee: Yuan, fen: u64) -> bool {
        // A unit of `fee` is a thousandth of a fen.
        u128::try_from(fee.0).is_ok_and(|units| units * 1000 == self.millionths_of_fen(fen))
    }

    fn millionths_of_fen(self, fen: u64) -> u128 {
        u128::from(fen) * u128::from(self.0)
    }
}

/// The number in units of its last decimal, which is decimal number `decimals`.
fn decimal(text: &str, decimals: usize) -> Result<u64, YuanError> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return Err(YuanError::NotANumber),
        Some((whole, fraction)) => (whole, fraction),
        None => (text, ""),
    };
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
        return Err(YuanError::NotANumber);
    }
    let (held, finer) = fraction.split_at_checked(decimals).unwrap_or((fraction, ""));
    if finer.bytes().any(|byte| byte != b'0') {
        return Err(YuanError::TooFine);
    }
    format!("{whole}{held:0<decimals$}").parse().map_err(|_| YuanError::TooLarge)
}

impl fmt::Display for Yuan {
    /// Writes at least two decimals, and more only if they are not zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let units = self.0.unsigned_abs();
        let (yuan, rest) = (units / 100_000, units % 100_000);
        let decimals = format!("{rest:05}");
        let (two, finer) = decimals.split_at_checked(2).unwrap_or((&decimals, ""));
        write!(f, "{sign}{yuan}.{two}{}", finer.trim_end_matches('0'))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = format!("{:04}", self.0 % 10_000);
        let (two, finer) = decimals.split_at_checked(2).unwrap_or((&decimals, ""));
        write!(f, "{}.{two}{}%", self.0 / 10_000, finer.trim_end_matches('0'))
    }
}

impl TryFrom<String> for Yuan {
    type Error = YuanError;
    fn try_from(text: String) -> Result<Self, YuanError> {
        Self::parse(&text)
    }
}

impl From<Yuan> for String {
    fn from(yuan: Yuan) -> Self {
        yuan.to_string()
    }
}

const DECIMALS: usize = 5;
/// The number of units in a fen.
const FEN: i64 = 1000;
/// A trillion yuan in units. No day's sum is that large, and sums of such amounts can't overflow.
const MAX: i64 = 100_000_000_000_000_000;
/// 100%, in millionths.
const ALL: u32 = 1_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fen(text: &str) -> Result<u64, YuanError> {
        Yuan::parse(text)?.whole_fen()
    }

    fn fee(rate: &str, fen: u64) -> String {
        Rate::parse(rate).unwrap().of(fen).unwrap().to_string()
    }

    #[test]
    fn yuan_text_is_fen_to_the_last_one() {
        // 19.9 × 100 in floats is 1989.9999…
        for (text, expected) in
            [("1.01", 101), ("19.9", 1990), ("0.29", 29), ("0", 0), ("0.00000", 0), ("7", 700)]
        {
            assert_eq!(fen(text), Ok(expected), "{text}");
        }
        assert_eq!(fen("0.001"), Err(YuanError::TooFine));
        assert_eq!(fen("-0.01000"), Err(YuanError::Negative));
        assert_eq!(Yuan::parse("-0.01000").unwrap().negated().whole_fen(), Ok(1));
    }

    #[test]
    fn a_fee_keeps_five_decimals_and_never_fewer() {
        for (text, shown) in
            [("0.00600", "0.006"), ("-0.01000", "-0.01"), ("0.12345", "0.12345"), ("1", "1.00")]
        {
            assert_eq!(Yuan::parse(text).unwrap().to_string(), shown, "{text}");
        }
        for (text, fen) in
            [("0.00600", "0.6"), ("-0.01", "-1"), ("10", "1000"), ("0.0", "0"), ("1.02030", "102.03")]
        {
            assert_eq!(Yuan::parse(text).unwrap().in_fen(), fen, "{text}");
        }
        assert_eq!(Yuan::parse("0.000001"), Err(YuanError::TooFine));
        assert_eq!(Yuan::parse("0.0000010"), Err(YuanError::TooFine));
        assert_eq!(Yuan::parse("0.123450").unwrap(), Yuan::parse("0.12345").unwrap());
    }

    #[test]
    fn only_a_plain_decimal_number_is_an_amount() {
        for text in
            ["", "-", ".", "1.", ".5", "+1", "--1", " 1", "1 ", "1,000", "1e3", "１", "1.2.3", "0x1", "1.-1"]
        {
            assert_eq!(Yuan::parse(text), Err(YuanError::NotANumber), "{text:?}");
        }
        assert_eq!(Yuan::parse("99999999999999999999"), Err(YuanError::TooLarge));
        assert_eq!(Yuan::parse("1000000000000.00001"), Err(YuanError::TooLarge));
        for text in ["0.60", "%", "-0.60%", "0.60%%", "0.6 %", "0.00001%", "100.0001%"] {
            assert!(Rate::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_fee_is_rounded_half_up_to_the_fen() {
        assert_eq!(fee("0.60%", 100), "0.01");
        assert_eq!(fee("0.60%", 83), "0.00");
        assert_eq!(fee("0.60%", 84), "0.01");
        assert_eq!(fee("0.50%", 100), "0.01", "half a fen");
        assert_eq!(fee("0.38%", 1_000_000), "38.00");
        assert_eq!(fee("0.00%", 1_000_000), "0.00");
        let exact = |fee: &str, fen| Rate::parse("0.60%").unwrap().is_exactly(Yuan::parse(fee).unwrap(), fen);
        assert!(exact("0.00600", 100) && !exact("0.01", 100) && !exact("-0.00600", 100));
    }

    #[test]
    fn rounding_goes_away_from_zero_on_both_sides() {
        for (text, rounded) in
            [("0.005", "0.01"), ("-0.005", "-0.01"), ("0.00499", "0.00"), ("-0.00499", "0.00")]
        {
            assert_eq!(Yuan::parse(text).unwrap().to_the_fen().to_string(), rounded, "{text}");
        }
        assert_eq!(Rate::parse("0.6%").unwrap().to_string(), "0.60%");
        assert_eq!(Rate::parse("0.3812%").unwrap().to_string(), "0.3812%");
    }

    proptest! {
        #[test]
        fn an_amount_reads_back_what_it_prints(units in -MAX..=MAX) {
            prop_assert_eq!(Yuan::parse(&Yuan(units).to_string()), Ok(Yuan(units)));
        }

        #[test]
        fn fen_read_back_as_yuan(fen in 0u64..1_000_000_000_000) {
            let text = format!("{}.{:02}", fen / 100, fen % 100);
            let yuan = Yuan::parse(&text).unwrap();
            prop_assert_eq!(yuan.whole_fen(), Ok(fen));
            prop_assert_eq!(Yuan::of_fen(fen).unwrap(), yuan);
            prop_assert_eq!(yuan.to_string(), text);
        }

        #[test]
        fn a_rate_reads_back_what_it_prints(millionths in 0..=ALL) {
            prop_assert_eq!(Rate::parse(&Rate(millionths).to_string()), Ok(Rate(millionths)));
        }

        #[test]
        fn a_rounded_fee_is_never_half_a_fen_off(millionths in 0..=ALL, fen in 0u64..1_000_000_000) {
            let fee = Rate(millionths).of(fen).unwrap().whole_fen().unwrap();
            let (fee, exact) = (u128::from(fee) * u128::from(ALL), u128::from(fen) * u128::from(millionths));
            prop_assert!(fee.abs_diff(exact) * 2 <= u128::from(ALL));
        }

        #[test]
        fn reading_any_text_never_panics(text in "\\PC{0,40}", digits in "-?[0-9.]{0,30}%?") {
            let _ = Yuan::parse(&text);
            let _ = Rate::parse(&text);
            let _ = Yuan::parse(&digits);
            let _ = Rate::parse(&digits);
        }
    }
}
