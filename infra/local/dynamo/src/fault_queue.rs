//! Faults for tests: what a busy or broken AWS would do.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::access::access_keys::OPERATOR;
use crate::chaos::FaultInjector;
use crate::event_buses;
use crate::fault_kind::FaultKind;
use crate::request_target::{AwsService, RequestTarget};
use crate::response::AwsResponse;

/// A fault to inject into future calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DynamoFault {
    /// The caller whose calls fail; `None` is every function, but not the operator.
    pub caller: Option<String>,
    /// The operation that fails; `None` is any.
    pub operation: Option<String>,
    /// How the calls fail.
    pub kind: FaultKind,
    /// How many calls fail.
    pub times: u32,
}

/// The faults that tests have injected and that no call has used up yet, and the source of random ones.
#[derive(Default)]
pub(crate) struct FaultQueue {
    injected: Mutex<Vec<DynamoFault>>,
    pub(crate) random: FaultInjector,
}

impl FaultQueue {
    pub(crate) fn inject_fault(&self, fault: DynamoFault) {
        self.lock().push(fault);
    }

    pub(crate) fn clear_faults(&self) {
        self.lock().clear();
    }

    /// The fault for this call: the first injected one that matches the call, which loses one of its `times`, or a random one.
    pub(crate) fn take_fault(&self, caller: &str, target: RequestTarget<'_>) -> Option<FaultKind> {
        self.take_injected_fault(caller, target).or_else(|| {
            let choice = if caller == OPERATOR { None } else { self.random.draw_fault() }?;
            let possible: Vec<FaultKind> =
                FaultKind::ALL.into_iter().filter(|kind| kind.can_hit(target.operation)).collect();
            let at = usize::try_from(choice).unwrap_or_default().checked_rem(possible.len())?;
            possible.get(at).copied()
        })
    }

    fn take_injected_fault(&self, caller: &str, target: RequestTarget<'_>) -> Option<FaultKind> {
        let mut injected = self.lock();
        let at = injected.iter().position(|fault| fault.matches(caller, target))?;
        let fault = injected.get_mut(at)?;
        let kind = fault.kind;
        fault.times = fault.times.saturating_sub(1);
        if fault.times == 0 {
            injected.remove(at);
        }
        Some(kind)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<DynamoFault>> {
        self.injected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DynamoFault {
    fn matches(&self, caller: &str, target: RequestTarget<'_>) -> bool {
        let caller_matches = self.caller.as_deref().map_or(caller != OPERATOR, |named| named == caller);
        let operation_matches = self.operation.as_deref().is_none_or(|named| named == target.operation);
        self.times > 0 && caller_matches && operation_matches && self.kind.can_hit(target.operation)
    }
}

impl FaultKind {
    /// The response in place of the effect; `None` when the connection breaks instead.
    pub(crate) fn response(self, target: RequestTarget<'_>, request: &Value) -> Option<AwsResponse> {
        match self {
            Self::FailedEntries => Some(event_buses::all_entries_failed(request)),
            Self::InternalError => {
                let code = match target.service {
                    AwsService::DynamoDb => "com.amazonaws.dynamodb.v20120810#InternalServerError",
                    AwsService::EventBridge => "InternalException",
                    AwsService::SecretsManager => "InternalServiceError",
                };
                Some(AwsResponse::error(
                    500,
                    code,
                    "The request could not be completed because of an internal error.",
                ))
            }
            Self::Throttle => Some(match target.service {
                AwsService::DynamoDb => AwsResponse::error(
                    400,
                    "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
                    "The level of configured provisioned throughput for the table was exceeded.",
                ),
                AwsService::EventBridge | AwsService::SecretsManager => {
                    AwsResponse::error(400, "ThrottlingException", "Rate exceeded")
                }
            }),
            Self::TransactionConflict => Some(transaction_conflict(request)),
            Self::TimeoutAfter | Self::TimeoutBefore => None,
        }
    }
}

fn transaction_conflict(request: &Value) -> AwsResponse {
    let Some(items) = request.get("TransactItems").and_then(Value::as_array) else {
        return AwsResponse::error(
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
    AwsResponse::transaction_cancelled(&reasons)
}
