//! Fetches access tokens and tickets from WeChat.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use shared::{
    host::{Host, HostError, RetryPolicy},
    secrets::{CachedSecret, SecretError},
    store::TokenName,
    telemetry,
    types::{AppId, Secret},
    wechat::{Client, Errcode, WeChatCall, WeChatError, loose_json},
};

/// An access token or ticket from WeChat, with its lifetime from the time of the request on.
pub(crate) struct FetchedToken {
    pub(crate) value: Secret,
    pub(crate) lifetime: Duration,
}

/// WeChat gave no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// The operator has not configured the account.
    #[error("{0} is not configured")]
    NotConfigured(&'static str),
    /// WeChat refuses the `access_token` with which the ticket was requested.
    #[error("the access_token for the ticket is refused")]
    TokenRefused(#[source] WeChatError),
    /// WeChat refuses the request, or was not reached.
    #[error("WeChat gives no token")]
    Refused(#[source] WeChatError),
    /// WeChat's answer lacks the token or its lifetime.
    #[error("the answer holds no token")]
    MalformedAnswer,
    /// The AppSecret can't be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

#[derive(Deserialize)]
struct AppSecret {
    app_secret: Secret,
}

struct Account {
    app_id: AppId,
    secret: CachedSecret<AppSecret>,
}

/// Fetches access tokens and tickets.
pub(crate) struct TokenFetcher {
    client: Client,
    mini_program: Account,
    official_account: Option<Account>,
}

impl TokenFetcher {
    /// Reads `MINI_PROGRAM_APP_ID`, `MINI_PROGRAM_SECRET_ARN` and, if an official account is configured, `OFFICIAL_ACCOUNT_APP_ID` and
    /// `OFFICIAL_ACCOUNT_SECRET_ARN`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub(crate) fn new(host: &Host) -> Result<Self, HostError> {
        let mini_program = Account {
            app_id: host.parsed_var("MINI_PROGRAM_APP_ID", "an appid", AppId::parse)?,
            secret: CachedSecret::new(host, "MINI_PROGRAM_SECRET_ARN")?,
        };
        let official_account = match host.optional_var("OFFICIAL_ACCOUNT_APP_ID") {
            None => None,
            Some(_) => Some(Account {
                app_id: host.parsed_var("OFFICIAL_ACCOUNT_APP_ID", "an appid", AppId::parse)?,
                secret: CachedSecret::new(host, "OFFICIAL_ACCOUNT_SECRET_ARN")?,
            }),
        };
        Ok(Self { client: Client::new(host)?, mini_program, official_account })
    }

    pub(crate) fn is_configured(&self, name: TokenName) -> bool {
        name == TokenName::MiniProgram || self.official_account.is_some()
    }

    /// Whether WeChat can be made to replace the token. That holds for access tokens and not for tickets.
    pub(crate) fn can_force(&self, name: TokenName) -> bool {
        matches!(name, TokenName::MiniProgram | TokenName::OfficialAccount)
    }

    /// Fetches an access token (`POST /cgi-bin/stable_token`). `force` makes WeChat replace the current one.
    ///
    /// # Errors
    /// [`FetchError`]: with `force`, WeChat may have replaced the token all the same.
    pub(crate) async fn fetch_access_token(
        &self,
        name: TokenName,
        force: bool,
    ) -> Result<FetchedToken, FetchError> {
        let account = match name {
            TokenName::MiniProgram => &self.mini_program,
            _ => self.official_account.as_ref().ok_or(FetchError::NotConfigured("the official account"))?,
        };
        let secret = account.secret.get().await?;
        let body = json!({
            "grant_type": "client_credential",
            "appid": account.app_id.as_str(),
            "secret": secret.app_secret.expose(),
            "force_refresh": force,
        });
        // WeChat gives the same token again, so the request can be sent again. Each forced request counts towards a daily limit.
        let retry = if force { RetryPolicy::UnlessOutcomeUnknown } else { RetryPolicy::AnyFailure };
        let call = WeChatCall { body: Some(&body), retry, ..WeChatCall::get("/cgi-bin/stable_token", &[]) };
        let answer = self.client.json(&call).await.map_err(log_refusal)?;
        read_token(&answer, "access_token")
    }

    /// Fetches a ticket (`GET /cgi-bin/ticket/getticket`).
    ///
    /// # Errors
    /// [`FetchError`]: fetching it again is safe.
    pub(crate) async fn fetch_ticket(
        &self,
        kind: &str,
        access_token: &Secret,
    ) -> Result<FetchedToken, FetchError> {
        let query = [("type", kind)];
        let call = WeChatCall::get("/cgi-bin/ticket/getticket", &query).with_access_token(access_token);
        match self.client.json(&call).await {
            Ok(answer) => read_token(&answer, "ticket"),
            Err(error) if error.is_about_token() => Err(FetchError::TokenRefused(error)),
            Err(error) => Err(log_refusal(error)),
        }
    }
}

fn read_token(answer: &Map<String, Value>, name: &str) -> Result<FetchedToken, FetchError> {
    let value = answer
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .ok_or(FetchError::MalformedAnswer)?;
    let lifetime =
        answer.get("expires_in").and_then(loose_json::whole_number).ok_or(FetchError::MalformedAnswer)?;
    Ok(FetchedToken { value: Secret::new(value.to_owned()), lifetime: Duration::from_secs(lifetime) })
}

/// WeChat's refusal. An address that is not on the IP list is logged for the operator.
fn log_refusal(error: WeChatError) -> FetchError {
    if let WeChatError::Refused { errcode: Errcode(40164), detail: Some(address), .. } = &error {
        // The operator must add this address to the IP list in the console, or turn the list off.
        telemetry::operator_alert("address-not-on-ip-list", address);
    }
    FetchError::Refused(error)
}
