//! What every API with an `access_token` judges before its own fields, in WeChat's order: the token, whose it
//! is, the method, the body.
//!
//! Documentation: "Global return codes" (全局返回码).
//!
//! <https://developers.weixin.qq.com/doc/offiaccount/Getting_Started/Global_Return_Code.html>

use http::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::base::platform::{
    EMPTY_BODY, GET_REQUIRED, NOT_JSON, POST_REQUIRED, Refusal, TOKEN_MISSING, UNAUTHORIZED, failure, ok,
    refusal_of,
};
use crate::base::tokens::Owner;
use crate::base::tokens::TokenService;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;

/// An API that is called by GET.
pub(crate) fn get(
    tokens: &TokenService,
    received: &ApiRequest,
    fault: Option<&Fault>,
    owner: Owner,
    judge: impl FnOnce() -> Result<Value, Refusal>,
) -> ApiResponse {
    let judged = admit(tokens, received, fault, owner, &Method::GET)
        .and_then(|()| refusal_of(fault).map_or(Ok(()), Err))
        .and_then(|()| judge());
    judged.map_or_else(|refusal| failure(&tokens.context, refusal), ok)
}

/// An API that is called by POST with a JSON object. Fields the judge does not know are ignored.
pub(crate) fn post<B: DeserializeOwned>(
    tokens: &TokenService,
    received: &ApiRequest,
    fault: Option<&Fault>,
    owner: Owner,
    judge: impl FnOnce(B) -> Result<Value, Refusal>,
) -> ApiResponse {
    read(tokens, received, fault, owner)
        .and_then(judge)
        .map_or_else(|refusal| failure(&tokens.context, refusal), ok)
}

/// The body of a POST, if WeChat would look into it.
pub(crate) fn read<B: DeserializeOwned>(
    tokens: &TokenService,
    received: &ApiRequest,
    fault: Option<&Fault>,
    owner: Owner,
) -> Result<B, Refusal> {
    admit(tokens, received, fault, owner, &Method::POST)?;
    let body = body(received)?;
    refusal_of(fault).map_or(Ok(body), Err)
}

/// A JSON object, whatever the content type says; a field of another type is refused like no JSON at all.
pub(crate) fn body<B: DeserializeOwned>(received: &ApiRequest) -> Result<B, Refusal> {
    if received.body.is_empty() {
        return Err(EMPTY_BODY);
    }
    serde_json::from_slice::<serde_json::Map<String, Value>>(&received.body)
        .and_then(|fields| serde_json::from_value(Value::Object(fields)))
        .map_err(|_| NOT_JSON)
}

fn admit(
    tokens: &TokenService,
    received: &ApiRequest,
    fault: Option<&Fault>,
    owner: Owner,
    method: &Method,
) -> Result<(), Refusal> {
    if let Some(Fault::TokenRevoked { stuck, .. }) = fault {
        tokens.revoke(*stuck);
    }
    let token = received.query("access_token").ok_or(TOKEN_MISSING)?;
    if tokens.owner_of(token)? != owner {
        return Err(UNAUTHORIZED);
    }
    if received.method == method {
        Ok(())
    } else if *method == Method::GET {
        Err(GET_REQUIRED)
    } else {
        Err(POST_REQUIRED)
    }
}
