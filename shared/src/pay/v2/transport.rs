//! One call of APIv2: fields out, signed; verified fields back.

use std::time::Duration;

use super::{Fields, read, sign, sign::is_signed, write};
use crate::{
    host::Reach,
    pay::{MerchantSecret, PayError, Terminal},
    telemetry::{self, Counted},
    types::Secret,
};

/// Calls `path`; the verified answer if `result_code` is SUCCESS.
///
/// Unknown outcomes (SYSTEMERROR, a lost answer) repeat the identical bytes: all calls made here are idempotent by their
/// number.
pub(super) async fn call(
    terminal: &Terminal,
    secret: &MerchantSecret,
    client: &reqwest::Client,
    path: &'static str,
    fields: Fields,
) -> Result<Fields, PayError> {
    let key = secret.api_v2_key()?;
    let body = body(terminal, key, path, fields)?;
    let mut attempt = 1;
    loop {
        let error = match call_once(terminal, client, path, body.clone(), key).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        if attempt == ATTEMPTS || !error.is_transient() {
            return Err(error);
        }
        attempt += 1;
        let [jitter] = terminal.host.random::<1>()?;
        tokio::time::sleep(Duration::from_millis(200 + u64::from(jitter))).await;
    }
}

/// The request's XML, with what every request carries, signed.
pub(super) fn body(
    terminal: &Terminal,
    key: &Secret,
    path: &'static str,
    mut fields: Fields,
) -> Result<String, PayError> {
    fields.set("appid", terminal.app_id.to_string());
    fields.set("mch_id", terminal.mch_id.to_string());
    fields.set("nonce_str", terminal.host.nonce_str()?);
    fields.set("sign_type", terminal.sign_type.as_str().to_owned());
    let signature = sign(&fields, terminal.sign_type, key);
    fields.set("sign", signature);
    write("xml", &fields).map_err(|error| PayError::Request { path, cause: error.into() })
}

async fn call_once(
    terminal: &Terminal,
    client: &reqwest::Client,
    path: &'static str,
    body: String,
    key: &Secret,
) -> Result<Fields, PayError> {
    let address = terminal.upstream.choose(Reach::Either);
    let request = client.post(format!("{}{path}", address.base()));
    let request = request.header("content-type", "text/xml; charset=utf-8").timeout(TOTAL).body(body);
    let lost = |error: reqwest::Error| PayError::Lost { path, cause: error.without_url().into() };
    let answer = request.send().await;
    terminal.upstream.note(address, answer.as_ref().ok().map(reqwest::Response::status));
    let answer = answer.map_err(lost)?;
    let status = answer.status();
    let bytes = answer.bytes().await.map_err(lost)?;
    if status.is_client_error() && !matches!(status.as_u16(), 408 | 429) {
        // The server in front of WeChat Pay has refused it, a client certificate that is missing or has ended for example: APIv2
        // itself tells of everything with 200. Nothing was done, and no repetition helps.
        return Err(PayError::Refused { path, said: format!("HTTP_{}", status.as_u16()) });
    }
    if !status.is_success() {
        return Err(PayError::Lost { path, cause: format!("HTTP status {}", status.as_u16()).into() });
    }
    let fields = read("xml", &bytes).map_err(|error| PayError::Lost { path, cause: error.into() })?;
    terminal.verify(path, fields, key)
}

impl Terminal {
    fn verify(&self, path: &'static str, fields: Fields, key: &Secret) -> Result<Fields, PayError> {
        if fields.get("return_code") != Some("SUCCESS") {
            // Said of the request as a whole, and unsigned: the signature, the account or the format is wrong.
            let said = fields.get("return_msg").unwrap_or_default().chars().take(100).collect();
            return Err(PayError::Refused { path, said });
        }
        if !is_signed(&fields, self.sign_type, key) {
            return Err(PayError::NotVerified { path, what: "signature" });
        }
        let appid = fields.get("appid").is_none_or(|appid| appid == self.app_id.as_str());
        let mch_id = fields.get("mch_id").is_none_or(|mch_id| mch_id == self.mch_id.as_str());
        if !(appid && mch_id) {
            return Err(PayError::NotVerified { path, what: "appid or mch_id" });
        }
        if fields.get("result_code") != Some("SUCCESS") {
            let code: String = fields.get("err_code").unwrap_or_default().chars().take(64).collect();
            telemetry::count(Counted::WeChatError(&code));
            // The last one: the attempt is being paid just now.
            let transient =
                ["SYSTEMERROR", "BIZERR_NEED_RETRY", "TRADE_STATE_ERROR"].contains(&code.as_str());
            return Err(PayError::Business { path, code, transient });
        }
        Ok(fields)
    }
}

const ATTEMPTS: u32 = 3;
const TOTAL: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use super::{super::SignType, *};

    /// What becomes of a genuine answer with these fields.
    fn verified(changes: &[(&str, &str)]) -> Result<Fields, PayError> {
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
        Terminal::of_vectors().verify("/pay/x", fields, &key)
    }

    #[test]
    fn an_answer_is_believed_only_if_it_is_signed_and_ours() {
        assert!(verified(&[]).is_ok());
        assert!(matches!(verified(&[("return_code", "FAIL")]), Err(PayError::Refused { .. })));
        for foreign in [("appid", "wx0000000000000000"), ("mch_id", "1")] {
            assert!(matches!(verified(&[foreign]), Err(PayError::NotVerified { .. })), "{foreign:?}");
        }
        let other_type = [("sign_type", "HMAC-SHA256")];
        assert!(matches!(verified(&other_type), Err(PayError::NotVerified { what: "signature", .. })));
    }

    #[test]
    fn a_business_failure_is_told_by_its_code() {
        let failure = verified(&[("result_code", "FAIL"), ("err_code", "ORDERPAID")]);
        assert!(matches!(failure, Err(PayError::Business { code, .. }) if code == "ORDERPAID"));
    }
}
