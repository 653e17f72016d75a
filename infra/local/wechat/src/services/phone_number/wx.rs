//! The button `<button open-type="getPhoneNumber">`: it gives a code for the server, and the encrypted number.
//!
//! Documentation: "Get phone number" (手机号快速验证组件).
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/getPhoneNumber.html>

use serde_json::Value;

use super::service::PhoneNumberService;
use crate::base::encrypted_data;
use crate::core::faults::Fault;
use crate::core::user::User;
use crate::core::wx_api::{WxArguments, WxFailure, user_denies};

/// The argument `appId`, which real phones do not have, makes it another app's code.
pub(super) fn get_phone_number(
    numbers: &PhoneNumberService,
    user: &User,
    arguments: &WxArguments,
) -> Result<WxArguments, WxFailure> {
    if user_denies(arguments)? {
        return Err(WxFailure::new("user deny"));
    }
    if numbers.base.context.take_fault(|fault| matches!(fault, Fault::PhoneQuota { .. })).is_some() {
        return Err(WxFailure { err_code: USED_UP, ..WxFailure::new("the paid quota is used up") });
    }
    let own = &numbers.base.account().app_id;
    let app_id = arguments.get("appId").and_then(Value::as_str).unwrap_or(own);
    let now = numbers.base.now();
    let mut answer = encrypted_data::encrypt_for_user(&numbers.base.sessions, user, user.number.to_json())?;
    let code = numbers.codes().create_code(&user.openid, app_id, now);
    answer.insert("code".to_owned(), code.into());
    Ok(answer)
}

/// The `err_code` if the paid quota is used up.
const USED_UP: i64 = 1_400_001;
