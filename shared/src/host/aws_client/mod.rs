//! A client for the AWS services. A call is one signed request.
//!
//! The clients of AWS's crates are not used, because each reads a list of all AWS partitions and compiles its patterns when it is made: two
//! or three of them make a start slower by a quarter. DynamoDB's crate writes requests and reads answers (`host/dynamodb`), because many of
//! its operations are used. The crate `aws-sigv4` signs.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use aws_sdk_dynamodb::config::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4::SigningParams,
};
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;
use http::{
    Method, Response,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde::Deserialize;
use tokio::time::timeout;

use super::{Backoff, Clock, FailureKind, Host, HostError, RetryPolicy, SystemClock, retry};
use crate::types::BoxError;

/// An AWS service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwsService {
    /// Stores items in tables.
    DynamoDb,
    /// Publishes events.
    EventBridge,
    /// Starts other functions.
    Lambda,
    /// Stores objects.
    S3,
    /// Keeps secrets.
    SecretsManager,
}

impl AwsService {
    /// The name of the service in signatures and in host names.
    const fn name(self) -> &'static str {
        match self {
            Self::DynamoDb => "dynamodb",
            Self::EventBridge => "events",
            Self::Lambda => "lambda",
            Self::S3 => "s3",
            Self::SecretsManager => "secretsmanager",
        }
    }

    /// S3 takes a path as it stands, and a signature over the digest of the content, which is a header.
    fn signing_settings(self) -> SigningSettings {
        let mut settings = SigningSettings::default();
        if self == Self::S3 {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        settings
    }

    /// The environment variable with the endpoint that replaces AWS's own one. Every AWS client reads the same variable.
    const fn endpoint_variable(self) -> &'static str {
        match self {
            Self::DynamoDb => "AWS_ENDPOINT_URL_DYNAMODB",
            Self::EventBridge => "AWS_ENDPOINT_URL_EVENTBRIDGE",
            Self::Lambda => "AWS_ENDPOINT_URL_LAMBDA",
            Self::S3 => "AWS_ENDPOINT_URL_S3",
            Self::SecretsManager => "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        }
    }
}

impl fmt::Display for AwsService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DynamoDb => "DynamoDB",
            Self::EventBridge => "EventBridge",
            Self::Lambda => "Lambda",
            Self::S3 => "S3",
            Self::SecretsManager => "Secrets Manager",
        })
    }
}

/// A call failed.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// No answer came. The call may have taken effect.
    #[error("{service} does not answer")]
    Unreachable {
        /// The service that was called.
        service: AwsService,
        /// The failure of the request.
        #[source]
        cause: BoxError,
    },
    /// The service refused the call. The error leaves its message out, because the message can quote the request.
    #[error("{service} refuses the call: {code} (status {status})")]
    Refused {
        /// The service that was called.
        service: AwsService,
        /// The HTTP status of the answer.
        status: u16,
        /// The name of the exception, or `unknown error`.
        code: String,
    },
}

impl AwsError {
    /// Whether the service refused the call with this exception.
    #[must_use]
    pub fn is(&self, exception: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == exception)
    }

    /// Whether the same call may succeed, now or a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.failure_kind() != FailureKind::Permanent
    }

    fn failure_kind(&self) -> FailureKind {
        match self {
            Self::Unreachable { .. } => FailureKind::OutcomeUnknown,
            Self::Refused { status, code, .. } if *status == 429 || is_throttling(code) => FailureKind::Busy,
            // S3 begins its answer to a copy before the copy ends, so an error can follow a status of success.
            Self::Refused { status, .. } if *status >= 500 || *status < 300 => FailureKind::OutcomeUnknown,
            Self::Refused { .. } => FailureKind::Permanent,
        }
    }
}

/// Whether the exception says that too much was asked at once, or that the same transaction is still being executed.
fn is_throttling(code: &str) -> bool {
    code.contains("Throttl")
        || code.contains("TooManyRequests")
        || matches!(
            code,
            "LimitExceededException"
                | "ProvisionedThroughputExceededException"
                | "RequestLimitExceeded"
                | "TransactionInProgressException"
        )
}

/// An attempt that failed, with the answer if it was refused.
struct FailedAttempt {
    error: AwsError,
    refusal: Option<Response<Bytes>>,
}

/// A client of one service, with the function's credentials.
pub struct AwsClient {
    host: Host,
    service: AwsService,
    endpoint: String,
    region: String,
    identity: Identity,
}

