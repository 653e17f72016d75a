//! The broker of access tokens and tickets: the only function that fetches them from WeChat.
//!
//! WeChat: 获取稳定版接口调用凭据 (`stable_token`), which advises to keep tokens in one central place. Only this function and login read
//! the AppSecret. A schedule starts the broker to renew tokens that are about to expire, and other functions start it when they find
//! no usable token in the table. Of several runs at the same time, only the holder of the lease asks WeChat.

mod fetch;
mod obtain;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::{
    host::{Host, HostError},
    runtime::Task,
    store::{TokenName, Tokens},
    telemetry,
    types::BoxError,
};

use crate::fetch::TokenFetcher;

/// Fetches and renews access tokens and tickets.
pub struct AccessTokenTask {
    host: Host,
    tokens: Tokens,
    fetcher: TokenFetcher,
}

/// The event that starts the broker.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessTokenEvent {
    /// From the schedule: renew the tokens that are in use and about to expire.
    Renew,
    /// From a function that needs a token.
    Obtain {
        /// The name of the token.
        name: TokenName,
        /// The version that WeChat has refused, if any. The function needs another one.
        #[serde(default)]
        refused: Option<u64>,
    },
}

/// The versions of the tokens that are usable now, and the tokens that could not be had. The values stay in the table.
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
        Ok(Self { host: host.clone(), tokens: Tokens::new(host)?, fetcher: TokenFetcher::new(host)? })
    }

    async fn run(&self, event: AccessTokenEvent) -> Result<AccessTokenReport, BoxError> {
        match event {
            AccessTokenEvent::Obtain { name, refused } => {
                let token = self.obtain_token(name, refused, MIN_LIFETIME).await?;
                Ok(AccessTokenReport { versions: vec![(name, token.version)], failed: Vec::new() })
            }
            AccessTokenEvent::Renew => Ok(self.renew_all().await),
        }
    }
}

impl AccessTokenTask {
    async fn renew_all(&self) -> AccessTokenReport {
        // Jitter, so that many deployments do not ask WeChat in the same second.
        let [jitter] = self.host.random::<1>().unwrap_or_default();
        let margin = RENEWAL_MARGIN + Duration::from_secs(u64::from(jitter) / 4);
        let mut report = AccessTokenReport::default();
        for name in TokenName::ALL {
            match self.renew_one(name, margin).await {
                Ok(Some(version)) => report.versions.push((name, version)),
                Ok(None) => {}
                Err(error) => {
                    telemetry::handled_error(name.as_str(), error.as_ref());
                    report.failed.push(name);
                }
            }
        }
        report
    }

    /// The token's version; `None` if no function uses it or its account is not configured.
    async fn renew_one(&self, name: TokenName, margin: Duration) -> Result<Option<u64>, BoxError> {
        let in_use = name == TokenName::MiniProgram || self.tokens.get(name).await?.token.is_some();
        if !in_use || !self.fetcher.is_configured(name) {
            return Ok(None);
        }
        Ok(Some(self.obtain_token(name, None, margin).await?.version))
    }
}

/// The remaining lifetime with which a token is usable for the function that needs it.
const MIN_LIFETIME: Duration = Duration::from_secs(90);
/// A token is renewed when it expires within this time. WeChat gives a new stable token in the last 300 seconds of the old one, and
/// both are valid then.
const RENEWAL_MARGIN: Duration = Duration::from_secs(220);
