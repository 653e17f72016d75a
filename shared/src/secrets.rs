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

/// A secret can't be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager does not answer, or refuses.
    #[error("the secret of {name} can't be read")]
    Unavailable {
        /// The setting that names the secret.
        name: &'static str,
        /// Why.
        #[source]
        cause: BoxError,
    },
    /// The operator has not filled it, or not in the form it must have. The value is not quoted.
    #[error("the secret of {name} is not the JSON object it must be")]
    Form {
        /// The setting that names the secret.
        name: &'static str,
    },
}

/// One secret: a JSON object of the form `T`, named by the ARN in a setting.
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

    /// The secret, at most [`MAX_AGE`] old; while Secrets Manager is out of reach, the last one read.
    ///
    /// # Errors
    /// It was never read and can't be, or it has another form.
    pub async fn get(&self) -> Result<Arc<T>, SecretError> {
        self.newer_than(MAX_AGE).await
    }

    /// The secret as it is now, for a key that the cached one does not hold: at most one read every few seconds, so that
    /// tokens with invented key names can't make one each.
    ///
    /// # Errors
    /// As [`CachedSecret::get`].
    pub async fn refresh(&self) -> Result<Arc<T>, SecretError> {
        self.newer_than(MIN_AGE).await
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
                // Not asked again at every request while the trouble lasts.
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
            // What a secret answers that was created and never filled.
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

/// How old a secret gets before it is read again.
pub const MAX_AGE: Duration = Duration::from_secs(300);
const MIN_AGE: Duration = Duration::from_secs(10);
