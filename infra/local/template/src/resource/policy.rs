//! The permissions of a function. Only explicit statements are supported, so that the template's permissions can be compared with
//! those that the function uses.

use serde_json::Value;

use crate::error::TemplateError;
use crate::read::fields::Fields;

/// A statement with the effect `Allow`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The statement's name, if it has one.
    pub sid: Option<String>,
    /// The actions, such as `dynamodb:PutItem`.
    pub actions: Vec<String>,
    /// The ARNs of the resources.
    pub resources: Vec<String>,
    /// The conditions, all of which must hold.
    pub conditions: Vec<StatementCondition>,
}

/// A condition `ForAllValues:StringEquals`: each of the request's values for the key is one of `values`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementCondition {
    /// The condition key, which names the compared part of the request.
    pub key: ConditionKey,
    /// The allowed values.
    pub values: Vec<String>,
}

/// A condition key: the part of a request that a condition compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionKey {
    /// `dynamodb:Attributes`: the names of the attributes it reads or writes.
    Attributes,
    /// `dynamodb:LeadingKeys`: the partition keys of the items it touches.
    LeadingKeys,
}

impl Statement {
    /// Reads the property `Policies` of a function.
    pub(crate) fn read_all(function: &Fields<'_>) -> Result<Vec<Self>, TemplateError> {
        let place = function.below("Policies");
        let mut statements = Vec::new();
        for (at, document) in function.list("Policies")?.iter().enumerate() {
            let place = format!("{place}[{at}]");
            let Value::Object(map) = document else {
                return Err(TemplateError::unsupported(&place, "a managed policy", &EXPLICIT));
            };
            if !map.contains_key("Statement") {
                return Err(TemplateError::unsupported(&place, "a policy template", &EXPLICIT));
            }
            statements.extend(Self::read_document(&Fields::new(place, document)?)?);
        }
        Ok(statements)
    }

    /// Reads a policy document.
    pub(crate) fn read_document(document: &Fields<'_>) -> Result<Vec<Self>, TemplateError> {
        document.only(&["Statement", "Version"], &[])?;
        document.objects("Statement")?.iter().map(Self::read).collect()
    }

    /// Whether Lambda itself uses these actions with the function's role, and not the function's code: to write the log, send traces,
    /// read the stream, send messages about discarded records, and create network interfaces.
    pub(crate) fn is_for_lambda(&self) -> bool {
        self.actions.iter().all(|action| is_for_lambda(action))
    }

    fn read(fields: &Fields<'_>) -> Result<Self, TemplateError> {
        fields.only(&["Action", "Condition", "Effect", "Resource", "Sid"], &[])?;
        let effect = fields.required_string("Effect")?;
        if effect != "Allow" {
            return Err(TemplateError::unsupported(&fields.below("Effect"), effect, &["Allow"]));
        }
        let (actions, resources) = (fields.strings("Action")?, fields.strings("Resource")?);
        if actions.is_empty() {
            return Err(fields.missing("Action"));
        }
        if resources.is_empty() {
            return Err(fields.missing("Resource"));
        }
        for action in &actions {
            check_action(action, &fields.below("Action"))?;
        }
        for resource in &resources {
            check_resource(resource, &actions, &fields.below("Resource"))?;
        }
        if actions.iter().any(|action| is_for_lambda(action))
            && !actions.iter().all(|action| is_for_lambda(action))
        {
            return Err(TemplateError::unsupported(
                &fields.below("Action"),
                "such a mixture",
                &["what Lambda does in a statement, what the function does in another"],
            ));
        }
        Ok(Self { sid: fields.string("Sid")?, actions, resources, conditions: conditions(fields)? })
    }
}

fn check_action(action: &str, place: &str) -> Result<(), TemplateError> {
    let unknown =
        |supported: &[&str]| TemplateError::unsupported(place, format!("the action {action}"), supported);
    let Some((service, name)) = action.split_once(':') else { return Err(unknown(&["service:Action"])) };
    let Some((_, known)) = ACTIONS.iter().find(|(known, _)| *known == service) else {
        let services: Vec<String> = ACTIONS.iter().map(|(service, _)| format!("{service}:…")).collect();
        return Err(unknown(&services.iter().map(String::as_str).collect::<Vec<_>>()));
    };
    if known.contains(&name) { Ok(()) } else { Err(unknown(known)) }
}

