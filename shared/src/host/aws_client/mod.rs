//! A client for the AWS services of which a few operations each are used. A call is one signed request.
//!
//! The client crates of these services are not used, because each reads a list of all AWS partitions and compiles its patterns when a
//! client is made: two or three of them make a start slower by a quarter (`infra/bench/RESULTS.md`). DynamoDB has its crate, because
//! many of its operations are used. The crate `aws-sigv4` signs, which the DynamoDB crate links too.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4::SigningParams,
};
use aws_smithy_runtime_api::client::identity::Identity;
use http::Response;
use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde::Deserialize;
use tokio::time::{error::Elapsed, timeout};

use super::{
    Backoff, Clock, FailureKind, Host, HostError, RetryPolicy, SystemClock,
    dynamodb::{ATTEMPT_TIMEOUT, OPERATION_TIMEOUT},
    retry,
};
use crate::types::BoxError;

/// An AWS service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwsService {
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
            Self::Refused { status, code, .. }
                if *status == 429 || code.contains("Throttl") || code.contains("TooManyRequests") =>
            {
                FailureKind::Busy
            }
            // S3 begins its answer to a copy before the copy ends, so an error can follow a status of success.
            Self::Refused { status, .. } if *status >= 500 || *status < 300 => FailureKind::OutcomeUnknown,
            Self::Refused { .. } => FailureKind::Permanent,
        }
    }
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
    body: String,
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
            body: body.to_string(),
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
            body: body.to_string(),
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
            body: String::new(),
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
    pub async fn call(&self, call: &AwsCall<'_>) -> Result<Response<Vec<u8>>, AwsError> {
        let late = |elapsed: Elapsed| AwsError::Unreachable { service: self.service, cause: elapsed.into() };
        let (policy, backoff) = (RetryPolicy::AnyFailure, Backoff::Exponential);
        let attempts = retry(&self.host, policy, backoff, AwsError::failure_kind, |_| self.send_once(call));
        timeout(call.operation_timeout, attempts).await.map_err(late)?
    }

    async fn send_once(&self, call: &AwsCall<'_>) -> Result<Response<Vec<u8>>, AwsError> {
        let service = self.service;
        let answer = self.exchange(call).await.map_err(|cause| AwsError::Unreachable { service, cause })?;
        let code = match self.service {
            AwsService::S3 => xml_code(answer.body()),
            _ => exception(&answer),
        };
        if answer.status().is_success() && (self.service != AwsService::S3 || code.is_none()) {
            return Ok(answer);
        }
        let code = code.unwrap_or_else(|| "unknown error".to_owned());
        Err(AwsError::Refused { service, status: answer.status().as_u16(), code })
    }

    async fn exchange(&self, call: &AwsCall<'_>) -> Result<Response<Vec<u8>>, BoxError> {
        let url = format!("{}{}", self.endpoint, call.path);
        let headers = self.sign_headers(&url, call)?;
        let request = self
            .host
            .http()?
            .request(call.method.clone(), url)
            .headers(headers)
            .timeout(call.attempt_timeout)
            .body(call.body.clone());
        let unnamed = reqwest::Error::without_url;
        let answer = request.send().await.map_err(unnamed)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut response = Response::new(answer.bytes().await.map_err(unnamed)?.to_vec());
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
        let body = SignableBody::Bytes(call.body.as_bytes());
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
fn exception(answer: &Response<Vec<u8>>) -> Option<String> {
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

#[cfg(test)]
mod tests;
