//! The access tokens that were issued, and which of them are live.
//!
//! Documentation: "Get access token" (获取接口调用凭据) and "Get stable access token" (获取稳定版接口调用凭据). Tokens of both live 7200 seconds,
//! and the tokens of one API do not affect those of the other:
//!
//! ```text
//!   token          every call replaces; the token before it lives 5 more minutes
//!   stable_token   the same token until 5 minutes before its end, then a new one beside it
//!     force        replaces at once; at least 30 seconds apart, 20 a day
//! ```
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-access-token/getStableAccessToken.html>

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::base::platform::{
    DAY_QUOTA, Errcode, INVALID_CREDENTIAL, INVALID_TOKEN, MINUTE_QUOTA, TOKEN_EXPIRED,
};
use crate::base::quota::Quota;
use crate::core::clock::{HOUR, MINUTE, SECOND};
use crate::core::random;

/// The owner of an access token. Most APIs accept the tokens of one owner only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum TokenOwner {
    MiniProgram,
    OfficialAccount,
}

/// All access tokens that were ever issued.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct IssuedTokens {
    issued: HashMap<String, IssuedToken>,
    accounts: HashMap<TokenOwner, AccountTokens>,
}

/// The token in the response of a token API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenGrant {
    pub(crate) access_token: String,
    /// Seconds.
    pub(crate) expires_in: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct IssuedToken {
    owner: TokenOwner,
    expires: u64,
    /// When the token stops working because it was replaced or revoked, in unix milliseconds.
    ends: u64,
}

/// The tokens and quotas of one account.
#[derive(Debug, Default, Serialize, Deserialize)]
struct AccountTokens {
    /// The latest token of `/cgi-bin/token`.
    plain: Option<String>,
    plain_calls: Quota,
    /// The current token of `/cgi-bin/stable_token`.
    stable: Option<String>,
    stable_calls: Quota,
    stable_calls_of_day: Quota,
    forced: Option<u64>,
    forces: Quota,
}

impl IssuedTokens {
    /// Issues a token for `/cgi-bin/token`: always a new one.
    pub(crate) fn issue_plain(&mut self, owner: TokenOwner, now: u64) -> Result<TokenGrant, Errcode> {
        let account = self.accounts.entry(owner).or_default();
        if !account.plain_calls.try_count_in_day(now, PLAIN_CALLS_PER_DAY) {
            return Err(DAY_QUOTA);
        }
        let fresh = random::access_token();
        let before = account.plain.replace(fresh.clone());
        if let Some(before) = before.and_then(|text| self.issued.get_mut(&text)) {
            before.ends = before.ends.min(now.saturating_add(OVERLAP));
        }
        Ok(self.issue(fresh, owner, now))
    }

    /// Issues a token for `/cgi-bin/stable_token`, or returns the current one.
    pub(crate) fn issue_stable(
        &mut self,
        owner: TokenOwner,
        force: bool,
        now: u64,
    ) -> Result<TokenGrant, Errcode> {
        let account = self.accounts.entry(owner).or_default();
        if !account.stable_calls.try_count_in_minute(now, STABLE_CALLS_PER_MINUTE) {
            return Err(MINUTE_QUOTA);
        }
        if !account.stable_calls_of_day.try_count_in_day(now, STABLE_CALLS_PER_DAY) {
            return Err(DAY_QUOTA);
        }
        if force && account.forced.is_none_or(|last| now >= last.saturating_add(BETWEEN_FORCES)) {
            if !account.forces.try_count_in_day(now, FORCES_PER_DAY) {
                return Err(DAY_QUOTA);
            }
            account.forced = Some(now);
            if let Some(before) = account.stable.take().and_then(|text| self.issued.get_mut(&text)) {
                before.ends = before.ends.min(now);
            }
        }
        let current = account.stable.clone().and_then(|text| {
            let left = self.issued.get(&text)?.expires.checked_sub(now)?;
            (left > OVERLAP).then_some(TokenGrant { access_token: text, expires_in: left / SECOND })
        });
        if let Some(grant) = current {
            return Ok(grant);
        }
        let fresh = random::access_token();
        account.stable = Some(fresh.clone());
        Ok(self.issue(fresh, owner, now))
    }

    /// The owner of a live token.
    pub(crate) fn owner_of(&self, text: &str, now: u64) -> Result<TokenOwner, Errcode> {
        if !random::is_access_token(text) {
            return Err(INVALID_TOKEN);
        }
        let token = self.issued.get(text).filter(|token| now < token.ends).ok_or(INVALID_CREDENTIAL)?;
        if now < token.expires { Ok(token.owner) } else { Err(TOKEN_EXPIRED) }
    }

    /// Revokes all tokens. If `stuck`, `stable_token` returns the revoked token until a caller sends `force_refresh`.
    pub(crate) fn revoke_all(&mut self, stuck: bool, now: u64) {
        for token in self.issued.values_mut() {
            token.ends = token.ends.min(now);
        }
        if !stuck {
            for account in self.accounts.values_mut() {
                account.stable = None;
            }
        }
    }

    fn issue(&mut self, text: String, owner: TokenOwner, now: u64) -> TokenGrant {
        let token = IssuedToken { owner, expires: now.saturating_add(LIFE), ends: u64::MAX };
        self.issued.insert(text.clone(), token);
        TokenGrant { access_token: text, expires_in: LIFE / SECOND }
    }
}

const LIFE: u64 = 2 * HOUR;

/// How long the old token lives beside the new one, in milliseconds.
pub(super) const OVERLAP: u64 = 5 * MINUTE;

