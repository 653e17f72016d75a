//! Session tokens: issued at login, checked on every route of users.

mod token;

use std::time::Duration;

use http::{Request, header};

use crate::{
    crypto::Keyring,
    host::{Host, HostError},
    secrets::{CachedSecret, SecretError},
    types::Caller,
};
pub use token::TokenError;

/// A session token can't be issued, or the request has no valid one.
#[derive(Debug, thiserror::Error)]
pub enum SessionTokenError {
    /// The request has no `Authorization: Bearer` header.
    #[error("the request has no session token")]
    Missing,
    /// The token of the request is not valid.
    #[error(transparent)]
    Invalid(TokenError),
    /// No token can be made with the key ring.
    #[error("no session token can be made")]
    NotIssued(#[source] TokenError),
    /// The key ring can't be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// Issues and checks session tokens with the key ring in the secret `SESSION_KEYS_ARN`.
pub struct SessionTokens {
    host: Host,
    keys: CachedSecret<Keyring>,
}

impl SessionTokens {
    /// How long a token is valid.
    pub const LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

    /// Reads `SESSION_KEYS_ARN`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self { host: host.clone(), keys: CachedSecret::new(host, "SESSION_KEYS_ARN")? })
    }

    /// Checks that tokens can be issued. Call this before work that would be lost if no token could be issued afterwards.
    ///
    /// # Errors
    /// [`SessionTokenError`]: the key ring can't be read.
    pub async fn ready(&self) -> Result<(), SessionTokenError> {
        self.keys.get().await?;
        Ok(())
    }

    /// A token for the user, valid for [`SessionTokens::LIFETIME`] from `issued_at`.
    ///
    /// # Errors
    /// [`SessionTokenError`]: the key ring can't be read or used.
    pub async fn issue(&self, caller: &Caller) -> Result<String, SessionTokenError> {
        let keys = self.keys.get().await?;
        token::issue(&keys, caller, Self::LIFETIME).map_err(SessionTokenError::NotIssued)
    }

    /// The caller of the request, by its `Authorization: Bearer` header alone. No table is read.
    ///
    /// # Errors
    /// [`SessionTokenError`]: the token is missing or not valid, or the key ring can't be read.
    pub async fn authenticate<B>(&self, request: &Request<B>) -> Result<Caller, SessionTokenError> {
        let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(bearer).ok_or(SessionTokenError::Missing)?;
        let mut result = token::check(&*self.keys.get().await?, token, self.host.now());
        if matches!(result, Err(TokenError::UnknownKey)) {
            // The key may be newer than the cached key ring.
            result = token::check(&*self.keys.refresh().await?, token, self.host.now());
        }
        result.map_err(SessionTokenError::Invalid)
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
