//! `POST /api/decrypt-phone`: finds out the user's phone number.
//!
//! WeChat: 获取手机号 (`getuserphonenumber`), by the code of the button; for old phones, from encrypted data. WeChat charges for every
//! exchange, so a code is exchanged once, however often the request is repeated.

mod exchange;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{
    api::{ApiError, Code, request, response},
    host::{Host, HostError},
    runtime::{Body, Function, Request, Response},
    service::{PlatformClient, SessionTokens, WeChatSessions},
    store::{Phone, PhoneCodes, TokenName, Users},
    types::{AppId, Caller},
};

/// Finds out phone numbers.
pub struct PhoneFunction {
    host: Host,
    app_id: AppId,
    codes: PhoneCodes,
    wechat_sessions: WeChatSessions,
    platform: PlatformClient,
    sessions: SessionTokens,
    users: Users,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PhoneBody {
    code: Option<String>,
    encrypted_data: Option<String>,
    iv: Option<String>,
}

enum PhoneInput {
    Code(String),
    Encrypted { data: String, iv: String },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhoneAnswer {
    phone_number: String,
    pure_phone_number: String,
    country_code: String,
}

impl From<Phone> for PhoneAnswer {
    fn from(phone: Phone) -> Self {
        Self {
            phone_number: phone.phone_number.as_str().to_owned(),
            pure_phone_number: phone.pure_phone_number.as_str().to_owned(),
            country_code: phone.country_code,
        }
    }
}

impl Function for PhoneFunction {
    const NAME: &'static str = "phone";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            app_id: host.parsed_var("MINI_PROGRAM_APP_ID", "an appid", AppId::parse)?,
            codes: PhoneCodes::new(host)?,
            wechat_sessions: WeChatSessions::new(host)?,
            platform: PlatformClient::new(host, TokenName::MiniProgram)?,
            sessions: SessionTokens::new(host)?,
            users: Users::new(host)?,
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(&request).await?;
        let phone = match parse(request::json(&request)?)? {
            PhoneInput::Code(code) => self.exchange_code(&caller, &code).await?,
            PhoneInput::Encrypted { data, iv } => self.decrypt_phone(&caller, &data, &iv).await?,
        };
        Ok(response::success(&PhoneAnswer::from(phone)))
    }
}

impl PhoneFunction {
    async fn decrypt_phone(&self, caller: &Caller, data: &str, iv: &str) -> Result<Phone, ApiError> {
        let session = self.wechat_sessions.get(caller, &self.users).await?;
        let phone = parse_phone(&session.decrypt(data, iv)?).ok_or(Code::InvalidInput)?;
        self.users.set_phone(&caller.user_id, &phone).await?.ok_or(Code::Unauthorized)?;
        Ok(phone)
    }
}

fn parse(body: PhoneBody) -> Result<PhoneInput, ApiError> {
    match body {
        PhoneBody { code: Some(code), encrypted_data: None, iv: None } => {
            if code.is_empty() || code.len() > 256 || !code.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(ApiError::invalid("code", "不是有效的手机号凭证"));
            }
            Ok(PhoneInput::Code(code))
        }
        PhoneBody { code: None, encrypted_data, iv } => {
            if encrypted_data.is_none() && iv.is_none() {
                return Err(ApiError::invalid("code", "不能为空"));
            }
            let data = request::required("encryptedData", encrypted_data)?;
            Ok(PhoneInput::Encrypted { data, iv: request::required("iv", iv)? })
        }
        PhoneBody { .. } => Err(ApiError::invalid("code", "不能与 encryptedData、iv 同时出现")),
    }
}

/// Reads WeChat's object with the phone number. Each of its parts can be a text or a number.
fn parse_phone(info: &Map<String, Value>) -> Option<Phone> {
    let text = |name: &str| match info.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let [whole, pure, country] = ["phoneNumber", "purePhoneNumber", "countryCode"].map(text);
    Phone::from_wechat(whole.as_deref(), pure.as_deref(), country.as_deref())
}
