//! Random faults, reproducible from a seed.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Decides at random which calls fail. Off until [`FaultInjector::start`]; the same seed gives the same sequence of decisions.
#[derive(Default)]
pub struct FaultInjector {
    generator: Mutex<Option<FaultGenerator>>,
}

struct FaultGenerator {
    rate_per_mille: u64,
    state: u64,
}

impl FaultInjector {
    /// Starts to make `rate_per_mille` of a thousand calls fail.
    pub fn start(&self, seed: u64, rate_per_mille: u32) {
        *self.lock() = Some(FaultGenerator { rate_per_mille: rate_per_mille.into(), state: seed });
    }

    /// Stops: no call fails any more.
    pub fn stop(&self) {
        *self.lock() = None;
    }

    /// Decides about the next call. `Some` means that it fails; its 64 bits, evenly distributed, are for the caller to choose
    /// the kind of failure with.
    pub fn draw_fault(&self) -> Option<u64> {
        let mut generator = self.lock();
        let generator = generator.as_mut()?;
        let chance = generator.next() % 1000;
        let choice = generator.next();
        (chance < generator.rate_per_mille).then_some(choice)
    }

    fn lock(&self) -> MutexGuard<'_, Option<FaultGenerator>> {
        self.generator.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FaultGenerator {
    /// `SplitMix64` (<https://prng.di.unimi.it/splitmix64.c>), because every seed gives a good sequence.
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

    fn draw_faults(seed: u64, rate: u32) -> Vec<Option<u64>> {
        let injector = FaultInjector::default();
        injector.start(seed, rate);
        (0..1000).map(|_| injector.draw_fault()).collect()
    }

    #[test]
    fn faults_come_at_their_rate_and_repeat_for_the_same_seed() {
        assert_eq!(draw_faults(7, 250), draw_faults(7, 250));
        assert_ne!(draw_faults(7, 250), draw_faults(8, 250));
        let count = draw_faults(7, 250).iter().flatten().count();
        assert!((200..300).contains(&count), "{count}");
        assert_eq!(draw_faults(7, 0).iter().flatten().count(), 0);
        assert_eq!(draw_faults(7, 1000).iter().flatten().count(), 1000);
    }

    #[test]
    fn numbers_are_those_of_the_reference() {
        let mut generator = FaultGenerator { rate_per_mille: 0, state: 1_234_567 };
        assert_eq!(
            [generator.next(), generator.next()],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]
        );
    }

    #[test]
    fn no_call_fails_before_the_start_and_after_the_stop() {
        let injector = FaultInjector::default();
        assert_eq!(injector.draw_fault(), None);
        injector.start(1, 1000);
        assert!(injector.draw_fault().is_some());
        injector.stop();
        assert_eq!(injector.draw_fault(), None);
    }
}
