//! The statements of every function, and whether they allow a request.

use std::collections::BTreeMap;

use local_template::{Condition, ConditionKey, Stack, Statement};

use super::keys::OPERATOR;
use super::needs::Need;
use crate::error::DynamoError;
use crate::record::Permission;

/// The statements of every function.
pub(crate) struct Policies {
    statements: BTreeMap<String, Vec<Statement>>,
}

impl Policies {
    pub(crate) fn new(stack: &Stack) -> Result<Self, DynamoError> {
        for function in &stack.functions {
            if function.logical_id == OPERATOR {
                return Err(DynamoError::ReservedName(function.logical_id.clone()));
            }
            let conditions = function.statements.iter().flat_map(|statement| &statement.conditions);
            for condition in conditions {
                if condition.key == ConditionKey::Attributes {
                    let function = function.logical_id.clone();
                    return Err(DynamoError::UnsupportedCondition { function, key: "dynamodb:Attributes" });
                }
            }
        }
        let statements = stack.functions.iter().map(|one| (one.logical_id.clone(), one.statements.clone()));
        Ok(Self { statements: statements.collect() })
    }

    pub(crate) fn knows(&self, caller: &str) -> bool {
        caller == OPERATOR || self.statements.contains_key(caller)
    }

    /// The first permission the caller lacks.
    pub(crate) fn lacking<'a>(&self, caller: &str, needs: &'a [Need]) -> Option<&'a Permission> {
        if caller == OPERATOR {
            return None;
        }
        let statements = self.statements.get(caller).map(Vec::as_slice).unwrap_or_default();
        let need = needs.iter().find(|need| !statements.iter().any(|statement| allows(statement, need)));
        need.map(|need| &need.permission)
    }
}

fn allows(statement: &Statement, need: &Need) -> bool {
    let Permission { action, resource } = &need.permission;
    statement.actions.contains(action)
        && statement.resources.contains(resource)
        && statement.conditions.iter().all(|condition| holds(condition, need))
}

/// IAM lets `ForAllValues` hold when the request has no value at all. Here a request whose keys cannot be told is
/// refused: a permission with a condition is meant for requests that name their keys.
fn holds(condition: &Condition, need: &Need) -> bool {
    let keys = need.leading_keys.as_deref();
    condition.key == ConditionKey::LeadingKeys
        && keys.is_some_and(|keys| keys.iter().all(|key| condition.values.contains(key)))
}
