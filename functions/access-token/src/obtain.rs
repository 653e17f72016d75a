//! One token, whoever asks and however many do: look, lease, ask WeChat, store.

use std::time::Duration;

use shared::{
    error::BoxError,
    store::{Lease, Leased, Token, TokenName, TokenRow},
    telemetry::{self, Counted},
    types::UnixSeconds,
};

use crate::{
    AccessTokenTask,
    fetch::{FetchError, Fetched},
};

/// No usable token could be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObtainError {
    /// Another broker holds the lease and did not bring one.
    #[error("another broker was waited for in vain")]
    Waited,
    /// WeChat gives the refused token again, and was made to give a new one just now.
    #[error("WeChat gives the refused token again")]
    GivenAgain,
}

impl AccessTokenTask {
    /// A token that lasts for `margin` and is not the version that WeChat `refused`.
    pub(crate) async fn obtain(
        &self,
        name: TokenName,
        refused: Option<u64>,
        margin: Duration,
    ) -> Result<Token, BoxError> {
        let id = shared::crypto::hex(&self.host.random::<8>()?);
        let mut row = self.tokens.get(name).await?;
        let mut pause = LOOK;
        for _ in 0..LOOKS {
            let now = self.host.now();
            if let Some(token) = usable(&row, refused, now, margin) {
                return Ok(token);
            }
            if let Leased::Ours(lease) = self.tokens.lease(name, row.version, &id, now).await? {
                return self.replace(name, refused, &lease).await;
            }
            // Another broker is at it; its token will do.
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(LONGEST_LOOK);
            row = self.tokens.get(name).await?;
        }
        Err(ObtainError::Waited.into())
    }

    async fn replace(&self, name: TokenName, refused: Option<u64>, lease: &Lease) -> Result<Token, BoxError> {
        match self.ask(name, refused, lease).await {
            Ok(token) => {
                telemetry::count(Counted::TokenRefresh("given"));
                Ok(token)
            }
            Err(error) => {
                telemetry::count(Counted::TokenRefresh("refused"));
                if let Err(error) = self.tokens.release(lease).await {
                    telemetry::survived("release", &error);
                }
                // What is still valid is better than nothing: WeChat may be back before it ends.
                let now = self.host.now();
                usable(&lease.row, refused, now, Duration::ZERO).ok_or(error)
            }
        }
    }

    async fn ask(&self, name: TokenName, refused: Option<u64>, lease: &Lease) -> Result<Token, BoxError> {
        let old = lease.row.token.clone();
        let refused = old.filter(|old| refused == Some(old.version)).map(|old| old.value);
        let mut asked_at = self.host.now();
        let mut fetched = self.fetch(name, false).await?;
        if refused.as_ref() == Some(&fetched.value) {
            // The platform itself does not know yet that its token is void.
            let forced_lately = lease.row.forced_at.is_some_and(|at| asked_at.since(at) < FORCE_APART);
            if forced_lately || !self.fetcher.can_force(name) {
                return Err(ObtainError::GivenAgain.into());
            }
            asked_at = self.host.now();
            if !self.tokens.note_force(lease, asked_at).await? {
                return Err(ObtainError::Waited.into());
            }
            telemetry::noted("token-forced", &name.as_str());
            fetched = self.fetch(name, true).await?;
        }
        self.keep(lease, fetched, asked_at, name).await
    }

    async fn keep(
        &self,
        lease: &Lease,
        fetched: Fetched,
        asked_at: UnixSeconds,
        name: TokenName,
    ) -> Result<Token, BoxError> {
        let expires_at = asked_at.plus(fetched.lasts);
        if !self.tokens.store(lease, &fetched.value, expires_at).await? {
            // Our lease ran out while we asked: what the next holder stored is newer than what we got.
            telemetry::noted("token-answer-too-late", &name.as_str());
        }
        self.tokens.get(name).await?.token.ok_or_else(|| ObtainError::Waited.into())
    }

    async fn fetch(&self, name: TokenName, force: bool) -> Result<Fetched, BoxError> {
        let kind = match name {
            TokenName::MiniProgram | TokenName::OfficialAccount => {
                return Ok(self.fetcher.access_token(name, force).await?);
            }
            TokenName::JsapiTicket => "jsapi",
            TokenName::CardTicket => "wx_card",
        };
        let token = Box::pin(self.obtain(TokenName::OfficialAccount, None, TICKET_NEEDS)).await?;
        match self.fetcher.ticket(kind, &token.value).await {
            Err(FetchError::TokenRefused(_)) => {
                let refused = Some(token.version);
                let token = Box::pin(self.obtain(TokenName::OfficialAccount, refused, TICKET_NEEDS)).await?;
                Ok(self.fetcher.ticket(kind, &token.value).await?)
            }
            fetched => Ok(fetched?),
        }
    }
}

fn usable(row: &TokenRow, refused: Option<u64>, now: UnixSeconds, margin: Duration) -> Option<Token> {
    row.token.clone().filter(|token| refused != Some(token.version) && token.lasts(now, margin))
}

/// Looks at the row while another broker holds the lease: in all a little longer than a lease lasts.
const LOOKS: u32 = 16;
const LOOK: Duration = Duration::from_millis(200);
const LONGEST_LOOK: Duration = Duration::from_secs(1);
/// WeChat takes two forced renewals only 30 seconds apart, and 20 a day.
const FORCE_APART: Duration = Duration::from_secs(60);
const TICKET_NEEDS: Duration = Duration::from_secs(30);
