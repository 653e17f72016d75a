//! One call of APIv2: signs and sends the request's fields, returns the answer's verified fields.

use std::time::Duration;

use super::{Fields, read, sign, verified::VerifiedFields, write};
use crate::{
    host::{AddressChoice, Backoff, HttpClient, HttpError, HttpResponse, RetryPolicy, retry},
    pay::{MerchantContext, MerchantSecret, PayError},
    telemetry::{self, Metric},
    types::Secret,
};

/// Calls `path` and returns the verified answer if its `result_code` is SUCCESS.
///
/// Unknown outcomes (SYSTEMERROR, a lost answer) repeat the identical bytes: all calls made here are idempotent by their
/// number.
pub(super) async fn call(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    client: &HttpClient,
    path: &'static str,
    fields: Fields,
) -> Result<VerifiedFields, PayError> {
    let key = secret.api_v2_key()?;
    let body = body(merchant, key, path, fields)?;
    let (policy, backoff) = (RetryPolicy::AnyFailure, Backoff::Constant);
    retry(&merchant.host, policy, backoff, PayError::failure_kind, |_| {
        call_once(merchant, client, path, body.clone(), key)
    })
    .await
}

/// The request's XML with the fields that every request has, signed.
pub(super) fn body(
    merchant: &MerchantContext,
    key: &Secret,
    path: &'static str,
    mut fields: Fields,
) -> Result<String, PayError> {
    fields.set("appid", merchant.app_id.to_string());
    fields.set("mch_id", merchant.mch_id.to_string());
    fields.set("nonce_str", merchant.host.nonce_str()?);
    fields.set("sign_type", merchant.sign_type.as_str().to_owned());
    let signature = sign(&fields, merchant.sign_type, key);
    fields.set("sign", signature);
    write("xml", &fields).map_err(|error| PayError::Request { path, cause: error.into() })
}

async fn call_once(
    merchant: &MerchantContext,
    client: &HttpClient,
    path: &'static str,
    body: String,
    key: &Secret,
) -> Result<VerifiedFields, PayError> {
    let address = merchant.upstream.choose_address(AddressChoice::PrimaryOrBackup);
    let request = client.post(format!("{}{path}", address.base_url()));
    let request = request.header("content-type", "text/xml; charset=utf-8").timeout(TOTAL).body(body);
    let lost = |error: HttpError| PayError::OutcomeUnknown { path, cause: error.into() };
    let answer = request.send().await;
    merchant.upstream.record_response(address, answer.as_ref().ok().map(HttpResponse::status));
    let answer = answer.map_err(lost)?;
    let status = answer.status();
    let bytes = answer.bytes().await.map_err(lost)?;
    if status.is_client_error() && !matches!(status.as_u16(), 408 | 429) {
        // A server in front of WeChat Pay has refused the request, because the client certificate is missing or has expired for
        // example; APIv2 itself answers everything with 200. Nothing was done, and no repetition helps.
        return Err(PayError::Refused { path, said: format!("HTTP_{}", status.as_u16()) });
    }
    if !status.is_success() {
        return Err(PayError::OutcomeUnknown {
            path,
            cause: format!("HTTP status {}", status.as_u16()).into(),
        });
    }
    let fields =
        read("xml", &bytes).map_err(|error| PayError::OutcomeUnknown { path, cause: error.into() })?;
    merchant.verify(path, fields, key)
}

impl MerchantContext {
    fn verify(&self, path: &'static str, fields: Fields, key: &Secret) -> Result<VerifiedFields, PayError> {
        if fields.get("return_code") != Some("SUCCESS") {
            // The answer refuses the request as a whole and is not signed: the signature, the account or the format is wrong.
            let said = fields.get("return_msg").unwrap_or_default().chars().take(100).collect();
            return Err(PayError::Refused { path, said });
        }
        let fields = VerifiedFields::verify(fields, self.sign_type, key)
            .ok_or(PayError::NotVerified { path, what: "signature" })?;
        let appid = fields.get("appid").is_none_or(|appid| appid == self.app_id.as_str());
        let mch_id = fields.get("mch_id").is_none_or(|mch_id| mch_id == self.mch_id.as_str());
        if !(appid && mch_id) {
            return Err(PayError::NotVerified { path, what: "appid or mch_id" });
        }
        if fields.get("result_code") != Some("SUCCESS") {
            let code: String = fields.get("err_code").unwrap_or_default().chars().take(64).collect();
            telemetry::record_metric(Metric::WeChatError(&code));
            // TRADE_STATE_ERROR: the user is paying at this moment.
            let transient =
                ["SYSTEMERROR", "BIZERR_NEED_RETRY", "TRADE_STATE_ERROR"].contains(&code.as_str());
            return Err(PayError::Business { path, code, transient });
        }
        Ok(fields)
    }
}

const TOTAL: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use super::{super::SignType, *};

    /// What becomes of a genuine answer with these fields.
    fn verified(changes: &[(&str, &str)]) -> Result<VerifiedFields, PayError> {
        let key = Secret::new("rYLVL20kysqVBFxfTgcGyvKjycsY17WV".to_owned());
        let usual = [
            ("return_code", "SUCCESS"),
            ("result_code", "SUCCESS"),
            ("appid", "wx95e6095a537e33b4"),
            ("mch_id", "1916817080"),
        ];
        let fields = usual.iter().chain(changes);
        let mut fields: Fields =
            fields.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let signature = sign(&fields, SignType::Md5, &key);
        fields.set("sign", signature);
        MerchantContext::for_vectors().verify("/pay/x", fields, &key)
    }

    #[test]
    fn an_answer_is_accepted_only_if_it_is_signed_and_for_this_merchant() {
        assert!(verified(&[]).is_ok());
        assert!(matches!(verified(&[("return_code", "FAIL")]), Err(PayError::Refused { .. })));
        for foreign in [("appid", "wx0000000000000000"), ("mch_id", "1")] {
            assert!(matches!(verified(&[foreign]), Err(PayError::NotVerified { .. })), "{foreign:?}");
        }
        let other_type = [("sign_type", "HMAC-SHA256")];
        assert!(matches!(verified(&other_type), Err(PayError::NotVerified { what: "signature", .. })));
    }

    #[test]
    fn a_business_failure_is_returned_with_its_code() {
        let failure = verified(&[("result_code", "FAIL"), ("err_code", "ORDERPAID")]);
        assert!(matches!(failure, Err(PayError::Business { code, .. }) if code == "ORDERPAID"));
    }
}
