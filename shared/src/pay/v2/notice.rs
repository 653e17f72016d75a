//! Notices of APIv2 (支付结果通知, 退款结果通知): bytes → fields → verified fields → meaning. The types leave no other order.

use super::{api, read, refund, verified::VerifiedFields};
use crate::{
    pay::{FailedAttempt, MerchantContext, MerchantSecret, Notice, NoticeError, Refund, Source},
    types::{OutTradeNo, Secret},
};

/// Reads a notice from the exact bytes received.
pub(in crate::pay) fn receive(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    bytes: &[u8],
) -> Result<Notice, NoticeError> {
    merchant.read_notice(bytes, secret.api_v2_key().map_err(NoticeError::Unverifiable)?)
}

impl MerchantContext {
    fn read_notice(&self, bytes: &[u8], api_v2_key: &Secret) -> Result<Notice, NoticeError> {
        let fields = read("xml", bytes).map_err(|error| NoticeError::Malformed(error.into()))?;
        if fields.get("return_code") != Some("SUCCESS") {
            return Err(NoticeError::ReturnCode);
        }
        // A notice of a refund is not signed but encrypted.
        if let Some(req_info) = fields.get("req_info") {
            let refund = VerifiedFields::decrypt(req_info, api_v2_key).ok_or(NoticeError::Signature)?;
            // The appid and mch_id outside of `req_info` are neither signed nor encrypted: they sort out notices for others and
            // prove nothing.
            self.check_addressee(|name| fields.get(name))?;
            return read_refund(&refund).map(Notice::Refund).map_err(NoticeError::Field);
        }
        let fields =
            VerifiedFields::verify(fields, self.sign_type, api_v2_key).ok_or(NoticeError::Signature)?;
        self.check_addressee(|name| fields.get(name))?;
        match fields.get("result_code") {
            Some("SUCCESS") => {
                api::payment(&fields, Source::Notice).map(Notice::Paid).map_err(NoticeError::Field)
            }
            Some("FAIL") => Ok(Notice::Failed(FailedAttempt {
                out_trade_no: OutTradeNo::parse(fields.get("out_trade_no").unwrap_or_default()),
                err_code: fields.get("err_code").unwrap_or_default().to_owned(),
            })),
            _ => Err(NoticeError::Field("result_code")),
        }
    }

    fn check_addressee<'a>(&self, get: impl Fn(&'static str) -> Option<&'a str>) -> Result<(), NoticeError> {
        if get("appid") != Some(self.app_id.as_str()) {
            return Err(NoticeError::Foreign("appid"));
        }
        if get("mch_id") != Some(self.mch_id.as_str()) {
            return Err(NoticeError::Foreign("mch_id"));
        }
        Ok(())
    }
}

fn read_refund(fields: &VerifiedFields) -> Result<Refund, &'static str> {
    let status = fields.get("refund_status").unwrap_or_default();
    let status = refund::final_status(status).ok_or("refund_status")?;
    Ok(Refund { source: Source::Notice, ..refund::read(fields, "", status)? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::{Fields, SignType, sign, write},
        *,
    };

    const NOTICE: &str = include_str!("notice_g3.xml");

    fn key() -> Secret {
        Secret::new("rYLVL20kysqVBFxfTgcGyvKjycsY17WV".to_owned())
    }

    /// The vector's fields with `changes`, signed again.
    fn altered(changes: &[(&str, &str)]) -> String {
        let mut fields = read("xml", NOTICE.as_bytes()).unwrap();
        fields.set("out_trade_no", "01HF7Y9B9X000000000000000001".to_owned());
        for (name, value) in changes {
            fields.set(name, (*value).to_owned());
        }
        let signature = sign(&fields, SignType::Md5, &key());
        fields.set("sign", signature);
        write("xml", &fields).unwrap()
    }

    fn error(body: &str) -> String {
        MerchantContext::for_vectors().read_notice(body.as_bytes(), &key()).unwrap_err().to_string()
    }

    #[test]
    fn a_notice_with_an_unknown_and_an_empty_field_is_genuine() {
        let Notice::Paid(payment) = MerchantContext::for_vectors()
            .read_notice(altered(&[("attach", "")]).as_bytes(), &key())
            .unwrap()
        else {
            panic!("not paid")
        };
        assert_eq!(payment.total_fee().get(), 101, "the order's amount, not the cash part of it");
        assert_eq!(payment.paid_at().get(), 1_700_000_042);
    }

    #[test]
    fn the_vector_is_genuine_and_its_number_has_another_form() {
        assert_eq!(error(NOTICE), "the notice's out_trade_no is missing or not in its form");
    }

    #[test]
    fn a_genuine_failure_is_distinguished_from_a_forgery() {
        let body = altered(&[("result_code", "FAIL"), ("err_code", "NOTENOUGH")]);
        assert!(
            matches!(MerchantContext::for_vectors().read_notice(body.as_bytes(), &key()), Ok(Notice::Failed(attempt)) if attempt.err_code() == "NOTENOUGH")
        );
    }

    #[test]
    fn forged_foreign_and_unsigned_notices_are_refused() {
        let genuine = altered(&[]);
        assert_eq!(error(&genuine.replace("101", "1")), "the notice's signature is not right");
        let mut unsigned = read("xml", genuine.as_bytes()).unwrap();
        unsigned.set("sign", String::new());
        assert_eq!(error(&write("xml", &unsigned).unwrap()), "the notice's signature is not right");
        assert_eq!(error(&altered(&[("appid", "wx0000000000000000")])), "the notice is for another appid");
        assert_eq!(error(&altered(&[("mch_id", "1")])), "the notice is for another mch_id");
        assert_eq!(error(&altered(&[("return_code", "FAIL")])), "the notice's return_code is not SUCCESS");
        assert_eq!(
            error(&altered(&[("total_fee", "1.01")])),
            "the notice's total_fee is missing or not in its form"
        );
    }

    #[test]
    fn the_other_sign_type_is_refused_though_its_signature_is_right() {
        for named in ["", "HMAC-SHA256"] {
            let mut fields = read("xml", altered(&[("sign_type", named)]).as_bytes()).unwrap();
            let signature = sign(&fields, SignType::HmacSha256, &key());
            fields.set("sign", signature);
            assert_eq!(error(&write("xml", &fields).unwrap()), "the notice's signature is not right");
        }
        // Named as HMAC, signed with MD5: whichever of the two it was meant to be, it is not what is configured.
        assert_eq!(error(&altered(&[("sign_type", "HMAC-SHA256")])), "the notice's signature is not right");
    }

    proptest! {
        #[test]
        fn any_changed_byte_is_noticed(position in 0usize..2000, to in any::<u8>()) {
            let genuine = altered(&[]).into_bytes();
            let mut bytes = genuine.clone();
            let at = position % bytes.len();
            bytes[at] = to;
            let same_fields = read("xml", &bytes).ok() == read("xml", &genuine).ok();
            prop_assert!(same_fields || MerchantContext::for_vectors().read_notice(&bytes, &key()).is_err());
        }

        #[test]
        fn receiving_any_bytes_never_panics(bytes: Vec<u8>) {
            prop_assert!(MerchantContext::for_vectors().read_notice(&bytes, &key()).is_err());
        }
    }

    #[test]
    fn fields_are_a_type_of_their_own() {
        let fields: Fields = [("a".to_owned(), "1".to_owned())].into_iter().collect();
        assert_eq!(fields.get("a"), Some("1"));
    }
}
