//! What every API with an `access_token` judges before its own fields, in WeChat's order: the token, whose it
//! is, the method, the body.
//!
//! Documentation: "Global return codes" (全局返回码).
//!
//! <https://developers.weixin.qq.com/doc/offiaccount/Getting_Started/Global_Return_Code.html>

use http::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    EMPTY_BODY, GET_REQUIRED, NOT_JSON, Owner, POST_REQUIRED, Refusal, TOKEN_MISSING, UNAUTHORIZED, failure,
    ok, refusal_of,
};
use crate::faults::Fault;
use crate::upstream::{Answer, Received};
use crate::wechat::WeChat;

/// An API that is called by GET.
pub(super) fn get(
    wechat: &WeChat,
    received: &Received,
    fault: Option<&Fault>,
    owner: Owner,
    judge: impl FnOnce() -> Result<Value, Refusal>,
) -> Answer {
    let judged = admit(wechat, received, fault, owner, &Method::GET)
        .and_then(|()| refusal_of(fault).map_or(Ok(()), Err))
        .and_then(|()| judge());
    judged.map_or_else(|refusal| failure(wechat, refusal), ok)
}

/// An API that is called by POST with a JSON object. Fields the judge does not know are ignored.
pub(super) fn post<B: DeserializeOwned>(
    wechat: &WeChat,
    received: &Received,
    fault: Option<&Fault>,
    owner: Owner,
    judge: impl FnOnce(B) -> Result<Value, Refusal>,
) -> Answer {
    read(wechat, received, fault, owner).and_then(judge).map_or_else(|refusal| failure(wechat, refusal), ok)
}

/// The body of a POST, if WeChat would look into it.
pub(super) fn read<B: DeserializeOwned>(
    wechat: &WeChat,
    received: &Received,
    fault: Option<&Fault>,
    owner: Owner,
) -> Result<B, Refusal> {
    admit(wechat, received, fault, owner, &Method::POST)?;
    let body = body(received)?;
    refusal_of(fault).map_or(Ok(body), Err)
}

/// A JSON object, whatever the content type says; a field of another type is refused like no JSON at all.
pub(super) fn body<B: DeserializeOwned>(received: &Received) -> Result<B, Refusal> {
    if received.body.is_empty() {
        return Err(EMPTY_BODY);
    }
    serde_json::from_slice::<serde_json::Map<String, Value>>(&received.body)
        .and_then(|fields| serde_json::from_value(Value::Object(fields)))
        .map_err(|_| NOT_JSON)
}

fn admit(
    wechat: &WeChat,
    received: &Received,
    fault: Option<&Fault>,
    owner: Owner,
    method: &Method,
) -> Result<(), Refusal> {
    let now = wechat.now();
    let state = &mut *wechat.state();
    if let Some(Fault::TokenRevoked { stuck, .. }) = fault {
        state.tokens.revoke(*stuck, now);
    }
    let token = received.query("access_token").ok_or(TOKEN_MISSING)?;
    if state.tokens.owner_of(token, now)? != owner {
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
