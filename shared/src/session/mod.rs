//! Who asks: session tokens.

mod live;
mod staff;
mod token;

use std::time::Duration;

use http::header;
use lambda_http::Request;

use crate::{
    crypto::Keyring,
    error::{ApiError, Code},
    host::{Host, HostError},
    secrets::SecretCell,
    types::{OpenId, UnixSeconds, UserId},
};

pub use live::{LiveSession, LiveSessions, MAX_AGE};
pub use staff::Staff;
pub use token::TokenError;

/// The holder of a valid token.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The user.
    pub user_id: UserId,
    /// The user's openid, as the login had it from WeChat.
    pub openid: OpenId,
    /// When the token was issued: a row can say that tokens before a time are void.
    pub issued_at: UnixSeconds,
}

/// Issues and checks session tokens with the key ring in the secret `SESSION_KEYS_ARN`.
pub struct Sessions {
    host: Host,
    keys: SecretCell<Keyring>,
}

impl Sessions {
    /// How long a token is valid.
    pub const LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

    /// Reads the setting.
    ///
    /// # Errors
    /// It is missing.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self { host: host.clone(), keys: SecretCell::new(host, "SESSION_KEYS_ARN")? })
    }

    /// Sees to it that tokens can be issued.
    ///
    /// # Errors
    /// The key ring can't be read.
    pub async fn ready(&self) -> Result<(), ApiError> {
        self.keys.get().await?;
        Ok(())
    }

    /// A token for the user, valid for [`Sessions::LIFETIME`] from `issued_at`.
    ///
    /// # Errors
    /// The key ring can't be read or used.
    pub async fn issue(&self, caller: &Caller) -> Result<String, ApiError> {
        let keys = self.keys.get().await?;
        token::issue(&keys, caller, Self::LIFETIME)
            .map_err(|error| ApiError::new(Code::Internal).because(error))
    }

    /// Who sent the request, by its `Authorization: Bearer` header alone; no table is read.
    ///
    /// # Errors
    /// UNAUTHORIZED: no token, or not a valid one.
    pub async fn authenticate(&self, request: &Request) -> Result<Caller, ApiError> {
        let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(bearer).ok_or(Code::Unauthorized)?;
        let mut result = token::check(&*self.keys.get().await?, token, self.host.now());
        if matches!(result, Err(TokenError::UnknownKey)) {
            // Perhaps the key is newer than our copy of the ring.
            result = token::check(&*self.keys.get_again().await?, token, self.host.now());
        }
        result.map_err(|error| ApiError::new(Code::Unauthorized).because(error))
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
