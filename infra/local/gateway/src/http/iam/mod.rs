//! The authorizer `AWS_IAM`: the operator must have signed the request with Signature Version 4.

use http::{HeaderMap, Request};
use local_dynamo::sigv4::{
    self, SigV4Error, Signer, SignerDeviation, WireRequest, find_signer_deviation, verify,
};
use local_template::PseudoParameters;
use serde_json::{Value, json};

use shared::host::Clock;

use super::{error::GatewayError, request::GatewayRequest};
use crate::clock::MovableClock;

/// The signer of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IamCaller {
    access_key: String,
}

impl IamCaller {
    /// The value of `requestContext.authorizer.iam` in the event.
    pub(super) fn to_event_value(&self, account: &str) -> Value {
        json!({
            "accessKey": self.access_key,
            "accountId": account,
            "callerId": self.access_key,
            "cognitoIdentity": null,
            "principalOrgId": null,
            "userArn": format!("arn:aws:iam::{account}:user/{}", self.access_key),
            "userId": self.access_key,
        })
    }
}

/// Verifies the signature of a request. Returns its signer.
///
/// Its date may be that of the bundle's clock or that of the machine's, because curl signs by the machine's clock also when the bundle's
/// was moved forward.
///
/// # Errors
/// [`GatewayError::Forbidden`], as an HTTP API does not say what is wrong with a signature. The log says it.
pub(super) fn authorize(request: &GatewayRequest, clock: &MovableClock) -> Result<IamCaller, GatewayError> {
    let by_clock = |now_millis: u64| verify_signature(request, now_millis / 1000);
    let verified = match by_clock(clock.now_millis()) {
        Err(SigV4Error::Stale { .. }) => by_clock(clock.unmoved_millis()),
        verified => verified,
    };
    verified.map_err(|error| {
        let deviation = (error == SigV4Error::Mismatch)
            .then(|| find_signer_deviation(&wire_request(request), secret_of))
            .flatten();
        // AWS refuses the request without a reason, so the reason is logged for the developer who tries it out.
        tracing::info!(reason = %error, remedy = deviation.map(SignerDeviation::remedy), "signature refused");
        GatewayError::Forbidden
    })
}

/// The headers of a request with the operator's signature added; `None` if it has no `host`, or if `now`, in Unix seconds, is outside the
/// calendar.
pub(crate) fn sign_as_operator(request: &Request<()>, body: &[u8], now: u64) -> Option<HeaderMap> {
    let region = PseudoParameters::default().region;
    let signer = Signer {
        access_key_id: ACCESS_KEY_ID,
        secret_access_key: SECRET_ACCESS_KEY,
        region: &region,
        service: SERVICE,
    };
    let unsigned = WireRequest {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query(),
        headers: request.headers(),
        body,
    };
    sigv4::sign(&unsigned, signer, now)
}

fn wire_request(request: &GatewayRequest) -> WireRequest<'_> {
    WireRequest {
        method: request.method(),
        path: request.path(),
        query: request.query(),
        headers: &request.head.headers,
        body: &request.body,
    }
}

fn secret_of(access_key: &str) -> Option<String> {
    (access_key == ACCESS_KEY_ID).then(|| SECRET_ACCESS_KEY.to_owned())
}

fn verify_signature(request: &GatewayRequest, now: u64) -> Result<IamCaller, SigV4Error> {
    let access_key = verify(&wire_request(request), SERVICE, now, secret_of)?;
    let scope = format!("/{}/{SERVICE}/", PseudoParameters::default().region);
    match request.header("authorization") {
        Some(header) if header.contains(&scope) => Ok(IamCaller { access_key }),
        _ => Err(SigV4Error::Scope(scope)),
    }
}

/// The operator's access key id.
const ACCESS_KEY_ID: &str = "local";
/// The operator's secret access key.
const SECRET_ACCESS_KEY: &str = "local";
const SERVICE: &str = "execute-api";

#[cfg(test)]
mod tests;
