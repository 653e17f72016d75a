//! The checks that every API with an `access_token` makes before it reads its fields, in WeChat's order: token, owner of the
//! token, method, body.
//!
//! Documentation: "Global return codes" (全局返回码).
//!
//! <https://developers.weixin.qq.com/doc/offiaccount/Getting_Started/Global_Return_Code.html>

use http::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::base::platform::{
    EMPTY_BODY, Errcode, GET_REQUIRED, NOT_JSON, POST_REQUIRED, TOKEN_MISSING, UNAUTHORIZED,
    errcode_of_fault, error_response, ok_response,
};
use crate::base::tokens::access_tokens::TokenOwner;
use crate::base::tokens::service::TokenService;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;

/// Handles a GET request of an API with an `access_token`.
pub(crate) fn handle_get(
    tokens: &TokenService,
    request: &ApiRequest,
    fault: Option<&Fault>,
    owner: TokenOwner,
    handle: impl FnOnce() -> Result<Value, Errcode>,
) -> ApiResponse {
    let result = check_access(tokens, request, fault, owner, &Method::GET)
        .and_then(|()| errcode_of_fault(fault).map_or(Ok(()), Err))
        .and_then(|()| handle());
    result.map_or_else(|error| error_response(&tokens.context, error), ok_response)
}

/// Handles a POST request of an API with an `access_token` and a JSON body. Unknown fields are ignored.
pub(crate) fn handle_post<B: DeserializeOwned>(
    tokens: &TokenService,
    request: &ApiRequest,
    fault: Option<&Fault>,
    owner: TokenOwner,
    handle: impl FnOnce(B) -> Result<Value, Errcode>,
) -> ApiResponse {
    read_body(tokens, request, fault, owner)
        .and_then(handle)
        .map_or_else(|error| error_response(&tokens.context, error), ok_response)
}

/// Checks access and parses the body of a POST request.
pub(crate) fn read_body<B: DeserializeOwned>(
    tokens: &TokenService,
    request: &ApiRequest,
    fault: Option<&Fault>,
    owner: TokenOwner,
) -> Result<B, Errcode> {
    check_access(tokens, request, fault, owner, &Method::POST)?;
    let body = parse_body(request)?;
    errcode_of_fault(fault).map_or(Ok(body), Err)
}

/// Checks access to an API by POST whose body is not JSON.
pub(crate) fn check_post(
    tokens: &TokenService,
    request: &ApiRequest,
    fault: Option<&Fault>,
    owner: TokenOwner,
) -> Result<(), Errcode> {
    check_access(tokens, request, fault, owner, &Method::POST)?;
    errcode_of_fault(fault).map_or(Ok(()), Err)
}

/// Checks access to an API by GET whose answer is not JSON.
pub(crate) fn check_get(
    tokens: &TokenService,
    request: &ApiRequest,
    fault: Option<&Fault>,
    owner: TokenOwner,
) -> Result<(), Errcode> {
    check_access(tokens, request, fault, owner, &Method::GET)?;
    errcode_of_fault(fault).map_or(Ok(()), Err)
}

/// Parses a JSON object, whatever the content type says. A field of the wrong type gives the same errcode as a body that is no
/// JSON.
pub(crate) fn parse_body<B: DeserializeOwned>(request: &ApiRequest) -> Result<B, Errcode> {
    if request.body.is_empty() {
        return Err(EMPTY_BODY);
    }
    serde_json::from_slice::<serde_json::Map<String, Value>>(&request.body)
        .and_then(|fields| serde_json::from_value(Value::Object(fields)))
        .map_err(|_| NOT_JSON)
}

fn check_access(
    tokens: &TokenService,
    request: &ApiRequest,
    fault: Option<&Fault>,
    owner: TokenOwner,
    method: &Method,
) -> Result<(), Errcode> {
    if let Some(Fault::TokenRevoked { stuck, .. }) = fault {
        tokens.revoke_all(*stuck);
    }
    let token = request.query("access_token").ok_or(TOKEN_MISSING)?;
    if tokens.owner_of(token)? != owner {
        return Err(UNAUTHORIZED);
    }
    if request.method == method {
        Ok(())
    } else if *method == Method::GET {
        Err(GET_REQUIRED)
    } else {
        Err(POST_REQUIRED)
    }
}
