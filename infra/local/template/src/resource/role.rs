//! `AWS::IAM::Role` of a function, `AWS::IAM::ManagedPolicy` that roles share, and `AWS::IAM::Policy` of a role.

use std::collections::BTreeMap;

use crate::error::TemplateError;
use crate::read::fields::Fields;
use crate::resource::policy::Statement;

/// The statements of managed policies, by the policy's ARN.
pub(crate) type ManagedPolicies = BTreeMap<String, Vec<Statement>>;

/// The role of a function.
pub(crate) struct Role {
    pub(crate) logical_id: String,
    pub(crate) statements: Vec<Statement>,
}

impl Role {
    pub(crate) fn read(
        logical_id: &str,
        properties: &Fields<'_>,
        managed: &ManagedPolicies,
    ) -> Result<Self, TemplateError> {
        properties.only(
            &["AssumeRolePolicyDocument", "ManagedPolicyArns", "Policies", "RoleName"],
            &["Description", "MaxSessionDuration", "Path", "PermissionsBoundary", "Tags"],
        )?;
        check_trust_policy(properties)?;
        let mut statements = Vec::new();
        for policy in properties.objects("Policies")? {
            policy.only(&["PolicyDocument"], &["PolicyName"])?;
            statements.extend(document(&policy)?);
        }
        for arn in properties.strings("ManagedPolicyArns")? {
            let Some(allowed) = managed.get(&arn) else {
                let place = properties.below("ManagedPolicyArns");
                return Err(TemplateError::unsupported(&place, arn, &["!Ref <policy of this template>"]));
            };
            statements.extend(allowed.iter().cloned());
        }
        Ok(Self { logical_id: logical_id.to_owned(), statements })
    }
}

/// Reads a policy that roles share.
pub(crate) fn read_policy(properties: &Fields<'_>) -> Result<Vec<Statement>, TemplateError> {
    // Attached to a role by the role, where a reader looks for it; not the other way round.
    properties.only(&["ManagedPolicyName", "PolicyDocument"], &["Description", "Path"])?;
    document(properties)
}

/// Reads a policy, and adds its statements to the roles that it names. A function that may do something to itself has one, because its role
/// can't refer to it.
pub(crate) fn add_policy(
    properties: &Fields<'_>,
    roles: &mut BTreeMap<String, Role>,
) -> Result<(), TemplateError> {
    properties.only(&["PolicyDocument", "PolicyName", "Roles"], &[])?;
    let statements = document(properties)?;
    for name in properties.strings("Roles")? {
        let named = format!("role/{name}");
        let role = roles.iter_mut().find(|(arn, _)| arn.ends_with(&named)).map(|(_, role)| role);
        let Some(role) = role else {
            let place = properties.below("Roles");
            return Err(TemplateError::unsupported(&place, name, &["!Ref <role of this template>"]));
        };
        role.statements.extend(statements.iter().cloned());
    }
    Ok(())
}

fn document(policy: &Fields<'_>) -> Result<Vec<Statement>, TemplateError> {
    let document = policy.object("PolicyDocument")?.ok_or_else(|| policy.missing("PolicyDocument"))?;
    Statement::read_document(&document)
}

fn check_trust_policy(role: &Fields<'_>) -> Result<(), TemplateError> {
    let property = "AssumeRolePolicyDocument";
    let document = role.object(property)?.ok_or_else(|| role.missing(property))?;
    document.only(&["Statement", "Version"], &[])?;
    for statement in document.objects("Statement")? {
        statement.only(&["Action", "Effect", "Principal"], &[])?;
        let principal = statement.object("Principal")?.ok_or_else(|| statement.missing("Principal"))?;
        principal.only(&["Service"], &[])?;
        let taken =
            (statement.string("Effect")?, statement.strings("Action")?, principal.strings("Service")?);
        if taken != (Some("Allow".to_owned()), vec!["sts:AssumeRole".to_owned()], vec![LAMBDA.to_owned()]) {
            let what = "another principal than Lambda";
            return Err(TemplateError::unsupported(statement.place(), what, &[LAMBDA]));
        }
    }
    Ok(())
}

const LAMBDA: &str = "lambda.amazonaws.com";
