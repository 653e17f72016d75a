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
        /// Which token.
        name: &'static str,
        /// Why.
        #[source]
        cause: BoxError,
    },
}

/// The tokens that all functions share.
pub struct AccessTokens {
    host: Host,
    tokens: Tokens,
    lambda: AwsClient,
    /// Where the broker is invoked.
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
    /// [`AccessTokenError`]; a later call may succeed.
    pub async fn get(&self, name: TokenName) -> Result<Token, AccessTokenError> {
        let now = self.host.now();
        if let Some(cached) = self.cached.lock().await.get(&name)
            && cached.token.is_valid_for(now, MARGIN)
            && now.since(cached.read_at) < MAX_AGE
        {
            return Ok(cached.token.clone());
        }
        self.get_shared(name, None).await
    }

    /// Another token than `refused`, which WeChat does not take (40001, 40014, 42001).
    ///
    /// # Errors
    /// [`AccessTokenError`].
    pub async fn get_replacement(&self, name: TokenName, refused: &Token) -> Result<Token, AccessTokenError> {
        self.get_shared(name, Some(refused.version)).await
    }

    async fn get_shared(&self, name: TokenName, refused: Option<u64>) -> Result<Token, AccessTokenError> {
        if let Some(token) = self.read(name, refused).await? {
            return Ok(token);
        }
        self.start_broker(name, refused).await?;
        let none =
            || AccessTokenError::Broker { name: name.as_str(), cause: "it left none in the table".into() };
        self.read(name, refused).await?.ok_or_else(none)
    }

    /// The table's token, if it can be used and is not the refused one.
    async fn read(&self, name: TokenName, refused: Option<u64>) -> Result<Option<Token>, AccessTokenError> {
        let now = self.host.now();
        let token = self.tokens.get(name).await?.token;
        let token = token.filter(|token| refused != Some(token.version) && token.is_valid_for(now, MARGIN));
        if let Some(token) = &token {
            self.cached.lock().await.insert(name, CachedToken { token: token.clone(), read_at: now });
        }
        Ok(token)
    }

    async fn start_broker(&self, name: TokenName, refused: Option<u64>) -> Result<(), AccessTokenError> {
        let failed = |cause| AccessTokenError::Broker { name: name.as_str(), cause };
        let event = json!({ "obtain": { "name": name, "refused": refused } });
        let answer = self.lambda.call(&AwsCall::post(&self.broker, &event, PATIENCE)).await;
        let answer = answer.map_err(|error| failed(error.into()))?;
        match answer.headers().get("x-amz-function-error") {
            None => Ok(()),
            Some(error) => Err(failed(format!("it ended with {error:?}").into())),
        }
    }
}

/// A token is not used in its last minute: it could end on the way.
const MARGIN: Duration = Duration::from_secs(60);
/// How long a token is used without a look at the table.
const MAX_AGE: Duration = Duration::from_secs(300);
/// The broker may have to wait for another instance of it.
const PATIENCE: Duration = Duration::from_secs(15);
