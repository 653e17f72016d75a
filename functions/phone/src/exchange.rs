//! The exchange of a code: taken before, kept after.

use std::time::Duration;

use serde_json::json;
use shared::{
    error::{ApiError, Code},
    session::{Caller, MAX_AGE},
    store::{Phone, PhoneCode},
    telemetry,
    wechat::{PlatformError, Repeat, Watermark},
};

use crate::{PhoneFunction, phone};

impl PhoneFunction {
    /// The number that the code stands for.
    pub(crate) async fn exchange(&self, caller: &Caller, code: &str) -> Result<Phone, ApiError> {
        for _ in 0..LOOKS {
            match self.codes.take(code, &caller.user_id).await? {
                PhoneCode::New => return self.exchange_new(caller, code).await,
                PhoneCode::Exchanged => {
                    let user = self.users.get(&caller.user_id).await?.ok_or(Code::Unauthorized)?;
                    return user.phone.ok_or_else(tap_again);
                }
                PhoneCode::Foreign => return Err(tap_again()),
                // The same tap, sent twice: the other request will have the number in a moment.
                PhoneCode::Pending => tokio::time::sleep(LOOK).await,
            }
        }
        Err(tap_again())
    }

    async fn exchange_new(&self, caller: &Caller, code: &str) -> Result<Phone, ApiError> {
        let body = json!({ "code": code });
        let answer = match self.platform.post(PATH, &body, Repeat::OneTimeCode).await {
            Ok(answer) => answer,
            Err(error) => return Err(self.failed(code, error).await),
        };
        // From here on the code is spent and the number is paid for: the user gets it with what can be told of it.
        let info = answer.get("phone_info").and_then(serde_json::Value::as_object);
        let info =
            info.ok_or_else(|| ApiError::new(Code::Internal).because("the answer has no phone_info"))?;
        Watermark { app_id: &self.app_id, now: self.host.now(), max_age: MAX_AGE }.check_answer(info)?;
        let phone =
            phone(info).ok_or_else(|| ApiError::new(Code::Internal).because("the answer has no number"))?;
        if let Err(error) = self.codes.exchanged(code, &self.users, &caller.user_id, &phone).await {
            telemetry::survived("keep-phone-number", &error);
            telemetry::attention("phone-number-not-kept", &caller.user_id);
        }
        Ok(phone)
    }

    /// What a failed exchange is answered. After an answer that was lost the code is given back as well: if it is spent, WeChat
    /// says so when the user's phone sends it again, and nothing is paid for twice.
    async fn failed(&self, code: &str, error: PlatformError) -> ApiError {
        if matches!(error.errcode(), Some(40029 | 40163)) {
            return tap_again().because(error);
        }
        if let Err(error) = self.codes.give_back(code).await {
            telemetry::survived("give-back", &error);
        }
        error.into()
    }
}

fn tap_again() -> ApiError {
    ApiError::new(Code::CodeInvalid).saying("手机号凭证已失效，请重新获取")
}

const PATH: &str = "/wxa/business/getuserphonenumber";
/// Looks at a code that another request is exchanging: five seconds, as long as WeChat is waited for.
const LOOKS: u32 = 20;
const LOOK: Duration = Duration::from_millis(250);
