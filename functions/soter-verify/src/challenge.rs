//! `POST /api/soter/challenge`: issues a challenge, which the phone signs.

use serde::{Deserialize, Serialize};
use shared::{
    api::{ApiError, request, response},
    runtime::{Body, Request, Response},
    store::{Challenges, Intent},
};

use crate::SoterVerifyFunction;

#[derive(Deserialize)]
struct ChallengeBody {
    purpose: Option<String>,
    payload: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChallengeAnswer {
    challenge: String,
    /// Seconds.
    expires_in: u64,
}

impl SoterVerifyFunction {
    pub(crate) async fn issue_challenge(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        let intent = parse(request::json(request)?)?;
        let challenge = self.challenges.issue(&caller, intent).await?;
        let expires_in = Challenges::LIFETIME.as_secs();
        Ok(response::success(&ChallengeAnswer { challenge, expires_in }))
    }
}

fn parse(ChallengeBody { purpose, payload }: ChallengeBody) -> Result<Intent, ApiError> {
    let purpose = request::required("purpose", purpose)?;
    if !(1..=64).contains(&purpose.chars().count()) {
        return Err(ApiError::invalid("purpose", "须为 1 至 64 个字符"));
    }
    if payload.as_ref().is_some_and(|payload| payload.chars().count() > 512) {
        return Err(ApiError::invalid("payload", "不能超过 512 个字符"));
    }
    Ok(Intent { purpose, payload })
}
