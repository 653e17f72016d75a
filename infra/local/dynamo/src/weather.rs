//! Misfortune that comes by chance, and comes again in the same way for the same seed.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Calm, until [`Weather::storm`] says else.
#[derive(Default)]
pub struct Weather {
    storm: Mutex<Option<Storm>>,
}

struct Storm {
    rate_per_mille: u64,
    state: u64,
}

impl Weather {
    /// From now on misfortune strikes so many times in a thousand.
    pub fn storm(&self, seed: u64, rate_per_mille: u32) {
        *self.lock() = Some(Storm { rate_per_mille: rate_per_mille.into(), state: seed });
    }

    /// Ends the storm.
    pub fn calm(&self) {
        *self.lock() = None;
    }

    /// Whether misfortune strikes now. The number chooses which one: any 64 bits, evenly spread.
    pub fn strikes(&self) -> Option<u64> {
        let mut storm = self.lock();
        let storm = storm.as_mut()?;
        let chance = storm.next() % 1000;
        let choice = storm.next();
        (chance < storm.rate_per_mille).then_some(choice)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Storm>> {
        self.storm.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storm {
    /// `SplitMix64` (<https://prng.di.unimi.it/splitmix64.c>): every seed is a good one.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strikes(seed: u64, rate: u32) -> Vec<Option<u64>> {
        let weather = Weather::default();
        weather.storm(seed, rate);
        (0..1000).map(|_| weather.strikes()).collect()
    }

    #[test]
    fn a_storm_strikes_at_its_rate_and_in_the_same_way_for_the_same_seed() {
        assert_eq!(strikes(7, 250), strikes(7, 250));
        assert_ne!(strikes(7, 250), strikes(8, 250));
        let count = strikes(7, 250).iter().flatten().count();
        assert!((200..300).contains(&count), "{count}");
        assert_eq!(strikes(7, 0).iter().flatten().count(), 0);
        assert_eq!(strikes(7, 1000).iter().flatten().count(), 1000);
    }

    #[test]
    fn numbers_are_those_of_the_reference() {
        let mut storm = Storm { rate_per_mille: 0, state: 1_234_567 };
        assert_eq!([storm.next(), storm.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn without_a_storm_nothing_strikes() {
        let weather = Weather::default();
        assert_eq!(weather.strikes(), None);
        weather.storm(1, 1000);
        assert!(weather.strikes().is_some());
        weather.calm();
        assert_eq!(weather.strikes(), None);
    }
}
