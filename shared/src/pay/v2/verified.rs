//! Fields that WeChat Pay has written: the only ones that a payment or a refund is read from.
//!
//! [`VerifiedFields`] can be made in two ways, both in this file: answers and notices of payment are signed, and notices of
//! refunds are encrypted instead (退款结果通知, `req_info`). Verifying can't be skipped, because the functions of this folder that make a
//! `Payment` or a `Refund` take nothing but `VerifiedFields`.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Fields, SignType, read, sign};
use crate::{
    crypto::{decrypt_ecb, equal, hex, md5},
    types::Secret,
};

/// Fields that WeChat Pay has written.
pub(super) struct VerifiedFields(Fields);

impl VerifiedFields {
    /// The fields, if they carry their own right signature, of this type and no other.
    pub(super) fn verify(fields: Fields, sign_type: SignType, api_v2_key: &Secret) -> Option<Self> {
        is_signed(&fields, sign_type, api_v2_key).then_some(Self(fields))
    }

    /// The fields of a refund notice's `req_info`: AES-256-ECB under the MD5 of the APIv2 key. There is no signature. That they
    /// decrypt to well-formed XML is all that says who wrote them, because only WeChat Pay and we have the key.
    pub(super) fn decrypt(req_info: &str, api_v2_key: &Secret) -> Option<Self> {
        let sealed = STANDARD.decode(req_info.trim()).ok()?;
        let key = hex(&md5(api_v2_key.expose().as_bytes()));
        let plain = decrypt_ecb(key.as_bytes().try_into().ok()?, &sealed).ok()?;
        read("root", &plain).ok().map(Self)
    }

    /// The value of the field `name`.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }
}

/// Whether `fields` carry their own right signature, of this type and no other.
fn is_signed(fields: &Fields, sign_type: SignType, api_v2_key: &Secret) -> bool {
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
        fn signed_fields_verify_and_changed_fields_do_not(
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
