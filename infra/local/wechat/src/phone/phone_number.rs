//! The button `<button open-type="getPhoneNumber">`: a code for the server, and the number itself encrypted.
//!
//! Documentation: "Get phone number" (手机号快速验证组件).
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/getPhoneNumber.html>

use serde_json::Value;

use super::{Arguments, Failure, sealed, user_denies};
use crate::faults::Fault;
use crate::users::User;
use crate::wechat::WeChat;

/// The argument `appId`, which real phones do not have, makes the code another app's.
pub(super) fn get_phone_number(
    wechat: &WeChat,
    user: &User,
    arguments: &Arguments,
) -> Result<Arguments, Failure> {
    if user_denies(arguments)? {
        return Err(Failure::new("user deny"));
    }
    if wechat.state().faults.take(|fault| matches!(fault, Fault::PhoneQuota { .. })).is_some() {
        return Err(Failure { err_code: USED_UP, ..Failure::new("the paid quota is used up") });
    }
    let own = &wechat.account().app_id;
    let app_id = arguments.get("appId").and_then(Value::as_str).unwrap_or(own);
    let now = wechat.now();
    let mut answer = sealed::seal(wechat, user, user.number.to_json())?;
    let code = wechat.state().phone_codes.new_code(&user.openid, app_id, now);
    answer.insert("code".to_owned(), code.into());
    Ok(answer)
}

/// The owner has not paid for more numbers.
const USED_UP: i64 = 1_400_001;
