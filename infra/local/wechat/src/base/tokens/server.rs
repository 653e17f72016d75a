//! `GET /cgi-bin/token` and `POST /cgi-bin/stable_token` give an access token for an appid and its secret; `GET
//! /cgi-bin/ticket/getticket` gives a ticket.
//!
//! Documentation: "Get access token" (获取接口调用凭据) and "Get stable access token" (获取稳定版接口调用凭据).
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-access-token/getAccessToken.html>

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::access_tokens::{TokenGrant, TokenOwner};
use super::service::TokenService;
use super::tickets::{Ticket, TicketKind};
use crate::base::access;
use crate::base::platform::{
    APPID_MISSING, Errcode, GET_REQUIRED, INVALID_APPID, INVALID_ARGUMENT, INVALID_GRANT_TYPE,
    INVALID_SECRET, POST_REQUIRED, SECRET_MISSING, errcode_of_fault, error_response, json_response,
};
use crate::core::clock::SECOND;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;

pub(crate) fn get_token(tokens: &TokenService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    token_response(tokens, issue_plain_token(tokens, request, fault))
}

pub(crate) fn get_stable_token(
    tokens: &TokenService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    token_response(tokens, issue_stable_token(tokens, request, fault))
}

pub(crate) fn get_ticket(tokens: &TokenService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    access::handle_get(tokens, request, fault, TokenOwner::OfficialAccount, || {
        let kind = match request.query("type") {
            Some("jsapi") => TicketKind::JsApi,
            Some("wx_card") => TicketKind::Card,
            _ => return Err(INVALID_ARGUMENT),
        };
        let now = tokens.context.now();
        let Ticket { text, expires } = tokens.state().tickets.current(kind, now);
        tokens.context.log().add_secret(&text);
        Ok(json!({"ticket": text, "expires_in": expires.saturating_sub(now) / SECOND}))
    })
}

/// Whether this path issues access tokens.
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

fn issue_plain_token(
    tokens: &TokenService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> Result<TokenGrant, Errcode> {
    if request.method != Method::GET {
        return Err(GET_REQUIRED);
    }
    let [grant_type, appid, secret] = ["grant_type", "appid", "secret"].map(|name| request.query(name));
    let owner = check_credentials(tokens, grant_type, appid, secret)?;
    errcode_of_fault(fault).map_or(Ok(()), Err)?;
    let now = tokens.context.now();
    tokens.state().tokens.issue_plain(owner, now)
}

fn issue_stable_token(
    tokens: &TokenService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> Result<TokenGrant, Errcode> {
    if request.method != Method::POST {
        return Err(POST_REQUIRED);
    }
    let StableBody { grant_type, appid, secret, force_refresh } = access::parse_body(request)?;
    let [grant_type, appid, secret] =
        [&grant_type, &appid, &secret].map(|field| field.as_deref().filter(|text| !text.is_empty()));
    let owner = check_credentials(tokens, grant_type, appid, secret)?;
    errcode_of_fault(fault).map_or(Ok(()), Err)?;
    let now = tokens.context.now();
    tokens.state().tokens.issue_stable(owner, force_refresh == Some(true), now)
}

fn check_credentials(
    tokens: &TokenService,
    grant_type: Option<&str>,
    appid: Option<&str>,
    secret: Option<&str>,
) -> Result<TokenOwner, Errcode> {
    if grant_type != Some("client_credential") {
        return Err(INVALID_GRANT_TYPE);
    }
    let account = tokens.context.account();
    let appid = appid.ok_or(APPID_MISSING)?;
    let (owner, expected_secret) = if appid == account.app_id {
        (TokenOwner::MiniProgram, &account.app_secret)
    } else if appid == account.official_app_id {
        (TokenOwner::OfficialAccount, &account.official_app_secret)
    } else {
        return Err(INVALID_APPID);
    };
    if secret.ok_or(SECRET_MISSING)? == expected_secret { Ok(owner) } else { Err(INVALID_SECRET) }
}

/// The response with the token. A success has no errcode.
fn token_response(tokens: &TokenService, result: Result<TokenGrant, Errcode>) -> ApiResponse {
    match result {
        Ok(TokenGrant { access_token, expires_in }) => {
            tokens.context.log().add_secret(&access_token);
            json_response(&json!({"access_token": access_token, "expires_in": expires_in}))
        }
        Err(error) => error_response(&tokens.context, error),
    }
}