impl Host {
    /// A client of `service`.
    ///
    /// # Errors
    /// [`HostError`]: region or credentials are not in the environment.
    pub fn aws(&self, service: AwsService) -> Result<AwsClient, HostError> {
        let region = self.var("AWS_REGION")?;
        let endpoint = match self.endpoint(service.endpoint_variable()) {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("https://{}.{region}.{}", service.name(), domain(region)),
        };
        self.aws_at(service, endpoint)
    }

    /// The endpoint that replaces AWS's own one: of the service, in `variable`, or of all services, in `AWS_ENDPOINT_URL`.
    pub(super) fn endpoint(&self, variable: &str) -> Option<&str> {
        self.optional_var(variable).or_else(|| self.optional_var("AWS_ENDPOINT_URL"))
    }

    /// The credentials that Lambda gives the function for signing. They do not change while its environment lives. The crate `aws-config` is
    /// not used, because its provider chain takes most of a default binary's init time.
    pub(super) fn credentials(&self) -> Result<Credentials, HostError> {
        let token = self.optional_var("AWS_SESSION_TOKEN").map(str::to_owned);
        Ok(Credentials::new(
            self.var("AWS_ACCESS_KEY_ID")?,
            self.var("AWS_SECRET_ACCESS_KEY")?,
            token,
            None,
            "environment",
        ))
    }

    /// A client of `service` at this endpoint, which has no `/` at its end.
    pub(super) fn aws_at(&self, service: AwsService, endpoint: String) -> Result<AwsClient, HostError> {
        let region = self.var("AWS_REGION")?.to_owned();
        Ok(AwsClient { host: self.clone(), service, endpoint, region, identity: self.credentials()?.into() })
    }
}

/// The domain of AWS's host names in the partition of `region`.
pub(super) fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}

/// A call. It must be idempotent, because it is retried after any failure.
pub struct AwsCall<'a> {
    method: Method,
    path: &'a str,
    headers: Vec<(HeaderName, &'a str)>,
    body: Bytes,
    attempt_timeout: Duration,
    operation_timeout: Duration,
}

impl<'a> AwsCall<'a> {
    /// The operation `target` of a service with AWS's JSON protocol.
    #[must_use]
    pub fn json(target: &'static str, body: &serde_json::Value) -> Self {
        let headers = vec![
            (CONTENT_TYPE, "application/x-amz-json-1.1"),
            (HeaderName::from_static("x-amz-target"), target),
        ];
        Self {
            method: Method::POST,
            path: "/",
            headers,
            body: body.to_string().into(),
            attempt_timeout: ATTEMPT_TIMEOUT,
            operation_timeout: OPERATION_TIMEOUT,
        }
    }

    /// The operation `target` of DynamoDB, with content that is written already.
    pub(super) fn dynamodb(target: &'a str, body: Bytes) -> Self {
        let headers = vec![
            (CONTENT_TYPE, "application/x-amz-json-1.0"),
            (HeaderName::from_static("x-amz-target"), target),
        ];
        Self {
            method: Method::POST,
            path: "/",
            headers,
            body,
            attempt_timeout: ATTEMPT_TIMEOUT,
            operation_timeout: OPERATION_TIMEOUT,
        }
    }

    /// A `POST` of a JSON text to `path`. The path must need no percent-encoding. All attempts together may take `timeout`.
    #[must_use]
    pub fn post(path: &'a str, body: &serde_json::Value, timeout: Duration) -> Self {
        Self {
            method: Method::POST,
            path,
            headers: vec![(CONTENT_TYPE, "application/json")],
            body: body.to_string().into(),
            attempt_timeout: timeout,
            operation_timeout: timeout,
        }
    }

    /// The same call as Lambda's asynchronous one: the function is started, and its end is not waited for.
    #[must_use]
    pub fn asynchronous(mut self) -> Self {
        self.headers.push((HeaderName::from_static("x-amz-invocation-type"), "Event"));
        self
    }

    /// A request without content, as most operations of S3 are. The path must need no percent-encoding. An attempt may take half of
    /// `timeout`, and all together `timeout`.
    pub(super) fn without_content(
        method: Method,
        path: &'a str,
        headers: Vec<(HeaderName, &'a str)>,
        timeout: Duration,
    ) -> Self {
        Self {
            method,
            path,
            headers,
            body: Bytes::new(),
            attempt_timeout: timeout / 2,
            operation_timeout: timeout,
        }
    }
}

impl AwsClient {
    /// Makes the call, in up to three attempts. The response has a status of success.
    ///
    /// # Errors
    /// [`AwsError`]. After [`AwsError::Unreachable`] the call may have taken effect.
    pub async fn call(&self, call: &AwsCall<'_>) -> Result<Response<Bytes>, AwsError> {
        self.attempt(call).await.map_err(|failure| failure.error)
    }

