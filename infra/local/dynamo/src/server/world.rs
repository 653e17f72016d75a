//! What happens to a request: signature, permissions, faults, effect, record.

use std::sync::Arc;

use serde_json::Value;

use crate::access::keys::secret_access_key;
use crate::access::needs::{self, Need};
use crate::access::policy::Policies;
use crate::answer::Answer;
use crate::clock::now;
use crate::engine::names::Names;
use crate::engine::{Cost, Engine};
use crate::events::Events;
use crate::fault::{FaultKind, Faults};
use crate::record::{Call, Permission, Record};
use crate::secrets::Secrets;
use crate::sigv4::{Received, verify};
use crate::target::{Service, Target};

/// Everything that requests share.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) events: Events,
    pub(crate) faults: Faults,
    pub(crate) names: Arc<Names>,
    pub(crate) operator_secret: String,
    pub(crate) policies: Policies,
    pub(crate) record: Record,
    pub(crate) secrets: Secrets,
}

/// Why a request to another service is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// AWS's code.
    pub code: &'static str,
    /// Whose request, which action, which resource.
    pub message: String,
}

/// What goes back.
pub(crate) enum Reply {
    /// An answer.
    Answer(Answer),
    /// Nothing: the connection breaks.
    Nothing,
}

impl World {
    /// A request from the socket.
    pub(crate) async fn receive(&self, target: Target<'_>, received: &Received<'_>) -> Reply {
        let secret_of = |caller: &str| {
            self.policies.knows(caller).then(|| secret_access_key(&self.operator_secret, caller))
        };
        match verify(received, target.service.signing_name(), now(), secret_of) {
            Ok(caller) => self.call(&caller, target, received.body).await,
            Err(error) => {
                let code = format!("com.amazon.coral.service#{}", error.code());
                Reply::Answer(Answer::error(400, &code, &error.to_string()))
            }
        }
    }

    /// A request to another service, which only wants to know who may do it.
    pub(crate) fn authorize(
        &self,
        received: &Received<'_>,
        service: &str,
        permission: Permission,
    ) -> Result<String, Refusal> {
        let secret_of = |caller: &str| {
            self.policies.knows(caller).then(|| secret_access_key(&self.operator_secret, caller))
        };
        let caller = verify(received, service, now(), secret_of)
            .map_err(|error| Refusal { code: error.code(), message: error.to_string() })?;
        let operation = permission.action.rsplit(':').next().unwrap_or_default().to_owned();
        let needs = [Need { permission, leading_keys: None }];
        let mut call = self.begin(&caller, &operation, &needs);
        let refusal = self.policies.lacking(&caller, &needs).map(|lacking| {
            call.allowed = false;
            self.record.deny(&caller, lacking);
            Refusal { code: "AccessDeniedException", message: self.refusal(&caller, lacking) }
        });
        call.status = if refusal.is_some() { 403 } else { 200 };
        self.record.add(call);
        refusal.map_or(Ok(caller), Err)
    }

    /// A request whose caller is known.
    pub(crate) async fn call(&self, caller: &str, target: Target<'_>, body: &[u8]) -> Reply {
        let request = match serde_json::from_slice::<Value>(body) {
            Ok(request) if request.is_object() => request,
            _ => {
                let code = "com.amazon.coral.service#SerializationException";
                return Reply::Answer(Answer::error(400, code, "The body is not a JSON object."));
            }
        };
        let needs = match target.service {
            Service::DynamoDb => needs::of(target.operation, &request, &self.names),
            Service::EventBridge => needs::of_events(target.operation, self.events.arns(&request)),
            Service::SecretsManager => needs::of_secret(target.operation, self.secrets.arn(&request)),
        };
        let mut call = self.begin(caller, target.operation, &needs);
        if let Some(lacking) = self.policies.lacking(caller, &needs) {
            call.allowed = false;
            self.record.deny(caller, lacking);
            let answer = Answer::denied(&self.refusal(caller, lacking));
            return self.end(call, Some(answer), Cost::default());
        }
        call.fault = self.faults.take(caller, target);
        if call.fault == Some(FaultKind::TimeoutBefore) {
            return self.end(call, None, Cost::default());
        }
        if let Some(answer) = call.fault.and_then(|fault| fault.answer(target, &request)) {
            return self.end(call, Some(answer), Cost::default());
        }
        let (answer, cost) = self.act(target, request).await;
        let answer = if call.fault == Some(FaultKind::TimeoutAfter) { None } else { Some(answer) };
        self.end(call, answer, cost)
    }

    async fn act(&self, target: Target<'_>, request: Value) -> (Answer, Cost) {
        match target.service {
            Service::EventBridge => (self.events.answer(target.operation, &request), Cost::default()),
            Service::SecretsManager => (self.secrets.answer(target.operation, &request), Cost::default()),
            Service::DynamoDb => self.engine.call(target.operation, request).await.unwrap_or_else(|error| {
                let code = "com.amazonaws.dynamodb.v20120810#InternalServerError";
                (Answer::error(500, code, &error.to_string()), Cost::default())
            }),
        }
    }

    fn begin(&self, caller: &str, operation: &str, needs: &[Need]) -> Call {
        let mut permissions: Vec<Permission> = needs.iter().map(|need| need.permission.clone()).collect();
        permissions.sort();
        permissions.dedup();
        let mut tables: Vec<String> =
            permissions.iter().filter_map(|permission| self.names.table_of(&permission.resource)).collect();
        tables.dedup();
        Call {
            caller: caller.to_owned(),
            operation: operation.to_owned(),
            permissions,
            tables,
            read_units: Cost::default().read,
            write_units: Cost::default().write,
            allowed: true,
            status: 0,
            error: None,
            fault: None,
        }
    }

    fn end(&self, mut call: Call, answer: Option<Answer>, cost: Cost) -> Reply {
        call.read_units = cost.read;
        call.write_units = cost.write;
        call.status = answer.as_ref().map_or(0, |answer| answer.status);
        call.error = answer.as_ref().and_then(Answer::error_code);
        self.record.add(call);
        answer.map_or(Reply::Nothing, Reply::Answer)
    }

    fn refusal(&self, caller: &str, lacking: &Permission) -> String {
        let Permission { action, resource } = lacking;
        format!(
            "User: arn:aws:sts::{}:assumed-role/{caller} is not authorized to perform: {action} on resource: \
             {resource} because no identity-based policy allows the {action} action",
            self.names.account()
        )
    }
}