fn check_resource(resource: &str, actions: &[String], place: &str) -> Result<(), TemplateError> {
    let all = |known: &[&str]| actions.iter().all(|action| known.contains(&action.as_str()));
    if resource == "*" && all(&WITHOUT_RESOURCE) {
        return Ok(());
    }
    // Wildcards are allowed for the log streams of one log group, for network interfaces that don't exist yet, and for the objects of a
    // bucket, also for those below a prefix.
    let whole = match resource.strip_suffix('*') {
        Some(group) if group.ends_with(':') && all(&LOG_ACTIONS) => group,
        Some(kind) if kind.ends_with('/') && all(&INTERFACE_ACTIONS) => kind,
        Some(folder) if folder.ends_with('/') && all(&OBJECT_ACTIONS) => folder,
        _ => resource,
    };
    if whole.contains(['*', '?']) || !whole.starts_with("arn:") {
        return Err(TemplateError::unsupported(
            place,
            format!("the resource {resource}"),
            &["one whole ARN"],
        ));
    }
    Ok(())
}

fn conditions(statement: &Fields<'_>) -> Result<Vec<StatementCondition>, TemplateError> {
    let Some(operators) = statement.object("Condition")? else { return Ok(Vec::new()) };
    operators.only(&["ForAllValues:StringEquals"], &[])?;
    let Some(keys) = operators.object("ForAllValues:StringEquals")? else { return Ok(Vec::new()) };
    keys.only(&["dynamodb:Attributes", "dynamodb:LeadingKeys"], &[])?;
    keys.entries()
        .map(|(name, _)| {
            let values = keys.strings(name)?;
            let place = keys.below(name);
            if let Some(variable) = values.iter().find(|value| value.contains("${")) {
                let what = format!("the policy variable {variable}");
                return Err(TemplateError::unsupported(&place, what, &["plain text"]));
            }
            let key = match name {
                "dynamodb:Attributes" => ConditionKey::Attributes,
                _ => ConditionKey::LeadingKeys,
            };
            Ok(StatementCondition { key, values })
        })
        .collect()
}

fn is_for_lambda(action: &str) -> bool {
    let known = [&LOG_ACTIONS[..], &STREAM_ACTIONS, &WITHOUT_RESOURCE, &INTERFACE_ACTIONS];
    // `sqs:SendMessage` is Lambda's, because no function of this bundle writes to a queue.
    action == "sqs:SendMessage" || known.iter().any(|known| known.contains(&action))
}

const LOG_ACTIONS: [&str; 2] = ["logs:CreateLogStream", "logs:PutLogEvents"];
const STREAM_ACTIONS: [&str; 4] =
    ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"];
/// The actions for which AWS does not support resources.
const WITHOUT_RESOURCE: [&str; 4] = [
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
];
const INTERFACE_ACTIONS: [&str; 4] = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:UnassignPrivateIpAddresses",
];
const OBJECT_ACTIONS: [&str; 3] = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"];
const EXPLICIT: [&str; 1] = ["explicit statements only: {Version, Statement: [{Effect, Action, Resource}]}"];

/// The actions that functions may use. Any other is refused, because AWS accepts a misspelt action and grants nothing.
const ACTIONS: [(&str, &[&str]); 11] = [
    (
        "dynamodb",
        &[
            "BatchGetItem",
            "BatchWriteItem",
            "ConditionCheckItem",
            "DeleteItem",
            "DescribeStream",
            "DescribeTable",
            "GetItem",
            "GetRecords",
            "GetShardIterator",
            "ListStreams",
            "PutItem",
            "Query",
            "Scan",
            "UpdateItem",
        ],
    ),
    (
        "ec2",
        &[
            "AssignPrivateIpAddresses",
            "CreateNetworkInterface",
            "DeleteNetworkInterface",
            "DescribeNetworkInterfaces",
            "DescribeSubnets",
            "UnassignPrivateIpAddresses",
        ],
    ),
    ("events", &["PutEvents"]),
    ("kms", &["Decrypt", "Encrypt", "GenerateDataKey"]),
    ("lambda", &["InvokeFunction"]),
    ("logs", &["CreateLogStream", "PutLogEvents"]),
    ("s3", &["DeleteObject", "GetObject", "ListBucket", "PutObject"]),
    ("secretsmanager", &["DescribeSecret", "GetSecretValue", "PutSecretValue"]),
    ("sns", &["Publish"]),
    ("sqs", &["SendMessage"]),
    ("xray", &["PutTelemetryRecords", "PutTraceSegments"]),
];
