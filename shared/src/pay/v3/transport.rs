//! One call of APIv3: signs and sends the request, returns the answer's verified bytes.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;

use super::verify::{SignatureError, SignatureHeaders, VerifiedBytes};
use crate::{
    host::{Address, AddressChoice, Backoff, HttpError, HttpResponse, RequestBuilder, RetryPolicy, retry},
    pay::{MerchantContext, MerchantSecret, PayError},
    telemetry::{self, Metric},
};

/// A request before it is signed.
pub(super) struct UnsignedRequest {
    /// The path that errors name, without the numbers in it.
    path: &'static str,
    method: Method,
    /// Path and query, exactly as sent and signed.
    target: String,
    accept: &'static str,
    body: Vec<u8>,
    /// The id of WeChat Pay's key that parts of the body are encrypted for.
    sealed_for: Option<String>,
}

/// An answer that is not verified yet.
pub(super) struct UnverifiedResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) bytes: Vec<u8>,
}

#[derive(Default, Deserialize)]
struct Failure {
    #[serde(default)]
    code: String,
}

impl UnsignedRequest {
    pub(super) fn get(path: &'static str, target: String) -> Self {
        Self { path, method: Method::GET, target, accept: JSON, body: Vec::new(), sealed_for: None }
    }

    /// A request whose answer is a file, not JSON.
    pub(super) fn file(path: &'static str, target: String) -> Self {
        Self { accept: "*/*", ..Self::get(path, target) }
    }

    pub(super) fn post(
        path: &'static str,
        target: String,
        body: &impl serde::Serialize,
    ) -> Result<Self, PayError> {
        let body =
            serde_json::to_vec(body).map_err(|error| PayError::Request { path, cause: error.into() })?;
        Ok(Self { path, method: Method::POST, target, accept: JSON, body, sealed_for: None })
    }

    pub(super) fn put(
        path: &'static str,
        target: String,
        body: &impl serde::Serialize,
    ) -> Result<Self, PayError> {
        Ok(Self { method: Method::PUT, ..Self::post(path, target, body)? })
    }

    /// Names the key that parts of the body are encrypted for.
    pub(super) fn sealed_for(self, id: String) -> Self {
        Self { sealed_for: Some(id), ..self }
    }

    /// The signed text: five lines, each with its line end.
    fn message(&self, timestamp: u64, nonce: &str) -> Vec<u8> {
        let Self { method, target, body, .. } = self;
        let mut message = format!("{method}\n{target}\n{timestamp}\n{nonce}\n").into_bytes();
        message.extend_from_slice(body);
        message.push(b'\n');
        message
    }
}

impl MerchantContext {
    /// Signs and sends the request and returns the verified bytes of the answer.
    ///
    /// The same body is sent again after an unknown outcome, because the number in each request makes it idempotent.
    pub(super) async fn call(
        &self,
        secret: &MerchantSecret,
        request: &UnsignedRequest,
    ) -> Result<VerifiedBytes<'static>, PayError> {
        let (policy, backoff) = (RetryPolicy::AnyFailure, Backoff::Constant);
        retry(&self.host, policy, backoff, PayError::failure_kind, |_| self.call_once(secret, request)).await
    }

    /// As [`MerchantContext::call`], but the request is sent once, because each one has an effect.
    pub(super) async fn call_once(
        &self,
        secret: &MerchantSecret,
        request: &UnsignedRequest,
    ) -> Result<VerifiedBytes<'static>, PayError> {
        let key_id = self.preferred_key(secret).await;
        let answer = self.send_once(secret, request, key_id.as_deref()).await?.successful(request.path)?;
        let refused = |error| match error {
            // The request behind a probe has been executed; the same request is answered with its result again.
            SignatureError::Probe => PayError::OutcomeUnknown { path: request.path, cause: Box::new(error) },
            SignatureError::Clock => PayError::NotVerified { path: request.path, what: "time" },
            SignatureError::Key => PayError::NotVerified { path: request.path, what: "signature's key" },
            SignatureError::Header(_) | SignatureError::Signature => {
                PayError::NotVerified { path: request.path, what: "signature" }
            }
        };
        let seal = SignatureHeaders::read(&answer.headers, self.host.now()).map_err(refused)?;
        let key = self.platform_key(secret, seal.serial).await?;
        let key = key.ok_or(SignatureError::Key).map_err(refused)?;
        seal.verify(answer.bytes, &key).map_err(refused)
    }

    /// Signs and sends the request once. `key_id` tells WeChat Pay with which of its keys the answer can be verified.
    pub(super) async fn send_once(
        &self,
        secret: &MerchantSecret,
        request: &UnsignedRequest,
        key_id: Option<&str>,
    ) -> Result<UnverifiedResponse, PayError> {
        let path = request.path;
        let lost = |error: HttpError| PayError::OutcomeUnknown { path, cause: error.into() };
        let address = self.upstream.choose_address(AddressChoice::PrimaryOrBackup);
        let answer = self.sign_request(secret, request, address, key_id)?.send().await;
        self.upstream.record_response(address, answer.as_ref().ok().map(HttpResponse::status));
        let answer = answer.map_err(lost)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Ok(UnverifiedResponse { status, headers, bytes: answer.bytes().await.map_err(lost)?.to_vec() })
    }

    /// The signed request to `address`. It is sent once, because every request has a nonce of its own.
    pub(super) fn sign_request(
        &self,
        secret: &MerchantSecret,
        request: &UnsignedRequest,
        address: &Address,
        key_id: Option<&str>,
    ) -> Result<RequestBuilder, PayError> {
        let UnsignedRequest { method, target, accept, body, sealed_for, .. } = request;
        let (serial_no, key) = secret.signing_key()?;
        let (timestamp, nonce) = (self.host.now().get(), self.host.nonce_str()?);
        let signature = STANDARD.encode(key.sign(&request.message(timestamp, &nonce)));
        let authorization = format!(
            "WECHATPAY2-SHA256-RSA2048 mchid=\"{}\",nonce_str=\"{nonce}\",timestamp=\"{timestamp}\",\
             serial_no=\"{serial_no}\",signature=\"{signature}\"",
            self.mch_id
        );
        // The signature does not cover the host, so that the same signature is valid at the backup address.
        let mut builder = self
            .upstream
            .http()?
            .request(method.clone(), format!("{}{target}", address.base_url()))
            .header("authorization", authorization)
            .header("accept", *accept)
            .timeout(TOTAL);
        if !body.is_empty() {
            builder = builder.header("content-type", JSON).body(body.clone());
        }
        if let Some(id) = sealed_for.as_deref().or(key_id) {
            builder = builder.header("wechatpay-serial", id);
        }
        Ok(builder)
    }
}

