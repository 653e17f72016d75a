//! Exchanges a code for a phone number: the code is claimed before WeChat is called, and the number is stored after.

use std::time::Duration;

use serde_json::json;
use shared::{
    api::{ApiError, Code},
    host::RetryPolicy,
    service::{OPEN_DATA_MAX_AGE, PlatformError},
    store::{Phone, PhoneCodeStatus},
    telemetry,
    types::Caller,
    wechat::Watermark,
};

use crate::{PhoneFunction, parse_phone};

impl PhoneFunction {
    /// The phone number that the code stands for.
    ///
    /// # Errors
    /// `CODE_INVALID`: the user must tap the button again. For other errors the same code can be sent again.
    pub(crate) async fn exchange_code(&self, caller: &Caller, code: &str) -> Result<Phone, ApiError> {
        for _ in 0..MAX_POLLS {
            match self.codes.claim(code, caller).await? {
                PhoneCodeStatus::New => return self.exchange_claimed_code(caller, code).await,
                PhoneCodeStatus::Exchanged => {
                    let user = self.users.get(&caller.user_id).await?.ok_or(Code::Unauthorized)?;
                    return user.phone.ok_or_else(code_invalid);
                }
                PhoneCodeStatus::Foreign => return Err(code_invalid()),
                // A concurrent request has claimed the same code and will have the number in a moment.
                PhoneCodeStatus::Pending => tokio::time::sleep(POLL_INTERVAL).await,
            }
        }
        Err(code_invalid())
    }

    async fn exchange_claimed_code(&self, caller: &Caller, code: &str) -> Result<Phone, ApiError> {
        let body = json!({ "code": code });
        let answer = match self.platform.post(PATH, &body, RetryPolicy::OneTimeCode).await {
            Ok(answer) => answer,
            Err(error) => return Err(self.map_exchange_error(code, error).await),
        };
        // The code is spent and WeChat has charged for the number, so the user gets the number even if it can't be stored.
        let info = answer.get("phone_info").and_then(serde_json::Value::as_object);
        let info =
            info.ok_or_else(|| ApiError::new(Code::Internal).with_cause("the answer has no phone_info"))?;
        Watermark { app_id: &self.app_id, now: self.host.now(), max_age: OPEN_DATA_MAX_AGE }
            .check_answer(info)?;
        let phone = parse_phone(info)
            .ok_or_else(|| ApiError::new(Code::Internal).with_cause("the answer has no number"))?;
        if let Err(error) = self.codes.store_exchanged(code, &self.users, &caller.user_id, &phone).await {
            telemetry::handled_error("store-phone-number", &error);
            telemetry::operator_alert("phone-number-not-stored", &caller.user_id);
        }
        Ok(phone)
    }

    /// The error for a failed exchange. The claim on the code is released, also after a lost answer: if the code is spent, WeChat
    /// refuses it when the phone sends it again, and does not charge twice.
    async fn map_exchange_error(&self, code: &str, error: PlatformError) -> ApiError {
        if matches!(error.errcode(), Some(40029 | 40163)) {
            return code_invalid().with_cause(error);
        }
        if let Err(error) = self.codes.release(code).await {
            telemetry::handled_error("release-phone-code", &error);
        }
        error.into()
    }
}

fn code_invalid() -> ApiError {
    ApiError::new(Code::CodeInvalid).with_message("手机号凭证已失效，请重新获取")
}

const PATH: &str = "/wxa/business/getuserphonenumber";
/// Polls of a code that another request is exchanging: five seconds in all, as long as a call of WeChat may take.
const MAX_POLLS: u32 = 20;
const POLL_INTERVAL: Duration = Duration::from_millis(250);
