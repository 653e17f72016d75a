//! The signature of APIv2 (签名算法).

use std::str::FromStr;

use super::Fields;
use crate::{
    crypto::{equal, hex, hmac_sha256, md5},
    types::Secret,
};

/// How requests, answers and notices are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignType {
    /// WeChat Pay's default.
    Md5,
    /// HMAC-SHA256, keyed with the APIv2 key.
    HmacSha256,
}

impl SignType {
    /// As WeChat Pay spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::HmacSha256 => "HMAC-SHA256",
        }
    }
}

/// The text names no sign type of APIv2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sign type must be MD5 or HMAC-SHA256")]
pub struct SignTypeError;

impl FromStr for SignType {
    type Err = SignTypeError;
    fn from_str(text: &str) -> Result<Self, SignTypeError> {
        match text {
            "MD5" => Ok(Self::Md5),
            "HMAC-SHA256" => Ok(Self::HmacSha256),
            _ => Err(SignTypeError),
        }
    }
}

/// The signature over `fields`: all that have a value, known or not, except `sign`; by name in byte order; as they are.
#[must_use]
pub fn sign(fields: &Fields, sign_type: SignType, api_v2_key: &Secret) -> String {
    let mut text = String::new();
    for (name, value) in fields.iter().filter(|(name, value)| *name != "sign" && !value.is_empty()) {
        text.push_str(name);
        text.push('=');
        text.push_str(value);
        text.push('&');
    }
    text.push_str("key=");
    text.push_str(api_v2_key.expose());
    let digest = match sign_type {
        SignType::Md5 => hex(&md5(text.as_bytes())),
        SignType::HmacSha256 => hex(&hmac_sha256(api_v2_key.expose().as_bytes(), text.as_bytes())),
    };
    zeroize::Zeroize::zeroize(&mut text);
    digest.to_ascii_uppercase()
}

/// Whether `fields` carry their own right signature, of this type and no other.
#[must_use]
pub(super) fn is_signed(fields: &Fields, sign_type: SignType, api_v2_key: &Secret) -> bool {
    let Some(signature) = fields.get("sign").filter(|text| !text.is_empty()) else { return false };
    let other_type =
        fields.get("sign_type").is_some_and(|named| !named.is_empty() && named != sign_type.as_str());
    !other_type && equal(sign(fields, sign_type, api_v2_key).as_bytes(), signature.as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> Secret {
        Secret::new("rYLVL20kysqVBFxfTgcGyvKjycsY17WV".to_owned())
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies_and_a_change_does_not(
            mut fields in prop::collection::btree_map("[a-zA-Z_]{1,8}", ".{0,12}", 1..8), hmac: bool, value in ".{1,12}",
        ) {
            let sign_type = if hmac { SignType::HmacSha256 } else { SignType::Md5 };
            fields.remove("sign_type");
            let mut fields: Fields = fields.into_iter().collect();
            let signature = sign(&fields, sign_type, &key());
            fields.set("sign", signature);
            prop_assert!(is_signed(&fields, sign_type, &key()));
            let other = if hmac { SignType::Md5 } else { SignType::HmacSha256 };
            prop_assert!(!is_signed(&fields, other, &key()));
            fields.set("new_field_of_wechat", value);
            prop_assert!(!is_signed(&fields, sign_type, &key()));
        }
    }

    #[test]
    fn a_missing_or_empty_signature_is_none() {
        let mut fields: Fields = [("a".to_owned(), "b".to_owned())].into_iter().collect();
        assert!(!is_signed(&fields, SignType::Md5, &key()));
        fields.set("sign", String::new());
        assert!(!is_signed(&fields, SignType::Md5, &key()));
    }
}