const BETWEEN_FORCES: u64 = 30 * SECOND;
const FORCES_PER_DAY: u32 = 20;
const PLAIN_CALLS_PER_DAY: u32 = 2000;
const STABLE_CALLS_PER_MINUTE: u32 = 10_000;
const STABLE_CALLS_PER_DAY: u32 = 500_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::clock::DAY;

    const MP: TokenOwner = TokenOwner::MiniProgram;

    fn stable(tokens: &mut IssuedTokens, now: u64) -> String {
        tokens.issue_stable(MP, false, now).unwrap().access_token
    }

    fn force(tokens: &mut IssuedTokens, now: u64) -> String {
        tokens.issue_stable(MP, true, now).unwrap().access_token
    }

    #[test]
    fn the_stable_token_is_the_same_until_five_minutes_before_its_end() {
        let mut tokens = IssuedTokens::default();
        let first = stable(&mut tokens, 0);
        let again = tokens.issue_stable(MP, false, LIFE - OVERLAP - SECOND).unwrap();
        assert_eq!(again, TokenGrant { access_token: first.clone(), expires_in: 301 });
        let renewed = tokens.issue_stable(MP, false, LIFE - OVERLAP).unwrap();
        assert_ne!(renewed.access_token, first);
        assert_eq!(renewed.expires_in, 7200);
        for token in [&first, &renewed.access_token] {
            assert_eq!(tokens.owner_of(token, LIFE - 1), Ok(MP), "both work");
        }
        assert_eq!(tokens.owner_of(&first, LIFE), Err(TOKEN_EXPIRED));
        assert_eq!(stable(&mut tokens, LIFE), renewed.access_token);
    }

    #[test]
    fn force_ends_the_token_before_it_at_once_but_not_within_thirty_seconds() {
        let mut tokens = IssuedTokens::default();
        let first = stable(&mut tokens, 0);
        let second = force(&mut tokens, 1000);
        assert_ne!(second, first);
        assert_eq!(tokens.owner_of(&first, 1000), Err(INVALID_CREDENTIAL));
        assert_eq!(force(&mut tokens, 30_999), second, "nothing is refreshed");
        assert_eq!(tokens.owner_of(&second, 30_999), Ok(MP));
        assert_ne!(force(&mut tokens, 31_000), second);
        assert_eq!(tokens.owner_of(&second, 31_000), Err(INVALID_CREDENTIAL));
    }

    #[test]
    fn twenty_forces_a_day_are_allowed() {
        let mut tokens = IssuedTokens::default();
        for i in 0..20 {
            force(&mut tokens, i * MINUTE);
        }
        assert_eq!(tokens.issue_stable(MP, true, HOUR), Err(DAY_QUOTA));
        assert!(tokens.issue_stable(MP, false, HOUR).is_ok());
        assert!(tokens.issue_stable(MP, true, DAY).is_ok());
    }

    #[test]
    fn a_plain_token_lives_five_minutes_beside_its_successor() {
        let mut tokens = IssuedTokens::default();
        let first = tokens.issue_plain(MP, 0).unwrap().access_token;
        let second = tokens.issue_plain(MP, MINUTE).unwrap().access_token;
        assert_ne!(first, second);
        assert_eq!(tokens.owner_of(&first, 6 * MINUTE - 1), Ok(MP));
        assert_eq!(tokens.owner_of(&first, 6 * MINUTE), Err(INVALID_CREDENTIAL));
        assert_eq!(tokens.owner_of(&second, 6 * MINUTE), Ok(MP));
    }

    #[test]
    fn plain_and_stable_tokens_and_the_two_accounts_do_not_touch_each_other() {
        let mut tokens = IssuedTokens::default();
        let kept = stable(&mut tokens, 0);
        for i in 0..3 {
            tokens.issue_plain(MP, i * OVERLAP).unwrap();
            tokens.issue_stable(TokenOwner::OfficialAccount, true, i * OVERLAP).unwrap();
        }
        assert_eq!(tokens.owner_of(&kept, 3 * OVERLAP), Ok(MP));
        let plain = tokens.issue_plain(MP, 0).unwrap().access_token;
        force(&mut tokens, 0);
        assert_eq!(tokens.owner_of(&plain, 0), Ok(MP));
    }

    #[test]
    fn two_thousand_plain_tokens_a_day_are_allowed() {
        let mut tokens = IssuedTokens::default();
        for _ in 0..2000 {
            tokens.issue_plain(MP, 0).unwrap();
        }
        assert_eq!(tokens.issue_plain(MP, 0), Err(DAY_QUOTA));
        assert!(tokens.issue_plain(TokenOwner::OfficialAccount, 0).is_ok());
        assert!(tokens.issue_plain(MP, DAY).is_ok());
    }

    #[test]
    fn a_revoked_token_is_replaced_unless_it_is_stuck() {
        let mut tokens = IssuedTokens::default();
        let first = stable(&mut tokens, 0);
        tokens.revoke_all(true, 1);
        assert_eq!(tokens.owner_of(&first, 1), Err(INVALID_CREDENTIAL));
        assert_eq!(stable(&mut tokens, 2), first, "the platform has not noticed");
        let second = force(&mut tokens, 3);
        tokens.revoke_all(false, 4);
        assert_eq!(tokens.owner_of(&second, 4), Err(INVALID_CREDENTIAL));
        assert_ne!(stable(&mut tokens, 5), second);
    }

    #[test]
    fn a_text_without_the_form_of_a_token_has_another_errcode() {
        let tokens = IssuedTokens::default();
        assert_eq!(tokens.owner_of("token", 0), Err(INVALID_TOKEN));
        assert_eq!(tokens.owner_of(&format!("{}!", random::access_token()), 0), Err(INVALID_TOKEN));
        assert_eq!(tokens.owner_of(&random::access_token(), 0), Err(INVALID_CREDENTIAL));
    }
}
