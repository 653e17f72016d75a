//! The notice of a refund: an encrypted message in a message that is not signed.
//!
//! Documentation: "Refund result notification" (退款结果通知) of Pay v2. `req_info` is AES-256-ECB with PKCS#7 under the lower-case
//! hexadecimal MD5 of the APIv2 key. The encryption takes the place of a signature.
//!
//! <https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_16>

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde_json::{Value, json};

use super::{Fields, fields_from, notice, xml};
use crate::core::account::Account;
use crate::core::clock;
use crate::core::notices::{Delivery, PAY_REDELIVERIES};
use crate::core::random;
use crate::core::refund_status::RefundStatus;
use crate::pay::ledger::refunds::Refund;

/// The notice of a refund that has ended.
pub(crate) fn refund_notice(refund: &Refund, notify_url: &str, account: &Account) -> Delivery {
    let fields = refund_fields(refund);
    Delivery {
        url: notify_url.to_owned(),
        content_type: "text/xml",
        summary: Value::from_iter(fields.iter().map(|(name, value)| (name.clone(), json!(value)))),
        body: message_body(&fields, account, &account.api_v2_key),
        forged: message_body(&fields, account, "a key that is not this merchant's"),
        signer: None,
        check_answer: notice::check_acknowledgement,
        redeliveries: &PAY_REDELIVERIES,
    }
}

/// The body of a notice with these fields encrypted in `req_info`.
pub(crate) fn message_body(fields: &Fields, account: &Account, key: &str) -> String {
    xml::write(&fields_from(&[
        ("return_code", "SUCCESS"),
        ("appid", &account.app_id),
        ("mch_id", &account.mch_id),
        ("nonce_str", &random::nonce()),
        ("req_info", &encrypt(&xml::write_as("root", fields), key)),
    ]))
}

fn refund_fields(refund: &Refund) -> Fields {
    let entry = &refund.entry;
    let (total, fee) = (entry.total_fee.to_string(), entry.refund_fee.to_string());
    fields_from(&[
        ("transaction_id", entry.transaction_id.as_str()),
        ("out_trade_no", &entry.out_trade_no),
        ("refund_id", &entry.refund_id),
        ("out_refund_no", &entry.out_refund_no),
        ("total_fee", &total),
        ("settlement_total_fee", &total),
        ("refund_fee", &fee),
        ("settlement_refund_fee", &fee),
        ("cash_refund_fee", &fee),
        ("refund_status", entry.status.v2()),
        ("success_time", &refund.succeeded().map(clock::wall_time).unwrap_or_default()),
        ("refund_recv_accout", if entry.status == RefundStatus::Success { "支付用户零钱" } else { "" }),
        ("refund_account", refund.funds.v2()),
        ("refund_request_source", entry.source.as_str()),
        ("future_field", "新字段"),
    ])
}

/// Encrypts with AES-256-ECB and PKCS#7; the result in base64.
fn encrypt(text: &str, key: &str) -> String {
    let cipher = cipher(key);
    let mut bytes = text.as_bytes().to_vec();
    let padding = BLOCK - bytes.len() % BLOCK;
    bytes.extend(std::iter::repeat_n(u8::try_from(padding).unwrap_or_default(), padding));
    for block in bytes.chunks_exact_mut(BLOCK) {
        if let Ok(block) = block.try_into() {
            cipher.encrypt_block(block);
        }
    }
    STANDARD.encode(bytes)
}

/// The cipher, whose key is the hexadecimal text of the MD5, including leading zeros.
fn cipher(key: &str) -> Aes256 {
    let digest = random::hex(&Md5::digest(key));
    let mut bytes = [0; 32];
    // Sixteen bytes have 32 digits.
    for (byte, digit) in bytes.iter_mut().zip(digest.bytes()) {
        *byte = digit;
    }
    Aes256::new(&bytes.into())
}

/// The block size of AES, in bytes.
const BLOCK: usize = 16;

