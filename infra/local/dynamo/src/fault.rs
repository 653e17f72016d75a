//! Faults for tests: what a busy or broken AWS would do.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::access::keys::OPERATOR;
use crate::answer::Answer;
use crate::events::{self, PUT_EVENTS};
use crate::target::{Service, Target};
use crate::weather::Weather;

/// A fault to inject into calls to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Whose calls; `None` is every function's, but not the operator's.
    pub caller: Option<String>,
    /// Which operation; `None` is any.
    pub operation: Option<String>,
    /// What goes wrong.
    pub kind: FaultKind,
    /// How many calls it hits.
    pub times: u32,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// Status 200, but the answer of `PutEvents` says of every entry that it failed. Hits `PutEvents` only.
    FailedEntries,
    /// Status 500, nothing done.
    InternalError,
    /// `ProvisionedThroughputExceededException`, or `ThrottlingException` from the other services.
    Throttle,
    /// The connection breaks after the effect, without an answer.
    TimeoutAfter,
    /// The connection breaks before the effect, without an answer.
    TimeoutBefore,
    /// Another transaction holds an item: the whole transaction is cancelled, or the single write refused. Hits only
    /// operations to which this can happen.
    TransactionConflict,
}

/// The faults that are armed.
#[derive(Default)]
pub(crate) struct Faults {
    armed: Mutex<Vec<Fault>>,
    pub(crate) weather: Weather,
}

impl Faults {
    pub(crate) fn inject(&self, fault: Fault) {
        self.lock().push(fault);
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// The fault that hits this call: an armed one, which is then used up by one, or one of the storm's.
    pub(crate) fn take(&self, caller: &str, target: Target<'_>) -> Option<FaultKind> {
        self.take_armed(caller, target).or_else(|| {
            let choice = if caller == OPERATOR { None } else { self.weather.strikes() }?;
            let possible: Vec<FaultKind> =
                FaultKind::ALL.into_iter().filter(|kind| kind.is_possible(target.operation)).collect();
            let at = usize::try_from(choice).unwrap_or_default().checked_rem(possible.len())?;
            possible.get(at).copied()
        })
    }

    fn take_armed(&self, caller: &str, target: Target<'_>) -> Option<FaultKind> {
        let mut armed = self.lock();
        let at = armed.iter().position(|fault| fault.hits(caller, target))?;
        let fault = armed.get_mut(at)?;
        let kind = fault.kind;
        fault.times = fault.times.saturating_sub(1);
        if fault.times == 0 {
            armed.remove(at);
        }
        Some(kind)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fault {
    fn hits(&self, caller: &str, target: Target<'_>) -> bool {
        let caller_hit = self.caller.as_deref().map_or(caller != OPERATOR, |meant| meant == caller);
        let operation_hit = self.operation.as_deref().is_none_or(|meant| meant == target.operation);
        self.times > 0 && caller_hit && operation_hit && self.kind.is_possible(target.operation)
    }
}

impl FaultKind {
    const ALL: [Self; 6] = [
        Self::FailedEntries,
        Self::InternalError,
        Self::Throttle,
        Self::TimeoutAfter,
        Self::TimeoutBefore,
        Self::TransactionConflict,
    ];

    /// Whether this can happen to the operation.
    fn is_possible(self, operation: &str) -> bool {
        match self {
            Self::FailedEntries => operation == PUT_EVENTS,
            Self::TransactionConflict => CONFLICTING.contains(&operation),
            Self::InternalError | Self::Throttle | Self::TimeoutAfter | Self::TimeoutBefore => true,
        }
    }

    /// The answer in place of the effect; `None` when there is none.
    pub(crate) fn answer(self, target: Target<'_>, request: &Value) -> Option<Answer> {
        match self {
            Self::FailedEntries => Some(events::all_failed(request)),
            Self::InternalError => {
                let code = match target.service {
                    Service::DynamoDb => "com.amazonaws.dynamodb.v20120810#InternalServerError",
                    Service::EventBridge => "InternalException",
                    Service::SecretsManager => "InternalServiceError",
                };
                Some(Answer::error(
                    500,
                    code,
                    "The request could not be completed because of an internal error.",
                ))
            }
            Self::Throttle => Some(match target.service {
                Service::DynamoDb => Answer::error(
                    400,
                    "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
                    "The level of configured provisioned throughput for the table was exceeded.",
                ),
                Service::EventBridge | Service::SecretsManager => {
                    Answer::error(400, "ThrottlingException", "Rate exceeded")
                }
            }),
            Self::TransactionConflict => Some(conflict(request)),
            Self::TimeoutAfter | Self::TimeoutBefore => None,
        }
    }
}

fn conflict(request: &Value) -> Answer {
    let Some(items) = request.get("TransactItems").and_then(Value::as_array) else {
        return Answer::error(
            400,
            "com.amazonaws.dynamodb.v20120810#TransactionConflictException",
            "Transaction is ongoing for the item",
        );
    };
    // The first item is the contended one.
    let reasons: Vec<Value> = (0..items.len())
        .map(|at| match at {
            0 => json!({"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}),
            _ => json!({"Code": "None"}),
        })
        .collect();
    let codes: Vec<&str> = reasons.iter().filter_map(|reason| reason.get("Code")?.as_str()).collect();
    let message = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    Answer::error_with(
        400,
        "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        json!({"Message": message, "CancellationReasons": reasons}),
    )
}

const CONFLICTING: [&str; 5] =
    ["DeleteItem", "PutItem", "TransactGetItems", "TransactWriteItems", "UpdateItem"];
