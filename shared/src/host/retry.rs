//! The one place that decides about repeating a failed call over HTTP: how often, after which failure, after which pause.
//!
//! The client of each service says of what kind a failure is. `docs/architecture.md`, "Rule of retries", has the rule.

use std::time::Duration;

use super::Host;

/// Which failures of a call are followed by another attempt, and how many attempts are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryPolicy {
    /// Three attempts, after any failure that may pass: for a call that changes nothing, or whose number makes it idempotent.
    AnyFailure,
    /// Two attempts, after any failure that may pass, for such a call.
    AnyFailureOneRetry,
    /// Three attempts, unless the failed one may have taken effect: for a call that has an effect each time.
    UnlessOutcomeUnknown,
    /// Two attempts for a call that spends a one-time code and so takes effect once at most. The retry follows when the code is
    /// most likely unspent: WeChat was busy or not reached, or a gateway answered in its place. If the code was spent all the same,
    /// WeChat refuses the retry. After a lost answer the code is most likely spent, so no retry follows.
    OneTimeCode,
    /// One attempt: for an API that takes its calls one at a time, so that a call that follows at once is refused.
    Never,
}

/// What a failure of a call means for repeating it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// The request did not reach the other side.
    NotReached,
    /// The other side says that it is busy. The call has not taken effect.
    Busy,
    /// A gateway before the other side answered in its place. The call may have taken effect; most likely it has not arrived.
    Gateway,
    /// The request was sent and no usable answer came. The call may have taken effect.
    OutcomeUnknown,
    /// Another attempt would end the same way.
    Permanent,
}

/// How long to pause before another attempt. Chance keeps instances that failed together from coming back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backoff {
    /// 200 to 455 ms, each time.
    Constant,
    /// 100 to 200 ms the first time, then twice as long each time.
    Exponential,
}

impl RetryPolicy {
    /// How many attempts are made at most, the first one included.
    pub(crate) const fn max_attempts(self) -> u32 {
        match self {
            Self::AnyFailure | Self::UnlessOutcomeUnknown => 3,
            Self::AnyFailureOneRetry | Self::OneTimeCode => 2,
            Self::Never => 1,
        }
    }

    /// Whether another attempt may follow this failure.
    const fn retries_after(self, failure: FailureKind) -> bool {
        match failure {
            FailureKind::NotReached | FailureKind::Busy => true,
            FailureKind::Gateway => !matches!(self, Self::UnlessOutcomeUnknown),
            FailureKind::OutcomeUnknown => matches!(self, Self::AnyFailure | Self::AnyFailureOneRetry),
            FailureKind::Permanent => false,
        }
    }
}

impl Backoff {
    /// The pause after the failed attempt of this number, counted from 1.
    fn pause(self, attempt: u32, chance: u8) -> Duration {
        match self {
            Self::Constant => Duration::from_millis(200 + u64::from(chance)),
            Self::Exponential => {
                Duration::from_millis(200) * (1 << (attempt - 1)) * (256 + u32::from(chance)) / 512
            }
        }
    }
}

/// Makes attempts until one succeeds or `policy` allows no other. An attempt gets the kind of the failure before it; the first one
/// gets `None`.
///
/// # Errors
/// The error of the last attempt.
pub(crate) async fn retry<T, E, F>(
    host: &Host,
    policy: RetryPolicy,
    backoff: Backoff,
    kind_of: impl Fn(&E) -> FailureKind,
    mut attempt: impl FnMut(Option<FailureKind>) -> F,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let (mut number, mut failure) = (1, None);
    loop {
        let error = match attempt(failure).await {
            Ok(success) => return Ok(success),
            Err(error) => error,
        };
        let kind = kind_of(&error);
        if number == policy.max_attempts() || !policy.retries_after(kind) {
            return Err(error);
        }
        // Without randomness the pause is the shortest one.
        let [chance] = host.random::<1>().unwrap_or_default();
        tokio::time::sleep(backoff.pause(number, chance)).await;
        (number, failure) = (number + 1, Some(kind));
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

    use super::*;
    use crate::host::{SystemClock, SystemRandomness};

    const KINDS: [FailureKind; 5] = [
        FailureKind::NotReached,
        FailureKind::Busy,
        FailureKind::Gateway,
        FailureKind::OutcomeUnknown,
        FailureKind::Permanent,
    ];

    fn host() -> Host {
        Host::new(BTreeMap::new(), Arc::new(SystemClock), Arc::new(SystemRandomness), Vec::new())
    }

    /// How many attempts are made of a call that always fails in this way.
    async fn attempts(policy: RetryPolicy, kind: FailureKind) -> usize {
        let failures_before = RefCell::new(Vec::new());
        let result: Result<(), FailureKind> = retry(
            &host(),
            policy,
            Backoff::Constant,
            |kind| *kind,
            |before| {
                failures_before.borrow_mut().push(before);
                async move { Err(kind) }
            },
        )
        .await;
        assert_eq!(result, Err(kind));
        let failures_before = failures_before.into_inner();
        assert!(
            failures_before[0].is_none() && failures_before[1..].iter().all(|before| *before == Some(kind))
        );
        failures_before.len()
    }

    #[tokio::test]
    async fn each_policy_makes_its_number_of_attempts_after_each_failure() {
        for (policy, expected) in [
            // Not reached, busy, gateway, outcome unknown, permanent.
            (RetryPolicy::AnyFailure, [3, 3, 3, 3, 1]),
            (RetryPolicy::AnyFailureOneRetry, [2, 2, 2, 2, 1]),
            (RetryPolicy::UnlessOutcomeUnknown, [3, 3, 1, 1, 1]),
            (RetryPolicy::OneTimeCode, [2, 2, 2, 1, 1]),
            (RetryPolicy::Never, [1, 1, 1, 1, 1]),
        ] {
            let made = KINDS.map(|kind| attempts(policy, kind));
            assert_eq!(futures_util::future::join_all(made).await, expected, "{policy:?}");
        }
    }

    #[tokio::test]
    async fn a_success_ends_the_attempts() {
        let (host, kinds) = (host(), RefCell::new(vec![FailureKind::Busy]));
        let result = retry(
            &host,
            RetryPolicy::AnyFailure,
            Backoff::Exponential,
            |kind| *kind,
            |_| {
                let failure = kinds.borrow_mut().pop();
                async move { failure.map_or(Ok("done"), Err) }
            },
        );
        assert_eq!(result.await, Ok("done"));
    }

    #[test]
    fn a_pause_has_its_bounds_whatever_the_chance() {
        let bounds =
            |backoff: Backoff, attempt| [0, 255].map(|chance| backoff.pause(attempt, chance).as_millis());
        assert_eq!([1, 2].map(|attempt| bounds(Backoff::Constant, attempt)), [[200, 455]; 2]);
        assert_eq!([1, 2].map(|attempt| bounds(Backoff::Exponential, attempt)), [[100, 199], [200, 399]]);
    }
}
