//! `AWS::Serverless::Function`.

use std::collections::BTreeMap;

use crate::error::TemplateError;
use crate::event::route::Route;
use crate::event::schedule::Schedule;
use crate::event::stream::Stream;
use crate::event::{Context, read_all};
use crate::read::fields::Fields;
use crate::resource::policy::Statement;

/// A function.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// Its logical id, which is also the name under which it signs its requests locally.
    pub logical_id: String,
    /// Its name.
    pub name: String,
    /// Its folder below `functions/`.
    pub folder: String,
    /// How long one call may take.
    pub timeout_seconds: u32,
    /// How much memory it has, if the template says so.
    pub memory_mib: Option<u32>,
    /// How many calls may run at once, if the template limits them.
    pub reserved_concurrency: Option<u32>,
    /// Its environment variables.
    pub environment: BTreeMap<String, String>,
    /// The routes it serves.
    pub routes: Vec<Route>,
    /// The schedules it runs on.
    pub schedules: Vec<Schedule>,
    /// The streams it reads.
    pub streams: Vec<Stream>,
    /// What it may do.
    pub statements: Vec<Statement>,
}

impl Function {
    pub(crate) fn read(
        logical_id: &str,
        name: String,
        properties: &Fields<'_>,
        context: &Context<'_>,
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
        Ok(Self {
            logical_id: logical_id.to_owned(),
            name,
            folder: folder(properties)?,
            timeout_seconds: properties.number("Timeout")?.unwrap_or(LAMBDA_DEFAULT_TIMEOUT),
            memory_mib: properties.number("MemorySize")?,
            reserved_concurrency: properties.number("ReservedConcurrentExecutions")?,
            environment: environment(properties)?,
            routes: events.routes,
            schedules: events.schedules,
            streams: events.streams,
            statements: Statement::read_all(properties)?,
        })
    }
}

fn folder(properties: &Fields<'_>) -> Result<String, TemplateError> {
    let uri = properties.required_string("CodeUri")?;
    let path = uri.strip_prefix("./").unwrap_or(&uri);
    let path = path.strip_suffix('/').unwrap_or(path);
    match path.strip_prefix("functions/") {
        Some(folder) if !folder.is_empty() && !folder.contains(['/', '.']) => Ok(folder.to_owned()),
        _ => Err(TemplateError::wrong(&properties.below("CodeUri"), "functions/<name>", &uri.into())),
    }
}

fn environment(properties: &Fields<'_>) -> Result<BTreeMap<String, String>, TemplateError> {
    let Some(environment) = properties.object("Environment")? else { return Ok(BTreeMap::new()) };
    environment.only(&["Variables"], &[])?;
    let Some(variables) = environment.object("Variables")? else { return Ok(BTreeMap::new()) };
    variables.entries().map(|(name, _)| Ok((name.to_owned(), variables.required_string(name)?))).collect()
}

/// What a function gets when the template names no timeout.
const LAMBDA_DEFAULT_TIMEOUT: u32 = 3;

const READ: [&str; 10] = [
    "CodeUri",
    "Environment",
    "Events",
    "FunctionName",
    "Handler",
    "MemorySize",
    "Policies",
    "ReservedConcurrentExecutions",
    "Runtime",
    "Timeout",
];
/// `Role` is in neither list: a role of its own would hide the permissions.
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
