//! All functions of the stack, by folder.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use local_dynamo::Dynamo;
use local_template::{Function, PseudoParameters, Stack};
use rustls::pki_types::CertificateDer;
use shared::host::Clock;

use crate::{
    error::StartError,
    function::{CallHooks, DeployedFunction, RegisteredFunction},
    lazy_instance::InstanceEnv,
};

/// Where functions reach the services that have a socket of their own.
pub(crate) struct ServiceUrls {
    pub(crate) lambda: String,
    pub(crate) s3: String,
}

/// All functions of the stack, by folder below `functions/`.
pub(crate) struct DeployedFunctions(BTreeMap<String, Arc<DeployedFunction>>);

impl DeployedFunctions {
    /// Finds the code of every function of the stack.
    ///
    /// # Errors
    /// [`StartError`]: the template has a function that the registry has not, or the other way round, or a function whose events
    /// do not fit its code.
    pub(crate) fn new(
        stack: &Stack,
        registry: &[RegisteredFunction],
        dynamo: &Dynamo,
        clock: &Arc<dyn Clock>,
        roots: &[CertificateDer<'static>],
        urls: &ServiceUrls,
        hooks: &CallHooks,
    ) -> Result<Self, StartError> {
        let mut functions = BTreeMap::new();
        for function in &stack.functions {
            let entry = find_entry(function, registry)?;
            let env = InstanceEnv {
                variables: environment(function, dynamo, urls),
                clock: Arc::clone(clock),
                roots: roots.to_vec(),
            };
            let timeout = Duration::from_secs(function.timeout_seconds.into());
            let deployed = Arc::new(DeployedFunction::new(entry, timeout, env, hooks.clone()));
            if functions.insert(function.folder.clone(), deployed).is_some() {
                return Err(StartError::SharedFolder(function.folder.clone()));
            }
        }
        match registry.iter().find(|entry| !functions.contains_key(entry.folder)) {
            Some(entry) => Err(StartError::Undeclared(entry.folder.to_owned())),
            None => Ok(Self(functions)),
        }
    }

    /// The function in `functions/<folder>`.
    pub(crate) fn by_folder(&self, folder: &str) -> Option<&Arc<DeployedFunction>> {
        self.0.get(folder)
    }
}

fn find_entry<'a>(
    function: &Function,
    registry: &'a [RegisteredFunction],
) -> Result<&'a RegisteredFunction, StartError> {
    let Function { logical_id, folder, routes, schedules, streams, .. } = function;
    let entry = registry
        .iter()
        .find(|entry| entry.folder == folder)
        .ok_or_else(|| StartError::Unregistered { logical_id: logical_id.clone(), folder: folder.clone() })?;
    let called_as =
        [(!routes.is_empty(), "function"), (!schedules.is_empty(), "task"), (!streams.is_empty(), "task")];
    match called_as.into_iter().find(|(called, kind)| *called && *kind != entry.kind()) {
        Some((_, should_be)) => {
            Err(StartError::KindMismatch { folder: folder.clone(), is: entry.kind(), should_be })
        }
        None => Ok(entry),
    }
}

/// The variables of the template and those that Lambda adds. Nothing comes from this process's environment.
fn environment(function: &Function, dynamo: &Dynamo, urls: &ServiceUrls) -> BTreeMap<String, String> {
    let id = function.logical_id.as_str();
    let mut environment = function.environment.clone();
    environment.extend(
        [
            ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
            ("AWS_REGION", PseudoParameters::default().region),
            ("AWS_ACCESS_KEY_ID", id.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", dynamo.secret_access_key(id)),
            // A role always has one.
            ("AWS_SESSION_TOKEN", format!("session-of-{id}")),
            ("AWS_ENDPOINT_URL_DYNAMODB", dynamo.url()),
            ("AWS_ENDPOINT_URL_EVENTBRIDGE", dynamo.url()),
            ("AWS_ENDPOINT_URL_LAMBDA", urls.lambda.clone()),
            ("AWS_ENDPOINT_URL_S3", urls.s3.clone()),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", dynamo.url()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    environment
}
