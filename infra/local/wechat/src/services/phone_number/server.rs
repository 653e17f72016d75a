//! `POST /wxa/business/getuserphonenumber`: a code from the phone-number button for the number.
//!
//! Documentation: "Get phone number" (手机号快速验证). The code is not that of `wx.login`; it lives five minutes, is
//! used once and belongs to one app. Every success is paid for.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-info/phone-number/getPhoneNumber.html>

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::PhoneNumberService;
use crate::base::access;
use crate::base::platform::{CODE_MISSING, INVALID_CODE, INVALID_OPENID, Refusal};
use crate::base::tokens::Owner;
use crate::core::clock::{MINUTE, SECOND};
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::core::random;

pub(crate) fn get_user_phone_number(
    numbers: &PhoneNumberService,
    received: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::post(&numbers.base.tokens, received, fault, Owner::MiniProgram, |body| judge(numbers, &body))
}

#[derive(Deserialize)]
struct Body {
    code: Option<String>,
    openid: Option<String>,
}

fn judge(numbers: &PhoneNumberService, body: &Body) -> Result<Value, Refusal> {
    let code = body.code.as_deref().filter(|code| !code.is_empty()).ok_or(CODE_MISSING)?;
    let now = numbers.base.now();
    let app_id = &numbers.base.account().app_id;
    let openid = numbers.codes().spend(code, body.openid.as_deref(), app_id, now)?;
    let number = numbers.base.users.get(&openid).map(|user| user.number.to_json()).ok_or(INVALID_CODE)?;
    let mut phone_info = number;
    if let Some(fields) = phone_info.as_object_mut() {
        fields.insert("watermark".to_owned(), json!({"timestamp": now / SECOND, "appid": app_id}));
    }
    Ok(json!({"phone_info": phone_info}))
}

/// The codes of the phone-number button.
#[derive(Debug, Default)]
pub(super) struct PhoneCodes {
    codes: HashMap<String, Code>,
    charged: u64,
}

#[derive(Debug)]
struct Code {
    openid: String,
    app_id: String,
    made: u64,
}

impl PhoneCodes {
    /// The user taps the button.
    pub(super) fn new_code(&mut self, openid: &str, app_id: &str, now: u64) -> String {
        self.codes.retain(|_, code| now < code.made.saturating_add(CODE_LIFE));
        let code = random::phone_code();
        let entry = Code { openid: openid.to_owned(), app_id: app_id.to_owned(), made: now };
        self.codes.insert(code.clone(), entry);
        code
    }

    /// How many successes are to be paid for.
    pub(super) fn charged(&self) -> u64 {
        self.charged
    }

    /// Uses the code up: whose it is. A refusal leaves everything as it was.
    fn spend(&mut self, code: &str, openid: Option<&str>, app_id: &str, now: u64) -> Result<String, Refusal> {
        let found = self
            .codes
            .get(code)
            .filter(|code| code.app_id == app_id && now < code.made.saturating_add(CODE_LIFE))
            .ok_or(INVALID_CODE)?;
        if openid.is_some_and(|openid| openid != found.openid) {
            return Err(INVALID_OPENID);
        }
        let openid = found.openid.clone();
        self.codes.remove(code);
        self.charged += 1;
        Ok(openid)
    }
}

const CODE_LIFE: u64 = 5 * MINUTE;
