//! The result that a phone signs when it has recognized a finger or a face (TENCENT SOTER).
//!
//! Documentation: wx.startSoterAuthentication. The private key never leaves the phone's secure hardware. Of a mini program only WeChat
//! knows the public key, so the function `soter-verify` asks WeChat to verify. A native app uploads the public key to its own server,
//! which can verify with [`SoterResult::is_signed_by`]. No function calls that method, because no phone uploads keys to this back end.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/api/open-api/soter/wx.startSoterAuthentication.html>

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;

use crate::crypto::RsaPublicKey;

/// The fields of a `resultJSON` that are read here. Only WeChat needs the others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SoterResult {
    /// The challenge.
    pub raw: String,
    /// The phone's count of its signatures.
    #[serde(default, deserialize_with = "whole_number")]
    pub counter: Option<u64>,
    /// The id of the phone's hardware.
    pub cpu_id: Option<String>,
    #[serde(default, deserialize_with = "whole_number")]
    rsa_pss_saltlen: Option<u64>,
}

impl SoterResult {
    /// Reads the text. Verify the signature over the text, not over this value. `None` also if a field occurs twice, because two
    /// readers could take two different values.
    #[must_use]
    pub fn parse(result_json: &str) -> Option<Self> {
        // serde would take an array as the fields in their order.
        if !result_json.trim_start().starts_with('{') {
            return None;
        }
        serde_json::from_str(result_json).ok()
    }

    /// Whether the owner of this key signed exactly this text. `signature` is in Base64.
    #[must_use]
    pub fn is_signed_by(key: &RsaPublicKey, result_json: &str, signature: &str) -> bool {
        let (Some(result), Ok(signature)) = (Self::parse(result_json), STANDARD.decode(signature)) else {
            return false;
        };
        key.verifies_pss_sha256(result_json.as_bytes(), &signature, result.salt_length())
    }

    /// The length of the signature's salt in bytes. Newer phones name it. A length below the usual one is not accepted.
    fn salt_length(&self) -> usize {
        let named = self.rsa_pss_saltlen.and_then(|length| usize::try_from(length).ok());
        named.unwrap_or_default().max(USUAL_SALT)
    }
}

/// A whole number, or a text that spells one, because phones differ.
fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let number = match Value::deserialize(deserializer)? {
        Value::Null => return Ok(None),
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number.map(Some).ok_or_else(|| D::Error::custom("not a whole number"))
}

/// The length of the salt that a phone uses if it names none, in bytes.
const USUAL_SALT: usize = 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn challenge_count_and_phone_are_read_and_the_rest_is_passed_over() {
        let result = SoterResult::parse(r#"{"raw":"c","fid":"2","counter":"338","cpu_id":"x","new":[{}]}"#);
        let result = result.unwrap();
        assert_eq!(
            (result.raw.as_str(), result.counter, result.cpu_id.as_deref()),
            ("c", Some(338), Some("x"))
        );
        assert_eq!(SoterResult::parse(r#"{"raw":"c"}"#).unwrap().counter, None);
    }

    #[test]
    fn a_result_that_is_malformed_or_ambiguous_is_refused() {
        for text in [
            "",
            "{}",
            "null",
            r#"["c"]"#,
            r#"{"raw":1}"#,
            r#"{"raw":null}"#,
            r#"{"raw":"c","raw":"d"}"#,
            r#"{"raw":"c","counter":1,"counter":2}"#,
            r#"{"raw":"c","counter":-1}"#,
            r#"{"raw":"c","counter":1.5}"#,
            r#"{"raw":"c","counter":{}}"#,
            r#"{"raw":"c","cpu_id":7}"#,
            r#"{"raw":"c"} {"#,
        ] {
            assert_eq!(SoterResult::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_salt_is_as_long_as_the_phone_says_and_never_shorter_than_usual() {
        let length =
            |told: &str| SoterResult::parse(&format!(r#"{{"raw":"c"{told}}}"#)).unwrap().salt_length();
        assert_eq!(length(""), 20);
        assert_eq!(length(r#","rsa_pss_saltlen":0"#), 20);
        assert_eq!(length(r#","rsa_pss_saltlen":19"#), 20);
        assert_eq!(length(r#","rsa_pss_saltlen":"32""#), 32);
    }

    proptest! {
        #[test]
        fn parsing_any_text_never_panics(text in ".{0,200}") {
            let _ = SoterResult::parse(&text);
        }
    }
}
