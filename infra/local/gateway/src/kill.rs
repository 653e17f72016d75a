//! Kills function calls before they can answer, as when Lambda loses the machine that runs them.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    num::NonZeroU64,
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use local_dynamo::FaultInjector;

/// Where a call was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KilledAt {
    /// At an await, with the rest of its work undone.
    Await,
    /// After all of its work, before it could answer.
    End,
}

/// What came of a call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CallOutcome<T> {
    Answered(T),
    Killed(KilledAt),
}

/// Decides which calls are killed: some at random, and the next call of a function that a test has chosen.
#[derive(Default)]
pub(crate) struct Kills {
    pub(crate) random: FaultInjector,
    planned: Mutex<BTreeMap<String, PlannedKill>>,
}

#[derive(Clone, Copy)]
enum PlannedKill {
    /// The next call is killed after so many pending polls.
    Next(NonZeroU64),
    /// The call runs.
    Running,
    Done(KilledAt),
}

impl Kills {
    /// Plans to kill the next call of the function in this folder after so many pending polls.
    pub(crate) fn plan(&self, folder: &str, polls: NonZeroU64) {
        self.lock().insert(folder.to_owned(), PlannedKill::Next(polls));
    }

    /// Forgets the plan for the function in this folder; where its call was killed, if it came.
    pub(crate) fn take(&self, folder: &str) -> Option<KilledAt> {
        match self.lock().remove(folder)? {
            PlannedKill::Done(at) => Some(at),
            PlannedKill::Next(_) | PlannedKill::Running => None,
        }
    }

    /// Runs a call of the function in this folder, unless it is to be killed.
    pub(crate) async fn run<F: Future>(&self, folder: &str, call: F) -> CallOutcome<F::Output> {
        let planned = self.begin_planned(folder);
        let poll_limit = planned.or_else(|| self.random.draw_fault().map(random_poll_limit));
        let outcome = run_until_killed(poll_limit, call).await;
        if let (Some(_), CallOutcome::Killed(at)) = (planned, &outcome) {
            self.lock().insert(folder.to_owned(), PlannedKill::Done(*at));
        }
        outcome
    }

    fn begin_planned(&self, folder: &str) -> Option<NonZeroU64> {
        let mut planned = self.lock();
        let plan = planned.get_mut(folder)?;
        let PlannedKill::Next(polls) = *plan else { return None };
        *plan = PlannedKill::Running;
        Some(polls)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, PlannedKill>> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs `call`. With a `poll_limit` the call is dropped after that many pending polls, or when it is ready.
async fn run_until_killed<F: Future>(poll_limit: Option<NonZeroU64>, call: F) -> CallOutcome<F::Output> {
    let mut call = pin!(call);
    let mut polls_left = poll_limit.map(NonZeroU64::get);
    poll_fn(move |context| match (call.as_mut().poll(context), &mut polls_left) {
        (Poll::Ready(answer), None) => Poll::Ready(CallOutcome::Answered(answer)),
        (Poll::Ready(_), Some(_)) => Poll::Ready(CallOutcome::Killed(KilledAt::End)),
        (Poll::Pending, None) => Poll::Pending,
        (Poll::Pending, Some(left)) => {
            *left = left.saturating_sub(1);
            if *left == 0 { Poll::Ready(CallOutcome::Killed(KilledAt::Await)) } else { Poll::Pending }
        }
    })
    .await
}

/// A limit of 1 to 32 polls, made from 64 random bits. Small limits are more likely, because a call is pending a few times only.
fn random_poll_limit(choice: u64) -> NonZeroU64 {
    let largest = 1_u64 << (choice % 6);
    NonZeroU64::MIN.saturating_add((choice >> 8) % largest)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    async fn yield_times(times: u64, passed: &AtomicU64) {
        for _ in 0..times {
            tokio::task::yield_now().await;
            passed.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn a_call_is_dropped_at_its_poll_limit() {
        for (limit, passed_before) in [(1, 0), (2, 1), (5, 4)] {
            let passed = AtomicU64::new(0);
            let outcome = run_until_killed(NonZeroU64::new(limit), yield_times(10, &passed)).await;
            assert_eq!(outcome, CallOutcome::Killed(KilledAt::Await));
            assert_eq!(passed.load(Ordering::SeqCst), passed_before);
        }
    }

    #[tokio::test]
    async fn a_call_that_ends_below_its_poll_limit_has_its_effects_and_no_answer() {
        let passed = AtomicU64::new(0);
        let outcome = run_until_killed(NonZeroU64::new(11), yield_times(10, &passed)).await;
        assert_eq!((outcome, passed.load(Ordering::SeqCst)), (CallOutcome::Killed(KilledAt::End), 10));
        assert_eq!(run_until_killed(None, yield_times(10, &passed)).await, CallOutcome::Answered(()));
    }

    #[tokio::test]
    async fn a_planned_kill_hits_the_next_call_of_its_function_only() {
        let (kills, passed) = (Kills::default(), AtomicU64::new(0));
        kills.plan("pay", NonZeroU64::MIN);
        assert_eq!(kills.run("other", yield_times(1, &passed)).await, CallOutcome::Answered(()));
        assert_eq!(kills.run("pay", yield_times(1, &passed)).await, CallOutcome::Killed(KilledAt::Await));
        assert_eq!(kills.run("pay", yield_times(1, &passed)).await, CallOutcome::Answered(()));
        assert_eq!((kills.take("pay"), kills.take("pay")), (Some(KilledAt::Await), None));
    }

    #[test]
    fn poll_limits_are_from_1_to_32() {
        let limits: Vec<u64> = (0..u64::from(u16::MAX))
            .map(|n| random_poll_limit(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).get())
            .collect();
        assert_eq!((limits.iter().min(), limits.iter().max()), (Some(&1), Some(&32)));
    }
}
