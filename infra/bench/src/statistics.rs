//! Statistics over measured values, in whole numbers: nanoseconds, bytes, hundredths.

use std::fmt;

/// Measured values, sorted.
#[derive(Debug, Clone, Default)]
pub struct Sample(Vec<u64>);

impl FromIterator<u64> for Sample {
    fn from_iter<I: IntoIterator<Item = u64>>(values: I) -> Self {
        let mut values: Vec<u64> = values.into_iter().collect();
        values.sort_unstable();
        Self(values)
    }
}

impl Sample {
    /// The smallest value that `percent` of a hundred values do not exceed; 0 without values.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> u64 {
        let rank = self.0.len().saturating_mul(percent).div_ceil(100);
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// The median.
    #[must_use]
    pub fn median(&self) -> u64 {
        self.percentile(50)
    }
}

/// A ratio, in hundredths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ratio(u64);

impl Ratio {
    /// A ratio of so many hundredths.
    #[must_use]
    pub const fn hundredths(hundredths: u64) -> Self {
        Self(hundredths)
    }

    /// The ratio in hundredths.
    #[must_use]
    pub const fn in_hundredths(self) -> u64 {
        self.0
    }

    /// The ratio of `value` to `base`, rounded; 0 when `base` is 0.
    #[must_use]
    pub fn of(value: u64, base: u64) -> Self {
        let hundredfold = u128::from(value) * 100 + u128::from(base) / 2;
        Self(hundredfold.checked_div(base.into()).and_then(|ratio| ratio.try_into().ok()).unwrap_or(u64::MAX))
    }

    /// By how many percent the ratio exceeds `limit`.
    #[must_use]
    pub fn percent_over(self, limit: Self) -> u64 {
        Self::of(self.0, limit.0).0.saturating_sub(100)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02} ×", self.0 / 100, self.0 % 100)
    }
}

/// Formats nanoseconds in a readable unit.
#[must_use]
pub fn time(nanos: u64) -> String {
    match nanos {
        0..10_000 => format!("{} µs", decimal(nanos, 10, 2)),
        10_000..1_000_000 => format!("{} µs", decimal(nanos, 100, 1)),
        1_000_000..1_000_000_000 => format!("{} ms", decimal(nanos, 10_000, 2)),
        _ => format!("{} s", decimal(nanos, 100_000_000, 1)),
    }
}

/// Formats bytes in megabytes of 10⁶.
#[must_use]
pub fn megabytes(bytes: u64) -> String {
    format!("{} MB", decimal(bytes, 10_000, 2))
}

/// Formats `value` in units of `digit`, with `digits` decimal places.
fn decimal(value: u64, digit: u64, digits: u32) -> String {
    let rounded = value.saturating_add(digit / 2) / digit;
    let one = 10_u64.pow(digits);
    let width = usize::try_from(digits).unwrap_or_default();
    format!("{}.{:0width$}", rounded / one, rounded % one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let sample: Sample = (1..=200).rev().collect();
        assert_eq!((sample.median(), sample.percentile(99), sample.percentile(100)), (100, 198, 200));
        assert_eq!(Sample::from_iter([7]).percentile(99), 7);
        assert_eq!(Sample::default().median(), 0);
    }

    #[test]
    fn ratios_are_rounded_and_compared_with_limits() {
        let ratio = Ratio::of(1_349, 1_000);
        assert_eq!(ratio.to_string(), "1.35 ×");
        assert!(ratio > Ratio::hundredths(130));
        assert_eq!(ratio.percent_over(Ratio::hundredths(130)), 4);
        assert_eq!(ratio.percent_over(Ratio::hundredths(200)), 0);
        assert_eq!(Ratio::of(1, 0), Ratio::hundredths(u64::MAX));
    }

    #[test]
    fn numbers_are_formatted_in_readable_units() {
        for (nanos, text) in [
            (0, "0.00 µs"),
            (1_234, "1.23 µs"),
            (71_250, "71.3 µs"),
            (999_949, "999.9 µs"),
            (1_616_000, "1.62 ms"),
            (3_299_960_000, "3.3 s"),
        ] {
            assert_eq!(time(nanos), text);
        }
        assert_eq!(megabytes(3_584_000), "3.58 MB");
    }
}
