//! The path of a request: signature, permissions, faults, effect, call log.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::access::access_keys::{OPERATOR, secret_access_key};
use crate::access::policy::FunctionPolicies;
use crate::access::required_permissions::{self, RequiredPermission};
use crate::call_log::{CallLog, ServiceCall};
use crate::clock::now;
use crate::engine::resource_names::ResourceNames;
use crate::engine::{CallCost, Engine};
use crate::event_buses::EventBuses;
use crate::fault_kind::FaultKind;
use crate::fault_queue::FaultQueue;
use crate::permission::Permission;
use crate::request_target::{AwsService, RequestTarget};
use crate::response::AwsResponse;
use crate::secret_store::SecretStore;
use crate::sigv4::{WireRequest, verify};

/// Handles the requests to all services behind the endpoint, and holds what they share.
pub(crate) struct RequestHandler {
    pub(crate) engine: Engine,
    pub(crate) event_buses: EventBuses,
    pub(crate) faults: FaultQueue,
    pub(crate) names: Arc<ResourceNames>,
    pub(crate) operator_secret: String,
    pub(crate) policies: FunctionPolicies,
    pub(crate) call_log: CallLog,
    pub(crate) secrets: SecretStore,
}

/// Why a request to another service is refused: a wrong signature or a missing permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationError {
    /// AWS's error code.
    pub code: &'static str,
    /// AWS's message; for a missing permission it names caller, action and resource.
    pub message: String,
}

/// What the server does with the connection after a request.
pub(crate) enum RequestOutcome {
    /// Send this response.
    Response(AwsResponse),
    /// Break the connection without a response.
    Disconnect,
}

/// A request, and when it was received.
#[derive(Clone, Copy)]
struct ReceivedRequest<'a> {
    body: &'a [u8],
    at: Instant,
}

impl RequestHandler {
    /// Handles a request from the socket.
    pub(crate) async fn handle_signed(
        &self,
        target: RequestTarget<'_>,
        request: &WireRequest<'_>,
    ) -> RequestOutcome {
        let secret_of = |caller: &str| {
            self.policies.has_caller(caller).then(|| secret_access_key(&self.operator_secret, caller))
        };
        match verify(request, target.service.signing_name(), now(), secret_of) {
            Ok(caller) => self.handle_as(&caller, target, request.body).await,
            Err(error) => {
                let code = format!("com.amazon.coral.service#{}", error.code());
                RequestOutcome::Response(AwsResponse::error(400, &code, &error.to_string()))
            }
        }
    }

    /// Authorizes a request to a service that this endpoint does not serve. Returns the caller.
    pub(crate) fn authorize_request(
        &self,
        request: &WireRequest<'_>,
        service: &str,
        permission: Permission,
    ) -> Result<String, AuthorizationError> {
        let secret_of = |caller: &str| {
            self.policies.has_caller(caller).then(|| secret_access_key(&self.operator_secret, caller))
        };
        let caller = verify(request, service, now(), secret_of)
            .map_err(|error| AuthorizationError { code: error.code(), message: error.to_string() })?;
        self.authorize_caller(&caller, permission).map(|()| caller)
    }

    /// Authorizes a caller whose signature another server has verified.
    pub(crate) fn authorize_caller(
        &self,
        caller: &str,
        permission: Permission,
    ) -> Result<(), AuthorizationError> {
        let permission = self.policies.as_granted(caller, permission);
        let operation = permission.action.rsplit(':').next().unwrap_or_default().to_owned();
        let required = [RequiredPermission { permission, leading_keys: None }];
        let mut call = self.new_call(caller, &operation, &required);
        let error = self.policies.first_missing(caller, &required).map(|missing| {
            call.allowed = false;
            self.call_log.add_denial(caller, missing);
            AuthorizationError {
                code: "AccessDeniedException",
                message: self.denial_message(caller, missing),
            }
        });
        call.status = if error.is_some() { 403 } else { 200 };
        self.call_log.add_call(call, &[], Duration::ZERO);
        error.map_or(Ok(()), Err)
    }

