//! The one broker of access tokens and tickets.
//!
//! WeChat: 获取稳定版接口调用凭据 (`stable_token`) and its advice to keep tokens in one central place. Only this function, and
//! login, hold the AppSecret. It is started by a schedule, which renews what is about to end, and by functions that find no
//! usable token in the table. However many start it at once, one asks WeChat.

mod fetch;
mod obtain;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::{
    error::BoxError,
    host::{Host, HostError},
    runtime::Task,
    store::{TokenName, Tokens},
    telemetry,
};

use crate::fetch::Fetcher;

/// Keeps tokens and tickets fresh.
pub struct AccessTokenTask {
    host: Host,
    tokens: Tokens,
    fetcher: Fetcher,
}

/// What starts the broker.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessTokenEvent {
    /// The schedule: renew what is in use and about to end.
    Renew,
    /// A function needs this one.
    Obtain {
        /// Which.
        name: TokenName,
        /// The version that WeChat refused, if one was: it must be replaced.
        #[serde(default)]
        refused: Option<u64>,
    },
}

/// What became of each token: its version. The tokens themselves are read from the table.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct AccessTokenReport {
    versions: Vec<(TokenName, u64)>,
    failed: Vec<TokenName>,
}

impl Task for AccessTokenTask {
    const NAME: &'static str = "access-token";
    type Event = AccessTokenEvent;
    type Report = AccessTokenReport;

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self { host: host.clone(), tokens: Tokens::new(host)?, fetcher: Fetcher::new(host)? })
    }

    async fn run(&self, event: AccessTokenEvent) -> Result<AccessTokenReport, BoxError> {
        match event {
            AccessTokenEvent::Obtain { name, refused } => {
                let token = self.obtain(name, refused, NEEDED).await?;
                Ok(AccessTokenReport { versions: vec![(name, token.version)], failed: Vec::new() })
            }
            AccessTokenEvent::Renew => Ok(self.renew().await),
        }
    }
}

impl AccessTokenTask {
    async fn renew(&self) -> AccessTokenReport {
        // Jitter: a fleet of deployments does not ask in the same second.
        let [jitter] = self.host.random::<1>().unwrap_or_default();
        let margin = RENEW + Duration::from_secs(u64::from(jitter) / 4);
        let mut report = AccessTokenReport::default();
        for name in TokenName::ALL {
            match self.renew_one(name, margin).await {
                Ok(Some(version)) => report.versions.push((name, version)),
                Ok(None) => {}
                Err(error) => {
                    telemetry::survived(name.as_str(), error.as_ref());
                    report.failed.push(name);
                }
            }
        }
        report
    }

    /// The token's version; none if nobody uses it.
    async fn renew_one(&self, name: TokenName, margin: Duration) -> Result<Option<u64>, BoxError> {
        let in_use = name == TokenName::MiniProgram || self.tokens.get(name).await?.token.is_some();
        if !in_use || !self.fetcher.is_configured(name) {
            return Ok(None);
        }
        Ok(Some(self.obtain(name, None, margin).await?.version))
    }
}

/// A token that lasts this long is good for a function that asks.
const NEEDED: Duration = Duration::from_secs(90);
/// WeChat gives a new stable token in the last 300 seconds of the old one, and both are valid then.
const RENEW: Duration = Duration::from_secs(220);