    /// Makes the call, in up to three attempts. The response can be the last refusal.
    ///
    /// # Errors
    /// [`AwsError::Unreachable`], after which the call may have taken effect.
    pub(super) async fn exchange_with_retries(
        &self,
        call: &AwsCall<'_>,
    ) -> Result<Response<Bytes>, AwsError> {
        self.attempt(call).await.or_else(|failure| failure.refusal.ok_or(failure.error))
    }

    /// The address of the service.
    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The host that the client was made of.
    pub(super) const fn host(&self) -> &Host {
        &self.host
    }

    async fn attempt(&self, call: &AwsCall<'_>) -> Result<Response<Bytes>, FailedAttempt> {
        let (policy, backoff) = (RetryPolicy::AnyFailure, Backoff::Exponential);
        let kind_of = |failure: &FailedAttempt| failure.error.failure_kind();
        let attempts = retry(&self.host, policy, backoff, kind_of, |_| self.send_once(call));
        timeout(call.operation_timeout, attempts).await.map_err(|elapsed| self.unanswered(elapsed))?
    }

    async fn send_once(&self, call: &AwsCall<'_>) -> Result<Response<Bytes>, FailedAttempt> {
        let answer = self.exchange(call).await.map_err(|cause| self.unanswered(cause))?;
        let code = match self.service {
            AwsService::S3 => xml_code(answer.body()),
            _ if answer.status().is_success() => None,
            _ => exception(&answer),
        };
        if answer.status().is_success() && code.is_none() {
            return Ok(answer);
        }
        let code = code.unwrap_or_else(|| "unknown error".to_owned());
        let error = AwsError::Refused { service: self.service, status: answer.status().as_u16(), code };
        Err(FailedAttempt { error, refusal: Some(answer) })
    }

    fn unanswered(&self, cause: impl Into<BoxError>) -> FailedAttempt {
        FailedAttempt {
            error: AwsError::Unreachable { service: self.service, cause: cause.into() },
            refusal: None,
        }
    }

    async fn exchange(&self, call: &AwsCall<'_>) -> Result<Response<Bytes>, BoxError> {
        let url = format!("{}{}", self.endpoint, call.path);
        let headers = self.sign_headers(&url, call)?;
        let request = self
            .host
            .http()?
            .request(call.method.clone(), url)
            .headers(headers)
            .timeout(call.attempt_timeout)
            .body(call.body.clone());
        let answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut response = Response::new(answer.bytes().await?);
        (*response.status_mut(), *response.headers_mut()) = (status, headers);
        Ok(response)
    }

    /// The headers of a call with its signature, which is made for the current time.
    fn sign_headers(&self, url: &str, call: &AwsCall<'_>) -> Result<HeaderMap, BoxError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &call.headers {
            headers.insert(name, HeaderValue::from_str(value)?);
        }
        let named = call.headers.iter().map(|(name, value)| (name.as_str(), *value));
        let body = SignableBody::Bytes(&call.body);
        let signable = SignableRequest::new(call.method.as_str(), url, named, body)?;
        let parameters = SigningParams::builder()
            .identity(&self.identity)
            .region(&self.region)
            .name(self.service.name())
            // AWS compares the time of a signature with its own clock, so the system's clock is used and not the clock of `Host`.
            .time(SystemTime::UNIX_EPOCH + Duration::from_millis(SystemClock.now_millis()))
            .settings(self.service.signing_settings())
            .build()?;
        let (instructions, _) = sign(signable, &parameters.into())?.into_parts();
        for (name, value) in instructions.headers() {
            headers.insert(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(value)?);
        }
        Ok(headers)
    }
}

/// The exception that an answer names: in a header (Lambda), or in the body (the other services).
fn exception(answer: &Response<Bytes>) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(rename = "__type")]
        exception: String,
    }
    let header = answer.headers().get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    let named = match header {
        Some(name) => name.to_owned(),
        None => serde_json::from_slice::<Body>(answer.body()).ok()?.exception,
    };
    // `namespace#Name`, `Name:http://…`.
    let name = named.rsplit('#').next()?;
    name.split(':').next().map(str::to_owned)
}

/// The code of an error of S3, which is an XML document.
fn xml_code(body: &[u8]) -> Option<String> {
    let (_, error) = std::str::from_utf8(body).ok()?.split_once("<Error>")?;
    let (_, code) = error.split_once("<Code>")?;
    Some(code.split_once("</Code>")?.0.to_owned())
}

/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1500);
/// How long all attempts may take together, because WeChat waits five seconds for the answer to a notice.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests;
