//! What a phone signs when a finger or a face is recognized (TENCENT SOTER).
//!
//! Documentation: wx.startSoterAuthentication. The key never leaves the phone's secure hardware. For a mini program its
//! public half is known to WeChat alone, which is asked; a native app uploads it to its own server, which can verify by
//! itself with [`SoterResult::is_signed_by`]. No route does: nobody uploads keys to this back end, and what does not use it does
//! not link it.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/api/open-api/soter/wx.startSoterAuthentication.html>

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;

use crate::crypto::RsaPublicKey;

/// What is read of a `resultJSON`; everything else in it is for WeChat.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SoterResult {
    /// The challenge.
    pub raw: String,
    /// How often the phone has signed.
    #[serde(default, deserialize_with = "whole_number")]
    pub counter: Option<u64>,
    /// Which phone it is.
    pub cpu_id: Option<String>,
    #[serde(default, deserialize_with = "whole_number")]
    rsa_pss_saltlen: Option<u64>,
}

impl SoterResult {
    /// Reads the text, which stays as it is for the signature over it. A field that stands twice is no result: two readers
    /// could see two different ones.
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

    /// Newer phones say how long the salt of their signature is; what is below the usual length is not believed.
    fn salt_length(&self) -> usize {
        let told = self.rsa_pss_saltlen.and_then(|length| usize::try_from(length).ok());
        told.unwrap_or_default().max(USUAL_SALT)
    }
}

/// A number, or one in a text: phones differ.
fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let number = match Value::deserialize(deserializer)? {
        Value::Null => return Ok(None),
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number.map(Some).ok_or_else(|| D::Error::custom("not a whole number"))
}

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
