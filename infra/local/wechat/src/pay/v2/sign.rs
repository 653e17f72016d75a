//! The signature of Pay v2.
//!
//! Documentation: "Signature algorithm" (签名算法) of Pay v2. All fields with a value except `sign`, sorted by
//! name, joined as `k=v&…` with `&key=<APIv2 key>` at the end, unescaped; MD5 or HMAC-SHA256 in upper-case
//! hexadecimal.
//!
//! <https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=4_3>

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha2::Sha256;

use super::Fields;
use crate::core::random;
use crate::pay::version::SignType;

/// The signature over the fields.
pub(crate) fn sign(fields: &Fields, sign_type: SignType, key: &str) -> String {
    let text = text_to_sign(fields, key);
    let digest = match sign_type {
        SignType::Md5 => random::hex(&Md5::digest(text)),
        SignType::HmacSha256 => hmac(&text, key),
    };
    digest.to_ascii_uppercase()
}

/// Whether the field `sign` is the signature over the other fields.
pub(crate) fn is_signed(fields: &Fields, sign_type: SignType, key: &str) -> bool {
    fields.get("sign").is_some_and(|given| *given == sign(fields, sign_type, key))
}

fn text_to_sign(fields: &Fields, key: &str) -> String {
    let mut text = String::new();
    for (name, value) in fields.iter().filter(|(name, value)| *name != "sign" && !value.is_empty()) {
        text.push_str(name);
        text.push('=');
        text.push_str(value);
        text.push('&');
    }
    text + "key=" + key
}

fn hmac(text: &str, key: &str) -> String {
    // A key of any length is a key of HMAC, so the refusal never comes.
    Hmac::<Sha256>::new_from_slice(key.as_bytes())
        .map(|mac| random::hex(&mac.chain_update(text).finalize().into_bytes()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_sample_of_the_documentation() {
        let key = "192006250b4c09247ec02edce69f6a2d";
        let mut sample = fields(&[
            ("appid", "wxd930ea5d5a258f4f"),
            ("mch_id", "10000100"),
            ("device_info", "1000"),
            ("body", "test"),
            ("nonce_str", "ibuaiVcKdpRxkhJA"),
        ]);
        assert_eq!(sign(&sample, SignType::Md5, key), "9A0A8659F005D6984697E2CA0A9CF3B7");
        assert_eq!(
            sign(&sample, SignType::HmacSha256, key),
            "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6"
        );
        sample.insert("sign_type".to_owned(), "HMAC-SHA256".to_owned());
        assert_eq!(
            sign(&sample, SignType::HmacSha256, key),
            "2C9DF1156522C0B2B03B4DBF3BCA5CACB602CBD5CA0F9E112458CF3E9855303B"
        );
    }

    #[test]
    fn the_pay_sign_sample_of_the_documentation() {
        let sample = fields(&[
            ("appId", "wxd678efh567hg6787"),
            ("nonceStr", "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"),
            ("package", "prepay_id=wx2017033010242291fcfe0db70013231072"),
            ("signType", "MD5"),
            ("timeStamp", "1490840662"),
        ]);
        let key = "qazwsxedcrfvtgbyhnujmikolp111111";
        assert_eq!(sign(&sample, SignType::Md5, key), "22D9B4E54AB1950F51E0649E8810ACD6");
    }

    const KEY: &str = "rYLVL20kysqVBFxfTgcGyvKjycsY17WV";

    #[test]
    fn an_order_with_chinese_and_an_empty_field() {
        let mut order = fields(&[
            ("appid", "wx95e6095a537e33b4"),
            ("attach", ""),
            ("body", "小店-矿泉水 550ml×2"),
            ("mch_id", "1916817080"),
            ("nonce_str", "q7EP1lorUKIVnA5l9U98Z5jlWgf5OuRi"),
            ("notify_url", "https://example.com/prod/pay/notify"),
            ("openid", "o5wQws1FH2FD2uaNtxmrc1jiG4dc"),
            ("out_trade_no", "DGVm3tym4KYqJ727Msfbk"),
            ("spbill_create_ip", "203.0.113.9"),
            ("total_fee", "101"),
            ("trade_type", "JSAPI"),
        ]);
        assert_eq!(sign(&order, SignType::Md5, KEY), "4D9958B50E23B48142FCA8BDA581D9B6");
        order.insert("sign_type".to_owned(), "HMAC-SHA256".to_owned());
        let hmac = "3104AB88DD0D14292F399D89190CC0D90AB21454D96405F300CB3C5048C6E732";
        assert_eq!(sign(&order, SignType::HmacSha256, KEY), hmac);
        order.insert("sign".to_owned(), hmac.to_owned());
        assert!(is_signed(&order, SignType::HmacSha256, KEY));
        assert!(!is_signed(&order, SignType::Md5, KEY));
    }

    #[test]
    fn the_arguments_of_a_payment_in_both_sign_types() {
        let mut arguments = fields(&[
            ("appId", "wx95e6095a537e33b4"),
            ("timeStamp", "1700000000"),
            ("nonceStr", "6Zku3M0P5L94XBubJuGMkzmLljENHfYZ"),
            ("package", "prepay_id=wx150613205c85e9afe3e93f2706414dcc10"),
            ("signType", "MD5"),
        ]);
        assert_eq!(sign(&arguments, SignType::Md5, KEY), "072AA16ADCF0BBEDBB02E2798BDCE6AE");
        arguments.insert("signType".to_owned(), "HMAC-SHA256".to_owned());
        assert_eq!(
            sign(&arguments, SignType::HmacSha256, KEY),
            "BC31BA49A224289538E87C8C085602E28A7F17376E2014A42F62952D2A5730A8"
        );
    }
}
