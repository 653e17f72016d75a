//! Calls of the open platform that need an `access_token`.

use serde_json::{Map, Value};

use super::{AccessTokenError, AccessTokens};
use crate::{
    host::{Host, HostError, RetryPolicy},
    store::TokenName,
    wechat::{Client, ErrcodeClass, UploadFile, WeChatCall, WeChatError},
};

/// A call that needs a token failed.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// WeChat refused the call, or gave no answer.
    #[error(transparent)]
    WeChat(#[from] WeChatError),
    /// There is no access token, so WeChat was not called.
    #[error(transparent)]
    Token(#[from] AccessTokenError),
}

impl PlatformError {
    /// WeChat's error number, if it gave one.
    #[must_use]
    pub fn errcode(&self) -> Option<i64> {
        match self {
            Self::WeChat(WeChatError::Refused { errcode, .. }) => Some(errcode.0),
            _ => None,
        }
    }

    /// Whether WeChat refuses the request for what it asks, and not for the account, a quota or the access token. Repeating the
    /// request does not help.
    #[must_use]
    pub fn is_request_refused(&self) -> bool {
        matches!(self, Self::WeChat(WeChatError::Refused { errcode, .. }) if errcode.class() == ErrcodeClass::Request)
    }

    /// Whether the call may have taken effect although it failed.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::WeChat(error) if error.is_outcome_unknown())
    }
}

/// A client of the open platform that acts as one account and adds its `access_token`.
pub struct PlatformClient {
    client: Client,
    tokens: AccessTokens,
    account: TokenName,
}

impl PlatformClient {
    /// A client that acts as `account`: [`TokenName::MiniProgram`] or [`TokenName::OfficialAccount`].
    ///
    /// [`AccessTokens::new`] and the client read the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host, account: TokenName) -> Result<Self, HostError> {
        Ok(Self { client: Client::new(host)?, tokens: AccessTokens::new(host)?, account })
    }

    /// `POST path` with a JSON body; the answer's JSON if it is no error.
    ///
    /// # Errors
    /// [`PlatformError`], after the attempts of `retry`. If WeChat refuses the token, it is replaced and the call is repeated once.
    /// [`PlatformError::is_outcome_unknown`] says whether the call may have taken effect.
    pub async fn post(
        &self,
        path: &'static str,
        body: &Value,
        retry: RetryPolicy,
    ) -> Result<Map<String, Value>, PlatformError> {
        self.json(WeChatCall { body: Some(body), retry, ..WeChatCall::get(path, &[]) }).await
    }

    /// `GET path` with `query`; the answer's JSON if it is no error.
    ///
    /// # Errors
    /// As [`PlatformClient::post`].
    pub async fn get(
        &self,
        path: &'static str,
        query: &[(&str, &str)],
    ) -> Result<Map<String, Value>, PlatformError> {
        self.json(WeChatCall::get(path, query)).await
    }

    /// `POST path` with a JSON body; the answer's bytes if `accept` takes them.
    ///
    /// # Errors
    /// As [`PlatformClient::post`].
    pub async fn post_for_bytes(
        &self,
        path: &'static str,
        body: &Value,
        accept: fn(&[u8]) -> bool,
        retry: RetryPolicy,
    ) -> Result<Vec<u8>, PlatformError> {
        self.bytes(WeChatCall { body: Some(body), retry, ..WeChatCall::get(path, &[]) }, accept).await
    }

    /// `GET path` with `query`; the answer's bytes if `accept` takes them.
    ///
    /// # Errors
    /// As [`PlatformClient::post`].
    pub async fn get_for_bytes(
        &self,
        path: &'static str,
        query: &[(&str, &str)],
        accept: fn(&[u8]) -> bool,
    ) -> Result<Vec<u8>, PlatformError> {
        self.bytes(WeChatCall::get(path, query), accept).await
    }

    /// `POST path` with `query` and a file; the answer's JSON if it is no error.
    ///
    /// # Errors
    /// As [`PlatformClient::post`].
    pub async fn upload(
        &self,
        path: &'static str,
        query: &[(&str, &str)],
        file: &UploadFile<'_>,
        retry: RetryPolicy,
    ) -> Result<Map<String, Value>, PlatformError> {
        self.json(WeChatCall { file: Some(file), retry, ..WeChatCall::get(path, query) }).await
    }

    async fn bytes(&self, call: WeChatCall<'_>, accept: fn(&[u8]) -> bool) -> Result<Vec<u8>, PlatformError> {
        let token = self.tokens.get(self.account).await?;
        match self.client.bytes(&call.with_access_token(&token.value), accept).await {
            Err(error) if error.is_about_token() => {
                let token = self.tokens.get_replacement(self.account, &token).await?;
                Ok(self.client.bytes(&call.with_access_token(&token.value), accept).await?)
            }
            answer => Ok(answer?),
        }
    }

    async fn json(&self, call: WeChatCall<'_>) -> Result<Map<String, Value>, PlatformError> {
        let token = self.tokens.get(self.account).await?;
        match self.client.json(&call.with_access_token(&token.value)).await {
            Err(error) if error.is_about_token() => {
                let token = self.tokens.get_replacement(self.account, &token).await?;
                Ok(self.client.json(&call.with_access_token(&token.value)).await?)
            }
            answer => Ok(answer?),
        }
    }
}