impl UnverifiedResponse {
    /// The answer if its status is one of success. Failures may be unsigned; only TLS proves that they come from WeChat Pay.
    pub(super) fn successful(self, path: &'static str) -> Result<Self, PayError> {
        if self.status.is_success() {
            return Ok(self);
        }
        let code = serde_json::from_slice::<Failure>(&self.bytes).unwrap_or_default().code;
        let code: String = code.chars().take(64).collect();
        telemetry::record_metric(Metric::WeChatError(if code.is_empty() {
            self.status.as_str()
        } else {
            &code
        }));
        Err(match (code.as_str(), self.status.as_u16()) {
            // The merchant's key, clock or account is wrong: no repetition helps.
            ("SIGN_ERROR" | "NO_AUTH" | "MCH_NOT_EXISTS" | "APPID_MCHID_NOT_MATCH", _) => {
                PayError::Refused { path, said: code }
            }
            ("", 429) => PayError::Business { path, code: "FREQUENCY_LIMITED".to_owned(), transient: false },
            // A server in front of WeChat Pay has refused the request, because APIv3 itself always names a code.
            ("", status) if (400..500).contains(&status) && status != 408 => {
                PayError::Refused { path, said: format!("HTTP_{status}") }
            }
            ("", status) => PayError::OutcomeUnknown { path, cause: format!("HTTP status {status}").into() },
            ("OPENID_MISMATCH" | "INVALID_TRANSACTIONID", _) => {
                PayError::Business { path, code, transient: false }
            }
            (_, status) => PayError::Business { path, code, transient: status >= 500 },
        })
    }
}

const JSON: &str = "application/json";
const TOTAL: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SigningKey;

    #[test]
    fn a_prepayment_and_a_question_are_signed_as_the_vectors_say() {
        let key = SigningKey::from_pem(include_str!("../../crypto/rsa_g6_private.pem")).unwrap();
        let prepay = UnsignedRequest {
            method: Method::POST,
            body: r#"{"appid":"wx95e6095a537e33b4","mchid":"1916817080","description":"小店-矿泉水 550ml×2","out_trade_no":"DGVm3tym4KYqJ727Msfbk","notify_url":"https://example.com/prod/pay/notify","amount":{"total":101,"currency":"CNY"},"payer":{"openid":"o5wQws1FH2FD2uaNtxmrc1jiG4dc"}}"#.as_bytes().to_vec(),
            ..UnsignedRequest::get("", "/v3/pay/transactions/jsapi".to_owned())
        };
        let question = "/v3/pay/transactions/out-trade-no/DGVm3tym4KYqJ727Msfbk?mchid=1916817080";
        let question = UnsignedRequest::get("", question.to_owned());
        for (request, nonce, signature) in [
            (
                prepay,
                "DaDsA36JrHZlIXoM1bNAhVdhTEh2gdxK",
                "ZqHKg0ueOAtbhaWjytgybXJERVi1uqVhEgjF0bG6tyXshlyqovuLZznpcfGf0eA3zu5TiwYXdpomKf5QycKNc1QUGSmq3JOQtGAQXCHWq3mfslAPRcQtLzWlJ55BBvlo5PTFZmKwjEPjymSU8Oo5Ntm8ygbJByO6vuuG9kYNco3LjA/HjFRSH64uieaUA53amo12cr5ZMXUnK9TmwWde6DRVv3h5JwFaMdkVoix3lBY+D/dfs2FI5FcYlCLwFPvetT1+Z9pNvlrN/ym1DOaYX0xTvYqMvDuX2/jy2K+yzhBPM2peQtlNOIAKfdBB8Qv4aBFj3cfnmH/WSVV6ldOZiw==",
            ),
            (
                question,
                "2rMxwJkuD7d06lw3x7JjZRIvq8Afry6q",
                "qDiRFA4GBI2b/epRlXUjLZw2CSWKS6845WlqXmq1WgA9h2X9F4TYc9NZTm8K27BIoW8F/RJvlJXxdloJqCpN15/jrjpdurq82BAYNZtNNxaVunKcLtybrC4T/H4rS8chBdXuGjseyF3fK4rYPm1N7vr487SLQpFCUiO75nytmseMIk3WiaStPl2E3ftf0ZY7koc5vINm1YrhqVOk7fzCNoz6MfZ+IRjcUppam73urvZ5LPNf95RL/mBaskmE5ua5AfcMQFLwUvWslVzo7tZjYlYfmCKBY4D+8CpJ3mx77uq53gqxqUv5AWkgchOFtmXvc6FetftUHE16Ch+XGTVY0A==",
            ),
        ] {
            assert_eq!(STANDARD.encode(key.sign(&request.message(1_700_000_000, nonce))), signature);
        }
    }
}
