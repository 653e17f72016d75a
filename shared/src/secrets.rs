//! Secrets Manager's secrets, cached for a few minutes.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use tokio::sync::Mutex;

use crate::{
    host::{AwsCall, AwsClient, AwsService, Host, HostError},
    telemetry,
    types::{BoxError, UnixSeconds},
};

/// A secret can't be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager does not answer, or refuses.
    #[error("the secret of {name} can't be read")]
    Unavailable {
        /// The environment variable with the ARN of the secret.
        name: &'static str,
        /// The failure of the call.
        #[source]
        cause: BoxError,
    },
    /// The operator has stored no value yet, or a value in another form. The error does not quote the value.
    #[error("the secret of {name} is not the JSON object it must be")]
    Form {
        /// The environment variable with the ARN of the secret.
        name: &'static str,
    },
}

/// One secret: a JSON object of the form `T`. An environment variable holds its ARN.
pub struct CachedSecret<T> {
    host: Host,
    client: AwsClient,
    name: &'static str,
    arn: String,
    cached: Mutex<Option<Cached<T>>>,
}

/// Secrets Manager's answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Value {
    /// Absent if the secret is binary.
    #[serde(default)]
    secret_string: String,
}

struct Cached<T> {
    value: Arc<T>,
    read_at: UnixSeconds,
}

impl<T: DeserializeOwned> CachedSecret<T> {
    /// The secret whose ARN is in the variable `name`. The secret itself is read at its first use.
    ///
    /// # Errors
    /// [`HostError`]: the variable is missing.
    pub fn new(host: &Host, name: &'static str) -> Result<Self, HostError> {
        let arn = host.var(name)?.to_owned();
        Ok(Self {
            host: host.clone(),
            client: host.aws(AwsService::SecretsManager)?,
            name,
            arn,
            cached: Mutex::new(None),
        })
    }

    /// A secret of this value that is never read.
    #[cfg(test)]
    pub(crate) fn holding(host: &Host, value: T) -> Result<Self, HostError> {
        let cached = Cached { value: Arc::new(value), read_at: UnixSeconds::new(u64::MAX) };
        Ok(Self {
            host: host.clone(),
            client: host.aws(AwsService::SecretsManager)?,
            name: "TEST",
            arn: String::new(),
            cached: Mutex::new(Some(cached)),
        })
    }

    /// The secret, as it was at most [`MAX_SECRET_AGE`] ago. While Secrets Manager does not answer, it is the last value that was
    /// read.
    ///
    /// # Errors
    /// [`SecretError`]: this instance has not read the secret yet, and it can't be read or has another form. A later call may succeed.
    pub async fn get(&self) -> Result<Arc<T>, SecretError> {
        self.newer_than(MAX_SECRET_AGE).await
    }

    /// The secret as it was at most `MIN_SECRET_AGE` ago, for a token whose `kid` is not in the cached value, because the key was
    /// rotated. Every 10 seconds at most one call reads the secret. Otherwise anybody could cause a read per request with invented
    /// `kid`s.
    ///
    /// # Errors
    /// As [`CachedSecret::get`].
    pub async fn refresh(&self) -> Result<Arc<T>, SecretError> {
        self.newer_than(MIN_SECRET_AGE).await
    }

    async fn newer_than(&self, age: Duration) -> Result<Arc<T>, SecretError> {
        let mut cached = self.cached.lock().await;
        let now = self.host.now();
        if let Some(cached) = cached.as_ref().filter(|cached| now.since(cached.read_at) < age) {
            return Ok(cached.value.clone());
        }
        match (self.read().await, cached.as_mut()) {
            (Ok(value), _) => {
                let value = Arc::new(value);
                *cached = Some(Cached { value: value.clone(), read_at: now });
                Ok(value)
            }
            (Err(error), Some(old)) => {
                telemetry::handled_error("read-secret", &error);
                // While the failure lasts, not every request must read the secret again.
                old.read_at = now;
                Ok(old.value.clone())
            }
            (Err(error), None) => Err(error),
        }
    }

    async fn read(&self) -> Result<T, SecretError> {
        let form = || SecretError::Form { name: self.name };
        let call = AwsCall::json("secretsmanager.GetSecretValue", &json!({ "SecretId": self.arn }));
        let answer = self.client.call(&call).await.map_err(|error| {
            // Secrets Manager answers this for a secret that was created and has no value yet.
            if error.is("ResourceNotFoundException") {
                form()
            } else {
                SecretError::Unavailable { name: self.name, cause: error.into() }
            }
        })?;
        let value: Value = serde_json::from_slice(answer.body()).map_err(|_| form())?;
        serde_json::from_str(&value.secret_string).map_err(|_| form())
    }
}

/// The age at which a cached secret is read again.
pub const MAX_SECRET_AGE: Duration = Duration::from_secs(300);
/// The age at which a cached secret is read again if it lacks the key of a token.
const MIN_SECRET_AGE: Duration = Duration::from_secs(10);
