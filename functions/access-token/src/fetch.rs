//! Asking WeChat for tokens and tickets.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use shared::{
    host::{Host, HostError},
    secrets::{SecretCell, SecretError},
    store::TokenName,
    telemetry,
    types::{AppId, Secret},
    wechat::{Call, Client, Errcode, Repeat, WeChatError, loose_json},
};

/// A token or ticket, as WeChat gave it.
pub(crate) struct Fetched {
    pub(crate) value: Secret,
    pub(crate) lasts: Duration,
}

/// WeChat gave none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// The account is not configured.
    #[error("{0} is not configured")]
    NotConfigured(&'static str),
    /// WeChat refuses the `access_token` that a ticket was asked for with.
    #[error("the access_token for the ticket is refused")]
    TokenRefused(#[source] WeChatError),
    /// WeChat refuses, or is out of reach.
    #[error("WeChat gives no token")]
    Refused(#[source] WeChatError),
    /// The answer is not understood.
    #[error("the answer holds no token")]
    Form,
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
    secret: SecretCell<AppSecret>,
}

/// Asks WeChat.
pub(crate) struct Fetcher {
    client: Client,
    mini_program: Account,
    official_account: Option<Account>,
}

impl Fetcher {
    pub(crate) fn new(host: &Host) -> Result<Self, HostError> {
        let mini_program = Account {
            app_id: host.parsed_var("MINI_PROGRAM_APP_ID", "an appid", AppId::parse)?,
            secret: SecretCell::new(host, "MINI_PROGRAM_SECRET_ARN")?,
        };
        let official_account = match host.optional_var("OFFICIAL_ACCOUNT_APP_ID") {
            None => None,
            Some(_) => Some(Account {
                app_id: host.parsed_var("OFFICIAL_ACCOUNT_APP_ID", "an appid", AppId::parse)?,
                secret: SecretCell::new(host, "OFFICIAL_ACCOUNT_SECRET_ARN")?,
            }),
        };
        Ok(Self { client: Client::new(host)?, mini_program, official_account })
    }

    pub(crate) fn is_configured(&self, name: TokenName) -> bool {
        name == TokenName::MiniProgram || self.official_account.is_some()
    }

    /// Only access tokens can be forced.
    pub(crate) fn can_force(&self, name: TokenName) -> bool {
        matches!(name, TokenName::MiniProgram | TokenName::OfficialAccount)
    }

    /// `POST /cgi-bin/stable_token`.
    pub(crate) async fn access_token(&self, name: TokenName, force: bool) -> Result<Fetched, FetchError> {
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
        // Asking twice gives the same token, so a lost answer may be asked for again; a forced one counts each time.
        let repeat = if force { Repeat::UnlessLost } else { Repeat::Always };
        let call = Call { body: Some(&body), repeat, ..Call::get("/cgi-bin/stable_token", &[]) };
        let answer = self.client.json(&call).await.map_err(refused)?;
        fetched(&answer, "access_token")
    }

    /// `GET /cgi-bin/ticket/getticket`.
    pub(crate) async fn ticket(&self, kind: &str, access_token: &Secret) -> Result<Fetched, FetchError> {
        let query = [("type", kind)];
        let call = Call::get("/cgi-bin/ticket/getticket", &query).with(access_token);
        match self.client.json(&call).await {
            Ok(answer) => fetched(&answer, "ticket"),
            Err(error) if error.is_about_token() => Err(FetchError::TokenRefused(error)),
            Err(error) => Err(refused(error)),
        }
    }
}

fn fetched(answer: &Map<String, Value>, name: &str) -> Result<Fetched, FetchError> {
    let value =
        answer.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).ok_or(FetchError::Form)?;
    let lasts = answer.get("expires_in").and_then(loose_json::whole_number).ok_or(FetchError::Form)?;
    Ok(Fetched { value: Secret::new(value.to_owned()), lasts: Duration::from_secs(lasts) })
}

fn refused(error: WeChatError) -> FetchError {
    if let WeChatError::Refused { errcode: Errcode(40164), detail: Some(address), .. } = &error {
        // What the operator must enter in the console, or why the list must be off.
        telemetry::attention("address-not-on-the-ip-list", address);
    }
    FetchError::Refused(error)
}