/// Decrypts `req_info` as a merchant does, for tests.
#[cfg(test)]
pub(crate) fn decrypt(req_info: &str, key: &str) -> String {
    use aes::cipher::BlockCipherDecrypt;

    let mut bytes = STANDARD.decode(req_info).expect("genuine");
    for block in bytes.chunks_exact_mut(BLOCK) {
        cipher(key).decrypt_block(block.try_into().expect("genuine"));
    }
    let padding = usize::from(*bytes.last().expect("genuine"));
    bytes.truncate(bytes.len().saturating_sub(padding));
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "rYLVL20kysqVBFxfTgcGyvKjycsY17WV";

    const PLAIN: &str = "<root>\n\
        <out_refund_no><![CDATA[RBmPR2f5hrLbSNNl]]></out_refund_no>\n\
        <out_trade_no><![CDATA[DGVm3tym4KYqJ727Msfbk]]></out_trade_no>\n\
        <refund_account><![CDATA[REFUND_SOURCE_RECHARGE_FUNDS]]></refund_account>\n\
        <refund_fee><![CDATA[50]]></refund_fee>\n\
        <refund_id><![CDATA[50308402546386125180379473039]]></refund_id>\n\
        <refund_recv_accout><![CDATA[支付用户零钱]]></refund_recv_accout>\n\
        <refund_request_source><![CDATA[API]]></refund_request_source>\n\
        <refund_status><![CDATA[SUCCESS]]></refund_status>\n\
        <settlement_refund_fee><![CDATA[50]]></settlement_refund_fee>\n\
        <settlement_total_fee><![CDATA[101]]></settlement_total_fee>\n\
        <success_time><![CDATA[2023-11-15 06:20:00]]></success_time>\n\
        <total_fee><![CDATA[101]]></total_fee>\n\
        <transaction_id><![CDATA[4200329252049536687864243889]]></transaction_id>\n\
        </root>";

    const REQ_INFO: &str = "w8X5nMY2wOx2dM9A6SIEed7Z79uih+We3dAfXW1MHx7HiIc0/BlOwAUCRYI7HQILKWTcYoWCGTmi9HZb3H7tQrEI5K\
        QK9UOH2vhhCRzW7+jeNGOBndOZbLCGLo23bU1ftrvRQHaiUDpF35SJ9hNL5sWqUFz49HUgEQzGRi8sbsm8lUJh2qcj\
        0ScX1ORHzEfZ+x2hllxGCtcGmYTkTsO9BY+aJNNhntXwU/W98xXhe95AuktwEqDt8oQj3t+b8KSiQUtnhoh9YO9i3L\
        Q6u4rdI9OatBRB91Bhm6iDeDOULyrXFj1G/OQtTnHrgIO4A9PGtA5Eiu3Usbmd6AeyvEsCgaRBoMRScrAEyQH3wtXS\
        K+gEqG+mtZHBi3hpxOvnfNUpLxwwAbTU1DXe8qOjpoT3CbEYRHp5DQiG0Fsn02e1RgSz1rKxqZWSaIVDtex7G+JtXv\
        Og/V3xCsKETXJuG6T9MU/WwXbfhLU2Fp39A6IAkySHQAY9IBdbpUyO65c+F6mO8qG1sf1m4IZhNwZAlpTyp3/x1V+s\
        SR/CuhiFxVrrwGmFfjDaERIDjS31NYt9/r3ssIurEH2Ar/LCQLrvdlgGboPc/4ZMqVSECcBy/IPVta4ri8OBdl33Qt\
        wyEmy3q8VTykJWc733pUQ/65e+Dau1Of0LysGxgQf9E1FlpG4m71iWWTGLYi9jBEcVTaHLOG5wPcTfr3boAC5mcuya\
        /8MvHWf5gIYYk8f6NADWlWGYiOrFYifBrRmBOVS1jbMsaP+6WoGw7n7oMiETvAWXHef4w5HBz4kMUSO8NYsUmzeKnu\
        HKHcst57UG/XR5ohkfB4xdHLLSHijQmO9FoqyRH2sUHa3HIyKj6U0ixMBd81fLg8L2oFdklfwJ/fHLkYaMrRP/op0i\
        QzQziQNFsxSEILnd0SWnVA5nmeztbmXbHIW6xqRM7qEJ7PNHDIK+afPpSlAGDvwfgoKRXjKHlpwJ+Fo6SKoFqFHoPA\
        vbaKIo5D5Ahhi5AJqRO90wMPSbi+3j6trhQEJaZE/q56McDyUIs4SGAHl0mHrRlIsFmoWH9MvwGm0=";

    #[test]
    fn a_known_refund_notice_encrypts_to_its_known_text() {
        assert_eq!(encrypt(PLAIN, KEY), REQ_INFO);
        assert_eq!(decrypt(REQ_INFO, KEY), PLAIN);
    }

    #[test]
    fn the_root_is_written_as_wechat_writes_it() {
        let fields = fields_from(&[("refund_fee", "50"), ("total_fee", "101")]);
        let text = "<root>\n<refund_fee><![CDATA[50]]></refund_fee>\n<total_fee><![CDATA[101]]></total_fee>\n</root>";
        assert_eq!(xml::write_as("root", &fields), text);
    }
}
