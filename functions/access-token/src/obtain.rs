//! Obtains one token: reads the table, takes the lease, fetches the token from WeChat, and stores it.

use std::time::Duration;

use shared::{
    store::{Lease, LeaseOutcome, Token, TokenName, TokenRow},
    telemetry::{self, Metric},
    types::{BoxError, UnixSeconds},
};

use crate::{
    AccessTokenTask,
    fetch::{FetchError, FetchedToken},
};

/// No usable token could be obtained.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObtainError {
    /// Another run holds the lease and has stored no usable token in time.
    #[error("another broker was waited for in vain")]
    LeaseHeld,
    /// WeChat gives the refused token again, and can't be made to replace it now.
    #[error("WeChat gives the refused token again")]
    RefusedTokenAgain,
}

impl AccessTokenTask {
    /// A token that is valid for at least `margin` and is not the version that WeChat `refused`.
    ///
    /// # Errors
    /// [`ObtainError`], `FetchError` or `StoreError`. Obtaining it again is safe.
    pub(crate) async fn obtain_token(
        &self,
        name: TokenName,
        refused: Option<u64>,
        margin: Duration,
    ) -> Result<Token, BoxError> {
        let id = shared::crypto::hex(&self.host.random::<8>()?);
        let mut row = self.tokens.get(name).await?;
        let mut pause = FIRST_PAUSE;
        for _ in 0..MAX_POLLS {
            let now = self.host.now();
            if let Some(token) = usable(&row, refused, now, margin) {
                return Ok(token);
            }
            if let LeaseOutcome::Acquired(lease) =
                self.tokens.acquire_lease(name, row.version, &id, now).await?
            {
                return self.replace_token(name, refused, &lease).await;
            }
            // Another run holds the lease. The token that it stores is usable here too.
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
            row = self.tokens.get(name).await?;
        }
        Err(ObtainError::LeaseHeld.into())
    }

    async fn replace_token(
        &self,
        name: TokenName,
        refused: Option<u64>,
        lease: &Lease,
    ) -> Result<Token, BoxError> {
        match self.fetch_and_store(name, refused, lease).await {
            Ok(token) => {
                telemetry::record_metric(Metric::TokenRefresh("given"));
                Ok(token)
            }
            Err(error) => {
                telemetry::record_metric(Metric::TokenRefresh("refused"));
                if let Err(error) = self.tokens.release_lease(lease).await {
                    telemetry::handled_error("release-token-lease", &error);
                }
                // An old token that is still valid is used: WeChat may answer again before it expires.
                let now = self.host.now();
                usable(&lease.row, refused, now, Duration::ZERO).ok_or(error)
            }
        }
    }

    async fn fetch_and_store(
        &self,
        name: TokenName,
        refused: Option<u64>,
        lease: &Lease,
    ) -> Result<Token, BoxError> {
        let old = lease.row.token.clone();
        let refused = old.filter(|old| refused == Some(old.version)).map(|old| old.value);
        let mut asked_at = self.host.now();
        let mut fetched = self.fetch_token(name, false).await?;
        if refused.as_ref() == Some(&fetched.value) {
            // WeChat still gives the token that it refuses, so it must be made to replace it.
            let forced_lately = lease.row.forced_at.is_some_and(|at| asked_at.since(at) < FORCE_INTERVAL);
            if forced_lately || !self.fetcher.can_force(name) {
                return Err(ObtainError::RefusedTokenAgain.into());
            }
            asked_at = self.host.now();
            if !self.tokens.record_force(lease, asked_at).await? {
                return Err(ObtainError::LeaseHeld.into());
            }
            telemetry::unusual_event("token-renewed-by-force", &name.as_str());
            fetched = self.fetch_token(name, true).await?;
        }
        self.store_token(lease, fetched, asked_at, name).await
    }

    async fn store_token(
        &self,
        lease: &Lease,
        fetched: FetchedToken,
        asked_at: UnixSeconds,
        name: TokenName,
    ) -> Result<Token, BoxError> {
        let expires_at = asked_at.plus(fetched.lifetime);
        if !self.tokens.store_value(lease, &fetched.value, expires_at).await? {
            // The lease expired while WeChat was asked. The next holder's token is newer than this one.
            telemetry::unusual_event("token-arrived-after-lease", &name.as_str());
        }
        self.tokens.get(name).await?.token.ok_or_else(|| ObtainError::LeaseHeld.into())
    }

    async fn fetch_token(&self, name: TokenName, force: bool) -> Result<FetchedToken, BoxError> {
        let kind = match name {
            TokenName::MiniProgram | TokenName::OfficialAccount => {
                return Ok(self.fetcher.fetch_access_token(name, force).await?);
            }
            TokenName::JsapiTicket => "jsapi",
            TokenName::CardTicket => "wx_card",
        };
        let token = Box::pin(self.obtain_token(TokenName::OfficialAccount, None, TICKET_MARGIN)).await?;
        match self.fetcher.fetch_ticket(kind, &token.value).await {
            Err(FetchError::TokenRefused(_)) => {
                let refused = Some(token.version);
                let token =
                    Box::pin(self.obtain_token(TokenName::OfficialAccount, refused, TICKET_MARGIN)).await?;
                Ok(self.fetcher.fetch_ticket(kind, &token.value).await?)
            }
            fetched => Ok(fetched?),
        }
    }
}

fn usable(row: &TokenRow, refused: Option<u64>, now: UnixSeconds, margin: Duration) -> Option<Token> {
    row.token.clone().filter(|token| refused != Some(token.version) && token.is_valid_for(now, margin))
}

/// Reads of the row while another run holds the lease: with their pauses, a little longer than a lease lasts.
const MAX_POLLS: u32 = 16;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Time between two forced renewals. WeChat accepts them 30 seconds apart, and 20 a day.
const FORCE_INTERVAL: Duration = Duration::from_secs(60);
/// The remaining lifetime with which an access token is usable to fetch a ticket.
const TICKET_MARGIN: Duration = Duration::from_secs(30);
