//! `POST /api/verify-fingerprint`: verifies the result that `wx.startSoterAuthentication` gave the phone.
//!
//! The challenge is used up before WeChat is asked, so a result can't be sent a second time, even after a failure. The phone's counter
//! is checked and stored only after WeChat has confirmed that the phone signed it.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::{
    api::{ApiError, Code, request, response},
    host::RetryPolicy,
    runtime::{Body, Request, Response},
    store::Intent,
    types::Caller,
    wechat::SoterResult,
};

use crate::SoterVerifyFunction;

#[derive(Deserialize)]
struct VerifyBody {
    #[serde(rename = "resultJSON")]
    result_json: Option<String>,
    #[serde(rename = "resultJSONSignature")]
    signature: Option<String>,
}

struct SignatureInput {
    /// The text exactly as the phone signed it. It is passed on unchanged.
    result_json: String,
    result: SoterResult,
    signature: String,
}

#[derive(Serialize)]
struct VerifyAnswer {
    message: &'static str,
    #[serde(flatten)]
    intent: Intent,
}

impl SoterVerifyFunction {
    pub(crate) async fn verify_fingerprint(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        let input = parse(request::json(request)?)?;
        let intent = self.challenges.redeem(&input.result.raw, &caller.user_id).await?;
        let Some(intent) = intent else {
            // An erased user has no challenge.
            self.session_rows.check(&caller).await?;
            return Err(Code::ChallengeInvalid.into());
        };
        self.check_signature(&caller, &input).await?;
        if !self.challenges.record_counter(&caller, &input.result).await? {
            return Err(not_verified().with_cause("the phone's count did not grow"));
        }
        Ok(response::success(&VerifyAnswer { message: "验证通过", intent }))
    }

    /// Asks WeChat whether the phone of this user made the signature. Every answer but `"is_ok": true` is a failure.
    async fn check_signature(&self, caller: &Caller, input: &SignatureInput) -> Result<(), ApiError> {
        let body = json!({
            "openid": caller.openid.as_str(),
            "json_string": input.result_json,
            "json_signature": input.signature,
        });
        match self.platform.post(PATH, &body, RetryPolicy::AnyFailureOneRetry).await {
            Ok(answer) if answer.get("is_ok") == Some(&Value::Bool(true)) => Ok(()),
            Ok(_) => Err(not_verified()),
            Err(error) if error.is_request_refused() => Err(not_verified().with_cause(error)),
            Err(error) => Err(error.into()),
        }
    }
}

fn parse(body: VerifyBody) -> Result<SignatureInput, ApiError> {
    let result_json = request::required("resultJSON", body.result_json)?;
    if result_json.len() > MAX_RESULT_BYTES {
        return Err(ApiError::invalid("resultJSON", "过长"));
    }
    let result = SoterResult::parse(&result_json);
    let result = result.ok_or_else(|| ApiError::invalid("resultJSON", "不是有效的认证结果"))?;
    let signature = request::required("resultJSONSignature", body.signature)?;
    let bytes = STANDARD.decode(&signature).unwrap_or_default();
    if bytes.is_empty() || bytes.len() > MAX_SIGNATURE_BYTES {
        return Err(ApiError::invalid("resultJSONSignature", "不是有效的签名"));
    }
    Ok(SignatureInput { result_json, result, signature })
}

fn not_verified() -> ApiError {
    ApiError::new(Code::Forbidden).with_message("生物认证未通过，请重试")
}

const PATH: &str = "/cgi-bin/soter/verify_signature";
/// Real results have about 300 bytes, and up to 512 more if the challenge was not issued here.
const MAX_RESULT_BYTES: usize = 4096;
/// The size of a signature by an RSA key of 4096 bits.
const MAX_SIGNATURE_BYTES: usize = 512;
