//! Content check: what users write is judged by WeChat before others see it.
//!
//! The check fails closed: content that could not be checked is not passed. An outage is an error, so that the caller repeats the request;
//! a refusal that concerns this user or this text is [`Verdict::UNCHECKED`], so that a person looks at it.

use super::{PlatformClient, PlatformError};
use crate::{
    host::{Host, HostError, RetryPolicy},
    store::TokenName,
    telemetry,
    wechat::{Errcode, ErrcodeClass, Suggestion, TextCheck, Verdict},
};

/// Asks WeChat to judge content.
pub struct ContentChecker(PlatformClient);

impl ContentChecker {
    /// [`PlatformClient::new`] reads the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        PlatformClient::new(host, TokenName::MiniProgram).map(Self)
    }

    /// WeChat's verdict on the text. The call changes nothing at WeChat, so it is repeated after any failure that may pass.
    ///
    /// # Errors
    /// [`PlatformError`]: WeChat can't be asked now, or refuses for a reason that has nothing to do with this text. The text is not
    /// checked and must not be shown.
    pub async fn check_text(&self, check: &TextCheck<'_>) -> Result<Verdict, PlatformError> {
        match self.0.post(TextCheck::PATH, &check.to_json(), RetryPolicy::AnyFailure).await {
            Ok(answer) => Ok(Verdict::read(&answer)),
            Err(error) => match error.errcode() {
                // The answer of the API's first version to a text that must not be shown.
                Some(87014) => Ok(Verdict { suggestion: Suggestion::Risky, label: None }),
                // Our request is malformed, which another look at the text would not mend.
                Some(43302 | 44002 | 47001) => Err(error),
                // The user has not opened the mini program for two hours, or WeChat has a reason that is not documented.
                Some(code) if Errcode(code).class() == ErrcodeClass::Request => {
                    telemetry::unusual_event("content-not-checked", &Errcode(code));
                    Ok(Verdict::UNCHECKED)
                }
                _ => Err(error),
            },
        }
    }
}
