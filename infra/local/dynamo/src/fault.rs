//! Faults for tests: what a busy or broken DynamoDB would do.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::access::keys::OPERATOR;
use crate::answer::Answer;
use crate::target::{Service, Target};

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
    /// Status 500, nothing done.
    InternalError,
    /// `ProvisionedThroughputExceededException`, or `ThrottlingException` from Secrets Manager.
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
}

impl Faults {
    pub(crate) fn inject(&self, fault: Fault) {
        self.lock().push(fault);
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// The fault that hits this call, which is then used up by one.
    pub(crate) fn take(&self, caller: &str, target: Target<'_>) -> Option<FaultKind> {
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
        let possible = self.kind != FaultKind::TransactionConflict || CONFLICTING.contains(&target.operation);
        self.times > 0 && caller_hit && operation_hit && possible
    }
}

impl FaultKind {
    /// The answer in place of the effect; `None` when there is none.
    pub(crate) fn answer(self, target: Target<'_>, request: &Value) -> Option<Answer> {
        match self {
            Self::InternalError => {
                let code = match target.service {
                    Service::DynamoDb => "com.amazonaws.dynamodb.v20120810#InternalServerError",
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
                Service::SecretsManager => Answer::error(400, "ThrottlingException", "Rate exceeded"),
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
