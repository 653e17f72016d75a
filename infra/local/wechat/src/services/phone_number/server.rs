//! `POST /wxa/business/getuserphonenumber`: exchanges a code of the phone-number button for the number.
//!
//! Documentation: "Get phone number" (手机号快速验证). The code is not that of `wx.login`. It lives five minutes, can be used once and
//! belongs to one app. WeChat charges for every success.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-info/phone-number/getPhoneNumber.html>

use serde::Deserialize;
use serde_json::{Value, json};

use super::service::PhoneNumberService;
use crate::base::access;
use crate::base::platform::{CODE_MISSING, Errcode, INVALID_CODE};
use crate::base::tokens::access_tokens::TokenOwner;
use crate::core::clock::SECOND;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;

pub(crate) fn get_user_phone_number(
    numbers: &PhoneNumberService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::handle_post(&numbers.base.tokens, request, fault, TokenOwner::MiniProgram, |body| {
        get_number(numbers, &body)
    })
}

#[derive(Deserialize)]
struct PhoneCodeBody {
    code: Option<String>,
    openid: Option<String>,
}

fn get_number(numbers: &PhoneNumberService, body: &PhoneCodeBody) -> Result<Value, Errcode> {
    let code = body.code.as_deref().filter(|code| !code.is_empty()).ok_or(CODE_MISSING)?;
    let now = numbers.base.now();
    let app_id = &numbers.base.account().app_id;
    let openid = numbers.codes().use_code(code, body.openid.as_deref(), app_id, now)?;
    let number = numbers.base.users.get(&openid).map(|user| user.number.to_json()).ok_or(INVALID_CODE)?;
    let mut phone_info = number;
    if let Some(fields) = phone_info.as_object_mut() {
        fields.insert("watermark".to_owned(), json!({"timestamp": now / SECOND, "appid": app_id}));
    }
    Ok(json!({"phone_info": phone_info}))
}
