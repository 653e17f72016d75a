//! The DynamoDB client, over the one HTTP client.
//!
//! Region, credentials and endpoints come from the environment that Lambda sets. The credentials of a Lambda environment do not change
//! while it lives. The crate `aws-config` is not used, because its provider chain takes most of a default binary's init time.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client, Config,
    config::{
        BehaviorVersion, Credentials, IdentityCache, Region, SharedHttpClient, StalledStreamProtectionConfig,
        retry::RetryConfig, timeout::TimeoutConfig,
    },
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;

use super::{Host, HostError, RetryPolicy};

impl Host {
    /// The DynamoDB client, made once.
    ///
    /// # Errors
    /// [`HostError`]: region or credentials are not in the environment.
    pub fn dynamodb(&self) -> Result<Client, HostError> {
        if let Some(client) = self.0.dynamodb.get() {
            return Ok(client.clone());
        }
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT);
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.var("AWS_REGION")?.to_owned()))
            .credentials_provider(self.credentials()?)
            .http_client(self.sdk_http_client()?)
            .retry_config(RetryConfig::standard().with_max_attempts(RetryPolicy::AnyFailure.max_attempts()))
            .timeout_config(timeouts.build())
            // Stalled streams need no protection, because an answer is one small text and every attempt has a timeout.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            // The credentials do not change, so a cache has nothing to refresh.
            .identity_cache(IdentityCache::no_cache());
        if let Some(url) = self.endpoint("AWS_ENDPOINT_URL_DYNAMODB") {
            config = config.endpoint_url(url);
        }
        Ok(self.0.dynamodb.get_or_init(|| Client::from_conf(config.build())).clone())
    }

    /// The endpoint that replaces AWS's own one: of the service, in `variable`, or of all services, in `AWS_ENDPOINT_URL`.
    pub(super) fn endpoint(&self, variable: &str) -> Option<&str> {
        self.optional_var(variable).or_else(|| self.optional_var("AWS_ENDPOINT_URL"))
    }

    /// The credentials that Lambda gives the function for signing.
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

    fn sdk_http_client(&self) -> Result<SharedHttpClient, HostError> {
        let connector = SharedHttpConnector::new(Connector(self.http()?));
        Ok(http_client_fn(move |_, _| connector.clone()))
    }
}

#[derive(Debug)]
struct Connector(reqwest::Client);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move { send(&client, request).await })
    }
}

async fn send(client: &reqwest::Client, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    let body = body.bytes().map(<[u8]>::to_vec).unwrap_or_default();
    let request = reqwest::Request::try_from(http::Request::from_parts(parts, body))
        .map_err(|error| ConnectorError::user(error.into()))?;
    let response = client.execute(request).await.map_err(|error| {
        let timeout = error.is_timeout();
        let error = error.without_url().into();
        if timeout { ConnectorError::timeout(error) } else { ConnectorError::io(error) }
    })?;
    HttpResponse::try_from(http::Response::<reqwest::Body>::from(response).map(SdkBody::from_body_1_x))
        .map_err(|error| ConnectorError::other(error.into(), None))
}

/// How long one attempt may take.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1500);
/// How long all attempts may take together, because WeChat waits five seconds for the answer to a notice.
pub(super) const OPERATION_TIMEOUT: Duration = Duration::from_secs(4);
