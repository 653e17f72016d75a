//! `POST /api/verify-fingerprint`: what `wx.startSoterAuthentication` gave the phone, believed only if WeChat says so.
//!
//! The challenge is burnt before WeChat is asked: whatever goes wrong then, the result can't be brought again. A phone's
//! count is believed, and kept, only after WeChat said that the phone made it.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::{
    error::{ApiError, Code},
    http::{answer, extract},
    runtime::{Body, Request, Response},
    session::Caller,
    store::Intent,
    wechat::{Class, Errcode, PlatformError, Repeat, SoterResult},
};

use crate::SoterVerifyFunction;

#[derive(Deserialize)]
struct VerifyBody {
    #[serde(rename = "resultJSON")]
    result_json: Option<String>,
    #[serde(rename = "resultJSONSignature")]
    signature: Option<String>,
}

struct Given {
    /// As the phone signed it: it is passed on and never written anew.
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
    pub(crate) async fn verify(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        let given = parse(extract::json(request)?)?;
        let burnt = self.challenges.burn(&given.result.raw, &caller.user_id).await?;
        let intent = burnt.ok_or(Code::ChallengeInvalid)?;
        self.ask(&caller, &given).await?;
        if !self.challenges.count(&caller.user_id, &given.result).await? {
            return Err(not_verified().because("the phone's count did not grow"));
        }
        Ok(answer::success(&VerifyAnswer { message: "验证通过", intent }))
    }

    /// Asks WeChat whether the phone of this user signed it; everything but a plain yes is a no.
    async fn ask(&self, caller: &Caller, given: &Given) -> Result<(), ApiError> {
        let body = json!({
            "openid": caller.openid.as_str(),
            "json_string": given.result_json,
            "json_signature": given.signature,
        });
        match self.platform.post(PATH, &body, Repeat::Once).await {
            Ok(answer) if answer.get("is_ok") == Some(&Value::Bool(true)) => Ok(()),
            Ok(_) => Err(not_verified()),
            Err(error) if is_about_result(&error) => Err(not_verified().because(error)),
            Err(error) => Err(error.into()),
        }
    }
}

fn parse(body: VerifyBody) -> Result<Given, ApiError> {
    let result_json = extract::required("resultJSON", body.result_json)?;
    if result_json.len() > LONGEST_RESULT {
        return Err(ApiError::invalid("resultJSON", "过长"));
    }
    let result = SoterResult::parse(&result_json);
    let result = result.ok_or_else(|| ApiError::invalid("resultJSON", "不是有效的认证结果"))?;
    let signature = extract::required("resultJSONSignature", body.signature)?;
    let bytes = STANDARD.decode(&signature).unwrap_or_default();
    if bytes.is_empty() || bytes.len() > LONGEST_SIGNATURE {
        return Err(ApiError::invalid("resultJSONSignature", "不是有效的签名"));
    }
    Ok(Given { result_json, result, signature })
}

/// Whether WeChat finds fault with what the phone brought, and not with itself or with our account.
fn is_about_result(error: &PlatformError) -> bool {
    error.errcode().is_some_and(|errcode| Errcode(errcode).class() == Class::Request)
}

fn not_verified() -> ApiError {
    ApiError::new(Code::Forbidden).saying("生物认证未通过，请重试")
}

const PATH: &str = "/cgi-bin/soter/verify_signature";
/// Real ones have some 300 bytes, and up to 512 more if the challenge is not ours.
const LONGEST_RESULT: usize = 4096;
/// That of an RSA key of 4096 bits.
const LONGEST_SIGNATURE: usize = 512;
