//! Reading access tokens and tickets: memory → table → broker.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;
use tokio::sync::Mutex;

use crate::{
    host::{AwsCall, AwsClient, AwsService, Host, HostError},
    store::{Token, TokenName, Tokens, TokensError},
    types::{BoxError, UnixSeconds},
};

/// No usable token could be had.
#[derive(Debug, thiserror::Error)]
pub enum AccessTokenError {
    /// The table of tokens can't be read.
    #[error(transparent)]
    Table(#[from] TokensError),
    /// The broker can't be started, or stored no token.
    #[error("the broker gives no {name}")]
    Broker {
        /// The name of the token.
        name: &'static str,
        /// Why.
        #[source]
        cause: BoxError,
    },
}

/// The access tokens and tickets that all functions share.
pub struct AccessTokens {
    host: Host,
    tokens: Tokens,
    lambda: AwsClient,
    /// The path at which Lambda invokes the broker.
    broker: String,
    cached: Mutex<BTreeMap<TokenName, CachedToken>>,
}

struct CachedToken {
    token: Token,
    read_at: UnixSeconds,
}

impl AccessTokens {
    /// Reads `ACCESS_TOKEN_FUNCTION`; [`Tokens::new`] reads its own variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            tokens: Tokens::new(host)?,
            lambda: host.aws(AwsService::Lambda)?,
            broker: format!("/2015-03-31/functions/{}/invocations", host.var("ACCESS_TOKEN_FUNCTION")?),
            cached: Mutex::default(),
        })
    }

    /// A token that is valid for a minute at least.
    ///
    /// # Errors
    /// [`AccessTokenError`]. Nothing was sent to WeChat with a token; a later call may succeed.
    pub async fn get(&self, name: TokenName) -> Result<Token, AccessTokenError> {
        let now = self.host.now();
        if let Some(cached) = self.cached.lock().await.get(&name)
            && cached.token.is_valid_for(now, MIN_VALIDITY)
            && now.since(cached.read_at) < MAX_CACHE_AGE
        {
            return Ok(cached.token.clone());
        }
        self.read_or_obtain(name, None).await
    }

    /// Another token than `refused`, which WeChat does not take (40001, 40014, 42001).
    ///
    /// # Errors
    /// As [`AccessTokens::get`].
    pub async fn get_replacement(&self, name: TokenName, refused: &Token) -> Result<Token, AccessTokenError> {
        self.read_or_obtain(name, Some(refused.version)).await
    }

    async fn read_or_obtain(&self, name: TokenName, refused: Option<u64>) -> Result<Token, AccessTokenError> {
        if let Some(token) = self.read_from_table(name, refused).await? {
            return Ok(token);
        }
        self.start_broker(name, refused).await?;
        let none =
            || AccessTokenError::Broker { name: name.as_str(), cause: "it left none in the table".into() };
        self.read_from_table(name, refused).await?.ok_or_else(none)
    }

    /// The token in the table, if it is valid for [`MIN_VALIDITY`] and is not the refused one.
    async fn read_from_table(
        &self,
        name: TokenName,
        refused: Option<u64>,
    ) -> Result<Option<Token>, AccessTokenError> {
        let now = self.host.now();
        let token = self.tokens.get(name).await?.token;
        let token =
            token.filter(|token| refused != Some(token.version) && token.is_valid_for(now, MIN_VALIDITY));
        if let Some(token) = &token {
            self.cached.lock().await.insert(name, CachedToken { token: token.clone(), read_at: now });
        }
        Ok(token)
    }

    async fn start_broker(&self, name: TokenName, refused: Option<u64>) -> Result<(), AccessTokenError> {
        let failed = |cause| AccessTokenError::Broker { name: name.as_str(), cause };
        let event = json!({ "obtain": { "name": name, "refused": refused } });
        let answer = self.lambda.call(&AwsCall::post(&self.broker, &event, BROKER_TIMEOUT)).await;
        let answer = answer.map_err(|error| failed(error.into()))?;
        match answer.headers().get("x-amz-function-error") {
            None => Ok(()),
            Some(error) => Err(failed(format!("it ended with {error:?}").into())),
        }
    }
}

/// How long a token must still be valid to be used, because it could expire while the request is under way.
const MIN_VALIDITY: Duration = Duration::from_secs(60);
/// How long a token is used without reading the table again.
const MAX_CACHE_AGE: Duration = Duration::from_secs(300);
/// How long the call of the broker may take. The broker may wait for another instance of it that is getting the token.
const BROKER_TIMEOUT: Duration = Duration::from_secs(15);
