//! The permissions of a function. Only explicit statements are read: what a function may do stands in the template, word
//! by word, and can be compared with what it does.

use serde_json::Value;

use crate::error::TemplateError;
use crate::read::fields::Fields;

/// A statement that allows something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its name, if it has one.
    pub sid: Option<String>,
    /// The actions, such as `dynamodb:PutItem`.
    pub actions: Vec<String>,
    /// The ARNs of the resources they may be done to.
    pub resources: Vec<String>,
    /// What must hold as well. All of them must.
    pub conditions: Vec<Condition>,
}

/// `ForAllValues:StringEquals`: every value that the request has for the key is among the given ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What of the request is looked at.
    pub key: ConditionKey,
    /// The values it may have.
    pub values: Vec<String>,
}

/// What of a request a condition looks at.
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

    /// Whether Lambda does these things in the function's name, and the function's own code does not: it writes the log, sends
    /// traces, reads the stream, names in a queue what it gave up, and makes the way into a network.
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
    if resource == "*" && all(&UNLIMITED) {
        return Ok(());
    }
    // The streams of one log group, and interfaces that are still to be made.
    let whole = match resource.strip_suffix('*') {
        Some(group) if group.ends_with(':') && all(&LOG_ACTIONS) => group,
        Some(kind) if kind.ends_with('/') && all(&INTERFACE_ACTIONS) => kind,
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

fn conditions(statement: &Fields<'_>) -> Result<Vec<Condition>, TemplateError> {
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
            Ok(Condition { key, values })
        })
        .collect()
}

fn is_for_lambda(action: &str) -> bool {
    let known = [&LOG_ACTIONS[..], &STREAM_ACTIONS, &UNLIMITED, &INTERFACE_ACTIONS];
    // No function of this bundle writes to a queue itself.
    action == "sqs:SendMessage" || known.iter().any(|known| known.contains(&action))
}

const LOG_ACTIONS: [&str; 2] = ["logs:CreateLogStream", "logs:PutLogEvents"];
const STREAM_ACTIONS: [&str; 4] =
    ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"];
/// AWS takes no resource for these.
const UNLIMITED: [&str; 4] = [
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
const EXPLICIT: [&str; 1] = ["explicit statements only: {Version, Statement: [{Effect, Action, Resource}]}"];

/// The actions that a function of this bundle can have a use for. A misspelt one would grant nothing, unnoticed.
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
    ("s3", &["DeleteObject", "GetObject", "PutObject"]),
    ("secretsmanager", &["DescribeSecret", "GetSecretValue", "PutSecretValue"]),
    ("sns", &["Publish"]),
    ("sqs", &["SendMessage"]),
    ("xray", &["PutTelemetryRecords", "PutTraceSegments"]),
];
