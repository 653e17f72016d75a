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
    /// Reads the property `Policies`.
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
            let document = Fields::new(place, document)?;
            document.only(&["Statement", "Version"], &[])?;
            for statement in document.objects("Statement")? {
                statements.push(Self::read(&statement)?);
            }
        }
        Ok(statements)
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
            check_resource(resource, &fields.below("Resource"))?;
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

fn check_resource(resource: &str, place: &str) -> Result<(), TemplateError> {
    if resource.contains(['*', '?']) || !resource.starts_with("arn:") {
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

const EXPLICIT: [&str; 1] = ["explicit statements only: {Version, Statement: [{Effect, Action, Resource}]}"];

/// The actions that a function of this bundle can have a use for. A misspelt one would grant nothing, unnoticed.
const ACTIONS: [(&str, &[&str]); 8] = [
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
    ("events", &["PutEvents"]),
    ("kms", &["Decrypt", "Encrypt", "GenerateDataKey"]),
    ("lambda", &["InvokeFunction"]),
    ("s3", &["DeleteObject", "GetObject", "PutObject"]),
    ("secretsmanager", &["DescribeSecret", "GetSecretValue", "PutSecretValue"]),
    ("sns", &["Publish"]),
    ("sqs", &["SendMessage"]),
];
