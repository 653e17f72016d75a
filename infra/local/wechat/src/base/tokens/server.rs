//! `GET /cgi-bin/token` and `POST /cgi-bin/stable_token`: an appid and its secret for an access token.
//!
//! Documentation: "Get access token" (获取接口调用凭据) and "Get stable access token" (获取稳定版接口调用凭据).
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-access-token/getAccessToken.html>

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::TokenService;
use super::access_tokens::Grant;
use crate::base::access;
use crate::base::platform::{
    APPID_MISSING, GET_REQUIRED, INVALID_APPID, INVALID_GRANT_TYPE, INVALID_SECRET, POST_REQUIRED, Refusal,
    SECRET_MISSING, failure, refusal_of, success,
};
use crate::base::tokens::Owner;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;

pub(crate) fn token(tokens: &TokenService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    answer(tokens, judge_plain(tokens, received, fault))
}

pub(crate) fn stable_token(
    tokens: &TokenService,
    received: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    answer(tokens, judge_stable(tokens, received, fault))
}

/// Whether it is asked for access tokens there.
pub(crate) fn is_token_path(path: &str) -> bool {
    ["/cgi-bin/token", "/cgi-bin/stable_token"].contains(&path)
}

#[derive(Deserialize)]
struct StableBody {
    grant_type: Option<String>,
    appid: Option<String>,
    secret: Option<String>,
    force_refresh: Option<bool>,
}

fn judge_plain(
    tokens: &TokenService,
    received: &ApiRequest,
    fault: Option<&Fault>,
) -> Result<Grant, Refusal> {
    if received.method != Method::GET {
        return Err(GET_REQUIRED);
    }
    let [grant_type, appid, secret] = ["grant_type", "appid", "secret"].map(|name| received.query(name));
    let owner = identify(tokens, grant_type, appid, secret)?;
    refusal_of(fault).map_or(Ok(()), Err)?;
    let now = tokens.context.now();
    tokens.state().tokens.plain(owner, now)
}

fn judge_stable(
    tokens: &TokenService,
    received: &ApiRequest,
    fault: Option<&Fault>,
) -> Result<Grant, Refusal> {
    if received.method != Method::POST {
        return Err(POST_REQUIRED);
    }
    let StableBody { grant_type, appid, secret, force_refresh } = access::body(received)?;
    let [grant_type, appid, secret] =
        [&grant_type, &appid, &secret].map(|field| field.as_deref().filter(|text| !text.is_empty()));
    let owner = identify(tokens, grant_type, appid, secret)?;
    refusal_of(fault).map_or(Ok(()), Err)?;
    let now = tokens.context.now();
    tokens.state().tokens.stable(owner, force_refresh == Some(true), now)
}

fn identify(
    tokens: &TokenService,
    grant_type: Option<&str>,
    appid: Option<&str>,
    secret: Option<&str>,
) -> Result<Owner, Refusal> {
    if grant_type != Some("client_credential") {
        return Err(INVALID_GRANT_TYPE);
    }
    let account = tokens.context.account();
    let appid = appid.ok_or(APPID_MISSING)?;
    let (owner, right) = if appid == account.app_id {
        (Owner::MiniProgram, &account.app_secret)
    } else if appid == account.official_app_id {
        (Owner::OfficialAccount, &account.official_app_secret)
    } else {
        return Err(INVALID_APPID);
    };
    if secret.ok_or(SECRET_MISSING)? == right { Ok(owner) } else { Err(INVALID_SECRET) }
}

/// A success has no errcode.
fn answer(tokens: &TokenService, judged: Result<Grant, Refusal>) -> ApiResponse {
    match judged {
        Ok(Grant { access_token, expires_in }) => {
            tokens.context.log().remember(&access_token);
            success(&json!({"access_token": access_token, "expires_in": expires_in}))
        }
        Err(refusal) => failure(&tokens.context, refusal),
    }
}
