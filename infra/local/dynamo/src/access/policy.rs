//! The statements of every function, and the decision whether they allow a request.

use std::collections::BTreeMap;

use local_template::{ConditionKey, Stack, Statement, StatementCondition};

use super::access_keys::OPERATOR;
use super::required_permissions::RequiredPermission;
use crate::error::DynamoError;
use crate::permission::Permission;

/// The statements of every function, by logical id.
pub(crate) struct FunctionPolicies {
    statements: BTreeMap<String, Vec<Statement>>,
}

impl FunctionPolicies {
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
        let statements =
            stack.functions.iter().map(|function| (function.logical_id.clone(), function.statements.clone()));
        Ok(Self { statements: statements.collect() })
    }

    pub(crate) fn has_caller(&self, caller: &str) -> bool {
        caller == OPERATOR || self.statements.contains_key(caller)
    }

    /// The permission as the caller's statements grant it: for an object, with the resource that covers it. Without such a statement
    /// it is the permission itself.
    pub(crate) fn as_granted(&self, caller: &str, permission: Permission) -> Permission {
        let statements = self.statements.get(caller).map(Vec::as_slice).unwrap_or_default();
        let granted = statements
            .iter()
            .filter(|statement| statement.actions.contains(&permission.action))
            .flat_map(|statement| &statement.resources)
            .find(|granted| covers(granted, &permission.resource));
        match granted {
            Some(granted) => Permission { resource: granted.clone(), ..permission },
            None => permission,
        }
    }

    /// The first of the required permissions that the caller lacks.
    pub(crate) fn first_missing<'a>(
        &self,
        caller: &str,
        required: &'a [RequiredPermission],
    ) -> Option<&'a Permission> {
        if caller == OPERATOR {
            return None;
        }
        let statements = self.statements.get(caller).map(Vec::as_slice).unwrap_or_default();
        let missing = required
            .iter()
            .find(|required| !statements.iter().any(|statement| allows_permission(statement, required)));
        missing.map(|missing| &missing.permission)
    }
}

/// What a grant of all objects below a prefix of a bucket covers, whose ARN ends with `/*`.
fn covers(granted: &str, resource: &str) -> bool {
    let below = granted.strip_suffix('*').filter(|folder| is_bucket(folder) && folder.ends_with('/'));
    granted == resource || below.is_some_and(|folder| resource.starts_with(folder))
}

fn is_bucket(arn: &str) -> bool {
    arn.split(':').nth(2) == Some("s3")
}

fn allows_permission(statement: &Statement, required: &RequiredPermission) -> bool {
    let Permission { action, resource } = &required.permission;
    statement.actions.contains(action)
        && statement.resources.iter().any(|granted| covers(granted, resource))
        && statement.conditions.iter().all(|condition| condition_holds(condition, required))
}

/// IAM lets `ForAllValues` hold for a request without any value. Here such a request is refused, because a permission with a
/// condition is meant for requests that name their keys.
fn condition_holds(condition: &StatementCondition, required: &RequiredPermission) -> bool {
    let keys = required.leading_keys.as_deref();
    condition.key == ConditionKey::LeadingKeys
        && keys.is_some_and(|keys| keys.iter().all(|key| condition.values.contains(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_of_objects_covers_those_below_its_prefix_alone() {
        let granted = "arn:aws:s3:::uploads/incoming/*";
        assert!(covers(granted, "arn:aws:s3:::uploads/incoming/u1/a.jpg"));
        for other in
            ["arn:aws:s3:::uploads/kept/u1/a.jpg", "arn:aws:s3:::uploads", "arn:aws:s3:::uploads/incoming"]
        {
            assert!(!covers(granted, other), "{other}");
        }
        let logs = "arn:aws:logs:us-east-1:0:log-group:a/*";
        assert!(!covers(logs, "arn:aws:logs:us-east-1:0:log-group:a/b"));
    }
}
