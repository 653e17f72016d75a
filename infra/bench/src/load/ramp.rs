//! The search for the highest rate.

use shared::types::BoxError;

/// The highest rate at which nothing was throttled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// That rate.
    pub served: u64,
    /// The lowest rate at which a request was throttled, and the key that did; `None` if there was none up to the highest rate.
    pub throttled: Option<(u64, String)>,
    /// Every rate that was tried, in order, and whether it was served.
    pub tried: Vec<(u64, bool)>,
}

/// Doubles the rate until something is throttled, then halves the gap until it is `PERCENT` wide.
///
/// # Errors
/// That of `hot_key`, which keeps up a rate and returns the key that throttled.
pub async fn find(
    first: u64,
    most: u64,
    hot_key: impl AsyncFn(u64) -> Result<Option<String>, BoxError>,
) -> Result<Limit, BoxError> {
    let mut limit = Limit { served: 0, throttled: None, tried: Vec::new() };
    let mut rate = first;
    loop {
        let key = hot_key(rate).await?;
        limit.tried.push((rate, key.is_none()));
        match key {
            None => limit.served = rate,
            Some(key) => limit.throttled = Some((rate, key)),
        }
        rate = match &limit.throttled {
            None if rate >= most => return Ok(limit),
            None => (rate * 2).min(most),
            Some((throttled, _)) => {
                let gap = throttled.saturating_sub(limit.served);
                if gap * 100 <= throttled * PERCENT || gap <= 1 {
                    return Ok(limit);
                }
                limit.served + gap / 2
            }
        };
    }
}

/// How wide the gap may be between the highest rate that is served and the lowest that is not.
const PERCENT: u64 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_ramp_ends_just_below_the_first_throttled_rate() {
        for capacity in [30, 100, 512, 4_300] {
            let key = async |rate: u64| Ok((rate > capacity).then(|| "water".to_owned()));
            let limit = find(100, 20_000, key).await.expect("a limit");
            let (throttled, key) = limit.throttled.expect("throttled");
            assert!(limit.served <= capacity && capacity < throttled && key == "water");
            assert!(limit.served * 100 >= capacity * (100 - 2 * PERCENT), "{} of {capacity}", limit.served);
        }
    }

    #[tokio::test]
    async fn a_ramp_without_throttling_ends_at_the_highest_rate() {
        let limit = find(100, 500, async |_| Ok(None)).await.expect("a limit");
        assert_eq!((limit.served, limit.throttled), (500, None));
        assert_eq!(limit.tried, [(100, true), (200, true), (400, true), (500, true)]);
    }
}
