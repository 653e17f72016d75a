//! Functions that die in the middle of a call, as a Lambda environment does when its machine is lost.

use std::{future::poll_fn, num::NonZeroU64, pin::pin, task::Poll};

/// Runs `call`. If its `life` is limited it is dropped after so many waits, or at its end before it could answer: `None`.
pub(crate) async fn live<F: Future>(life: Option<NonZeroU64>, call: F) -> Option<F::Output> {
    let mut call = pin!(call);
    let mut left = life.map(NonZeroU64::get);
    poll_fn(move |context| match (call.as_mut().poll(context), &mut left) {
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

/// A life of 1 to 32 waits, chosen by 64 random bits. Short ones are likelier: a request waits a few times only.
pub(crate) fn life(choice: u64) -> NonZeroU64 {
    let longest = 1_u64 << (choice % 6);
    NonZeroU64::MIN.saturating_add((choice >> 8) % longest)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    async fn waits(times: u64, passed: &AtomicU64) {
        for _ in 0..times {
            tokio::task::yield_now().await;
            passed.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn a_call_ends_after_its_waits() {
        for (life, passed_before) in [(1, 0), (2, 1), (5, 4)] {
            let passed = AtomicU64::new(0);
            assert_eq!(live(NonZeroU64::new(life), waits(10, &passed)).await, None);
            assert_eq!(passed.load(Ordering::SeqCst), passed_before);
        }
    }

    #[tokio::test]
    async fn a_call_that_would_outlive_itself_does_everything_and_does_not_answer() {
        let passed = AtomicU64::new(0);
        assert_eq!(live(NonZeroU64::new(11), waits(10, &passed)).await, None);
        assert_eq!(passed.load(Ordering::SeqCst), 10);
        assert_eq!(live(None, waits(10, &passed)).await, Some(()));
    }

    #[test]
    fn lives_are_of_one_to_thirty_two_waits() {
        let lives: Vec<u64> =
            (0..u64::from(u16::MAX)).map(|n| life(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).get()).collect();
        assert_eq!((lives.iter().min(), lives.iter().max()), (Some(&1), Some(&32)));
    }
}