    /// Handles a request whose caller is known.
    pub(crate) async fn handle_as(
        &self,
        caller: &str,
        target: RequestTarget<'_>,
        body: &[u8],
    ) -> RequestOutcome {
        let received = ReceivedRequest { body, at: Instant::now() };
        let request = match serde_json::from_slice::<Value>(body) {
            Ok(request) if request.is_object() => request,
            _ => {
                let code = "com.amazon.coral.service#SerializationException";
                let response = AwsResponse::error(400, code, "The body is not a JSON object.");
                return RequestOutcome::Response(response);
            }
        };
        let required = match target.service {
            AwsService::DynamoDb => {
                required_permissions::for_dynamodb(target.operation, &request, &self.names)
            }
            AwsService::EventBridge => {
                let buses = self.event_buses.requested_arns(&request);
                required_permissions::for_events(target.operation, buses)
            }
            AwsService::SecretsManager => {
                let secret = self.secrets.requested_arn(&request);
                required_permissions::for_secret(target.operation, secret)
            }
        };
        let mut call = self.new_call(caller, target.operation, &required);
        if let Some(missing) = self.policies.first_missing(caller, &required) {
            call.allowed = false;
            self.call_log.add_denial(caller, missing);
            let response = AwsResponse::access_denied(&self.denial_message(caller, missing));
            return self.finish_call(received, call, Some(response), CallCost::default());
        }
        call.fault = self.faults.take_fault(caller, target);
        if call.fault == Some(FaultKind::TimeoutBefore) {
            return self.finish_call(received, call, None, CallCost::default());
        }
        if let Some(response) = call.fault.and_then(|fault| fault.response(target, &request)) {
            return self.finish_call(received, call, Some(response), CallCost::default());
        }
        let (response, cost) = self.run_operation(caller, target, request).await;
        let response = if call.fault == Some(FaultKind::TimeoutAfter) { None } else { Some(response) };
        self.finish_call(received, call, response, cost)
    }

    async fn run_operation(
        &self,
        caller: &str,
        target: RequestTarget<'_>,
        request: Value,
    ) -> (AwsResponse, CallCost) {
        match target.service {
            AwsService::EventBridge => {
                (self.event_buses.run_operation(target.operation, &request), CallCost::default())
            }
            AwsService::SecretsManager => {
                (self.secrets.run_operation(target.operation, &request), CallCost::default())
            }
            AwsService::DynamoDb => {
                // The operator looks and prepares, which must not change what the functions meet.
                let result = if caller == OPERATOR {
                    self.engine.run_operation(target.operation, request).await
                } else {
                    self.engine.run_within_throughput(target.operation, request).await
                };
                result.unwrap_or_else(|error| {
                    let code = "com.amazonaws.dynamodb.v20120810#InternalServerError";
                    (AwsResponse::error(500, code, &error.to_string()), CallCost::default())
                })
            }
        }
    }

    fn new_call(&self, caller: &str, operation: &str, required: &[RequiredPermission]) -> ServiceCall {
        let mut permissions: Vec<Permission> =
            required.iter().map(|required| required.permission.clone()).collect();
        permissions.sort();
        permissions.dedup();
        let mut tables: Vec<String> = permissions
            .iter()
            .filter_map(|permission| self.names.table_of_arn(&permission.resource))
            .collect();
        tables.dedup();
        ServiceCall {
            caller: caller.to_owned(),
            operation: operation.to_owned(),
            permissions,
            tables,
            read_units: CallCost::default().read,
            write_units: CallCost::default().write,
            allowed: true,
            status: 0,
            error: None,
            fault: None,
        }
    }

    /// Logs the call; `None` as the response means that the connection breaks.
    fn finish_call(
        &self,
        received: ReceivedRequest<'_>,
        mut call: ServiceCall,
        response: Option<AwsResponse>,
        cost: CallCost,
    ) -> RequestOutcome {
        call.read_units = cost.read;
        call.write_units = cost.write;
        call.status = response.as_ref().map_or(0, |response| response.status);
        call.error = response.as_ref().and_then(AwsResponse::error_code);
        self.call_log.add_call(call, received.body, received.at.elapsed());
        response.map_or(RequestOutcome::Disconnect, RequestOutcome::Response)
    }

    fn denial_message(&self, caller: &str, missing: &Permission) -> String {
        let Permission { action, resource } = missing;
        format!(
            "User: arn:aws:sts::{}:assumed-role/{caller} is not authorized to perform: {action} on resource: \
             {resource} because no identity-based policy allows the {action} action",
            self.names.account()
        )
    }
}
