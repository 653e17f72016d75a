//! The authorizer `AWS_IAM`: a request must be signed (Signature Version 4) by the operator.

use local_dynamo::sigv4::{SigV4Error, SignerDeviation, WireRequest, find_signer_deviation, verify};
use local_template::Pseudo;
use serde_json::{Value, json};

use super::{incoming::Incoming, refusal::Refusal};

/// Who signed a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    access_key: String,
}

impl Caller {
    /// As it stands in the event, `requestContext.authorizer.iam`.
    pub(super) fn describe(&self, account: &str) -> Value {
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

/// Who signed the request. An HTTP API does not say what is wrong with a signature; the log does.
pub(super) fn authorize(incoming: &Incoming, now_millis: u64) -> Result<Caller, Refusal> {
    check(incoming, now_millis / 1000).map_err(|error| {
        let deviation = (error == SigV4Error::Mismatch)
            .then(|| find_signer_deviation(&wire_request(incoming), secret_of))
            .flatten();
        // AWS refuses the request without a reason, so the reason is logged for the developer who tries it out.
        tracing::info!(reason = %error, remedy = deviation.map(SignerDeviation::remedy), "signature");
        Refusal::Forbidden
    })
}

fn wire_request(incoming: &Incoming) -> WireRequest<'_> {
    WireRequest {
        method: incoming.method(),
        path: incoming.path(),
        query: incoming.query(),
        headers: &incoming.head.headers,
        body: &incoming.body,
    }
}

fn secret_of(access_key: &str) -> Option<String> {
    (access_key == KEY).then(|| SECRET.to_owned())
}

fn check(incoming: &Incoming, now: u64) -> Result<Caller, SigV4Error> {
    let access_key = verify(&wire_request(incoming), SERVICE, now, secret_of)?;
    let scope = format!("/{}/{SERVICE}/", Pseudo::default().region);
    match incoming.header("authorization") {
        Some(header) if header.contains(&scope) => Ok(Caller { access_key }),
        _ => Err(SigV4Error::Scope(scope)),
    }
}

/// The operator's access key id.
const KEY: &str = "local";
/// The operator's secret access key.
const SECRET: &str = "local";
const SERVICE: &str = "execute-api";

#[cfg(test)]
mod tests;
