//! DynamoDB's capacity units.

use std::fmt;
use std::iter::Sum;

/// DynamoDB's capacity units, which come in halves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CapacityUnits(u64);

impl CapacityUnits {
    /// Makes units from a number of half units.
    pub const fn halves(halves: u64) -> Self {
        Self(halves)
    }

    /// The number of half units.
    pub const fn as_halves(self) -> u64 {
        self.0
    }

    /// Reads a number such as `1.5`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let half = if fraction.starts_with('5') { 1 } else { 0 };
        whole.parse::<u64>().ok()?.checked_mul(2)?.checked_add(half).map(Self)
    }
}

impl fmt::Display for CapacityUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0 / 2, if self.0.is_multiple_of(2) { "" } else { ".5" })
    }
}

impl Sum for CapacityUnits {
    fn sum<I: Iterator<Item = Self>>(units: I) -> Self {
        Self(units.map(|units| units.0).fold(0, u64::saturating_add))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_written_in_halves() {
        for (text, halves, written) in [("0.5", 1, "0.5"), ("1.0", 2, "1"), ("2.5", 5, "2.5"), ("3", 6, "3")]
        {
            let units = CapacityUnits::parse(text).unwrap();
            assert_eq!(units, CapacityUnits::halves(halves));
            assert_eq!(units.to_string(), written);
        }
    }
}
