//! Kills function calls before they can answer, as when Lambda loses the machine that runs them.

use std::{future::poll_fn, num::NonZeroU64, pin::pin, task::Poll};

/// Runs `call`. With a `poll_limit` the call is dropped after that many pending polls, or when it is ready; both give `None`.
pub(crate) async fn run_until_killed<F: Future>(
    poll_limit: Option<NonZeroU64>,
    call: F,
) -> Option<F::Output> {
    let mut call = pin!(call);
    let mut polls_left = poll_limit.map(NonZeroU64::get);
    poll_fn(move |context| match (call.as_mut().poll(context), &mut polls_left) {
        (Poll::Ready(answer), None) => Poll::Ready(Some(answer)),
        (Poll::Ready(_), Some(_)) => Poll::Ready(None),
        (Poll::Pending, None) => Poll::Pending,
        (Poll::Pending, Some(left)) => {
            *left = left.saturating_sub(1);
            if *left == 0 { Poll::Ready(None) } else { Poll::Pending }
        }
    })
    .await
}

/// A limit of 1 to 32 polls, made from 64 random bits. Small limits are more likely, because a call is pending a few times only.
pub(crate) fn random_poll_limit(choice: u64) -> NonZeroU64 {
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
            assert_eq!(run_until_killed(NonZeroU64::new(limit), yield_times(10, &passed)).await, None);
            assert_eq!(passed.load(Ordering::SeqCst), passed_before);
        }
    }

    #[tokio::test]
    async fn a_call_that_ends_below_its_poll_limit_has_its_effects_and_no_answer() {
        let passed = AtomicU64::new(0);
        assert_eq!(run_until_killed(NonZeroU64::new(11), yield_times(10, &passed)).await, None);
        assert_eq!(passed.load(Ordering::SeqCst), 10);
        assert_eq!(run_until_killed(None, yield_times(10, &passed)).await, Some(()));
    }

    #[test]
    fn poll_limits_are_from_1_to_32() {
        let limits: Vec<u64> = (0..u64::from(u16::MAX))
            .map(|n| random_poll_limit(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).get())
            .collect();
        assert_eq!((limits.iter().min(), limits.iter().max()), (Some(&1), Some(&32)));
    }
}
