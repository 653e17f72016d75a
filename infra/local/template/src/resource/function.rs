//! `AWS::Serverless::Function`.

use std::collections::BTreeMap;

use crate::error::TemplateError;
use crate::read::fields::Fields;
use crate::resource::event::route::Route;
use crate::resource::event::schedule::Schedule;
use crate::resource::event::stream::Stream;
use crate::resource::event::{EventContext, read_all};
use crate::resource::policy::Statement;
use crate::resource::role::Role;

/// A function.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// The logical id, which is also the function's access key id locally.
    pub logical_id: String,
    /// Its name.
    pub name: String,
    /// Its folder below `functions/`.
    pub folder: String,
    /// The timeout of a call, in seconds.
    pub timeout_seconds: u32,
    /// `MemorySize`, if the template sets it.
    pub memory_mib: Option<u32>,
    /// `ReservedConcurrentExecutions`, if the template sets it.
    pub reserved_concurrency: Option<u32>,
    /// Its environment variables.
    pub environment: BTreeMap<String, String>,
    /// The routes it serves.
    pub routes: Vec<Route>,
    /// The schedules it runs on.
    pub schedules: Vec<Schedule>,
    /// The streams it reads.
    pub streams: Vec<Stream>,
    /// The logical id of the role; `None` is the role that SAM creates.
    pub role: Option<String>,
    /// The permissions of the function's code.
    pub statements: Vec<Statement>,
    /// The permissions that Lambda itself uses with the role: to write the log and read the stream.
    pub lambda_statements: Vec<Statement>,
}

impl Function {
    pub(crate) fn read(
        logical_id: &str,
        name: String,
        properties: &Fields<'_>,
        context: &EventContext<'_>,
        roles: &BTreeMap<String, Role>,
    ) -> Result<Self, TemplateError> {
        properties.only(&READ, &IGNORED)?;
        let runtime = properties.required_string("Runtime")?;
        if !runtime.starts_with("provided.") {
            let place = properties.below("Runtime");
            return Err(TemplateError::unsupported(&place, runtime, &["provided.al2023"]));
        }
        let handler = properties.required_string("Handler")?;
        if handler != "bootstrap" {
            return Err(TemplateError::unsupported(&properties.below("Handler"), handler, &["bootstrap"]));
        }
        let events = read_all(logical_id, properties, context)?;
        let role = find_role(properties, roles)?;
        let all = match role {
            None => Statement::read_all(properties)?,
            Some(role) => role.statements.clone(),
        };
        let (lambda_statements, statements) = all.into_iter().partition(Statement::is_for_lambda);
        Ok(Self {
            logical_id: logical_id.to_owned(),
            name,
            folder: parse_folder(properties)?,
            timeout_seconds: properties.number("Timeout")?.unwrap_or(LAMBDA_DEFAULT_TIMEOUT),
            memory_mib: properties.number("MemorySize")?,
            reserved_concurrency: properties.number("ReservedConcurrentExecutions")?,
            environment: read_environment(properties)?,
            routes: events.routes,
            schedules: events.schedules,
            streams: events.streams,
            role: role.map(|role| role.logical_id.clone()),
            statements,
            lambda_statements,
        })
    }
}

fn find_role<'r>(
    properties: &Fields<'_>,
    roles: &'r BTreeMap<String, Role>,
) -> Result<Option<&'r Role>, TemplateError> {
    let Some(arn) = properties.string("Role")? else { return Ok(None) };
    // Refused, because SAM ignores `Policies` beside a `Role`.
    if properties.value("Policies").is_some() {
        let place = properties.below("Policies");
        return Err(TemplateError::unsupported(
            &place,
            "Policies beside a Role",
            &["the role's own Policies"],
        ));
    }
    match roles.get(&arn) {
        Some(role) => Ok(Some(role)),
        None => {
            let place = properties.below("Role");
            Err(TemplateError::unsupported(&place, arn, &["!GetAtt <role of this template>.Arn"]))
        }
    }
}

fn parse_folder(properties: &Fields<'_>) -> Result<String, TemplateError> {
    let uri = properties.required_string("CodeUri")?;
    let path = uri.strip_prefix("./").unwrap_or(&uri);
    let path = path.strip_suffix('/').unwrap_or(path);
    match path.strip_prefix("functions/") {
        Some(folder) if !folder.is_empty() && !folder.contains(['/', '.']) => Ok(folder.to_owned()),
        _ => Err(TemplateError::unexpected(&properties.below("CodeUri"), "functions/<name>", &uri.into())),
    }
}

fn read_environment(properties: &Fields<'_>) -> Result<BTreeMap<String, String>, TemplateError> {
    let Some(environment) = properties.object("Environment")? else { return Ok(BTreeMap::new()) };
    environment.only(&["Variables"], &[])?;
    let Some(variables) = environment.object("Variables")? else { return Ok(BTreeMap::new()) };
    variables.entries().map(|(name, _)| Ok((name.to_owned(), variables.required_string(name)?))).collect()
}

/// Lambda's timeout when the template sets none, in seconds.
const LAMBDA_DEFAULT_TIMEOUT: u32 = 3;

const READ: [&str; 11] = [
    "CodeUri",
    "Environment",
    "Events",
    "FunctionName",
    "Handler",
    "MemorySize",
    "Policies",
    "ReservedConcurrentExecutions",
    "Role",
    "Runtime",
    "Timeout",
];
/// Known properties that have no meaning locally.
pub(crate) const IGNORED: [&str; 15] = [
    "Architectures",
    "AutoPublishAlias",
    "DeadLetterQueue",
    "DeploymentPreference",
    "Description",
    "EphemeralStorage",
    "EventInvokeConfig",
    "KmsKeyArn",
    "LoggingConfig",
    "PermissionsBoundary",
    "PropagateTags",
    "ProvisionedConcurrencyConfig",
    "Tags",
    "Tracing",
    "VpcConfig",
];
