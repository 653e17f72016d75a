//! Notices of WeChat Pay.

use std::rc::Rc;

use aes::{
    Aes256,
    cipher::{BlockCipherEncrypt, KeyInit},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName};
use local_bench::{
    deployment::{APP_ID, MERCHANT_ID},
    merchant::{API_V2_KEY, NONCE, PRIVATE_KEY, PUBLIC_KEY_ID, seal},
};
use serde_json::json;
use shared::{
    crypto::{SigningKey, hex, md5},
    pay::{
        NoticeReceiver,
        v2::{self, Fields, SignType},
    },
    service::notice_receiver,
    types::Secret,
};

use crate::{
    reader::Reader,
    services::{NOW, Services},
};

struct Receiver {
    services: Rc<Services>,
    notices: NoticeReceiver,
}

impl Receiver {
    fn start() -> Self {
        let services = Services::shared();
        let notices = notice_receiver(&services.host("pay-notify", &[])).expect("its settings");
        Self { services, notices }
    }

    /// Reads a notice, whether it is genuine or not.
    fn receive(&self, headers: &HeaderMap, body: &[u8]) {
        drop(self.services.run(self.notices.receive(headers, body)));
    }
}

/// Any body. What was read is written and read again.
pub(crate) fn v2() -> Reader {
    let receiver = Receiver::start();
    Box::new(move |input| {
        if let Ok(fields) = v2::read("xml", input)
            && let Ok(written) = v2::write("xml", &fields)
        {
            assert_eq!(v2::read("xml", written.as_bytes()).ok(), Some(fields), "{written}");
        }
        receiver.receive(&HeaderMap::new(), input);
    })
}

/// Any fields, with a genuine signature.
pub(crate) fn v2_signed() -> Reader {
    let receiver = Receiver::start();
    Box::new(move |input| {
        if let Some(body) = sign_v2(input) {
            receiver.receive(&HeaderMap::new(), body.as_bytes());
        }
    })
}

/// The same fields with a genuine signature; `None` if they are none.
pub(crate) fn sign_v2(body: &[u8]) -> Option<String> {
    let mut fields: Fields = v2::read("xml", body).ok()?;
    fields.set("sign", v2::sign(&fields, SignType::HmacSha256, &Secret::new(API_V2_KEY.to_owned())));
    v2::write("xml", &fields).ok()
}

/// Any content of the encrypted part of a notice of a refund.
pub(crate) fn v2_refund() -> Reader {
    let receiver = Receiver::start();
    Box::new(move |input| receiver.receive(&HeaderMap::new(), refund_body(input).as_bytes()))
}

/// A notice of a refund with this content of its encrypted part.
pub(crate) fn refund_body(content: &[u8]) -> String {
    let key = hex(&md5(API_V2_KEY.as_bytes()));
    let cipher = Aes256::new_from_slice(key.as_bytes()).expect("32 characters");
    let mut padded = content.to_vec();
    let padding = 16_u8.saturating_sub(u8::try_from(content.len() % 16).expect("less than 16"));
    padded.extend(std::iter::repeat_n(padding, padding.into()));
    for block in padded.as_chunks_mut::<16>().0 {
        cipher.encrypt_block(block.into());
    }
    format!(
        "<xml><return_code>SUCCESS</return_code><appid>{APP_ID}</appid><mch_id>{MERCHANT_ID}</mch_id>\
         <nonce_str>n</nonce_str><req_info>{}</req_info></xml>",
        STANDARD.encode(padded)
    )
}

/// Any headers, a line for each, and after an empty line any body.
pub(crate) fn v3() -> Reader {
    let receiver = Receiver::start();
    Box::new(move |input| {
        let (head, body) = split_at(input, b"\n\n").unwrap_or((b"", input));
        let mut headers = v3_headers("c2lnbmF0dXJl");
        for line in head.split(|byte| *byte == b'\n') {
            let (name, value) = split_at(line, b":").unwrap_or((line, b""));
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), value.try_into()) {
                headers.insert(name, value);
            }
        }
        receiver.receive(&headers, body);
    })
}

/// Any content of the encrypted resource, with a genuine signature. The first line is the type of the event.
pub(crate) fn v3_signed() -> Reader {
    let (receiver, signer) = (Receiver::start(), V3Signer::new());
    Box::new(move |input| {
        let (headers, body) = signer.notice(input);
        receiver.receive(&headers, body.as_bytes());
    })
}

/// Makes genuine notices of APIv3.
pub(crate) struct V3Signer(SigningKey);

impl V3Signer {
    pub(crate) fn new() -> Self {
        Self(SigningKey::from_pem(PRIVATE_KEY).expect("a key"))
    }

    /// A notice of the event that the first line of `input` names; the rest is the content of its encrypted resource.
    pub(crate) fn notice(&self, input: &[u8]) -> (HeaderMap, String) {
        let (event, plain) = split_at(input, b"\n").unwrap_or((b"", input));
        let body = json!({
            "id": "EV-1", "create_time": "2026-11-21T12:00:00+08:00", "resource_type": "encrypt-resource",
            "event_type": String::from_utf8_lossy(event), "summary": "支付成功",
            "resource": {
                "original_type": "transaction", "algorithm": "AEAD_AES_256_GCM", "associated_data": "transaction",
                "nonce": NONCE, "ciphertext": STANDARD.encode(seal(plain).expect("a ciphertext")),
            },
        });
        let body = body.to_string();
        let signature = STANDARD.encode(self.0.sign(format!("{NOW}\nnonce\n{body}\n").as_bytes()));
        (v3_headers(&signature), body)
    }
}

/// The headers of a message of APIv3 with this signature.
pub(crate) fn v3_headers(signature: &str) -> HeaderMap {
    let headers = [
        ("wechatpay-timestamp", NOW.to_string()),
        ("wechatpay-nonce", "nonce".to_owned()),
        ("wechatpay-signature", signature.to_owned()),
        ("wechatpay-signature-type", "WECHATPAY2-SHA256-RSA2048".to_owned()),
        ("wechatpay-serial", PUBLIC_KEY_ID.to_owned()),
    ];
    let header = |(name, value): (&'static str, String)| {
        (HeaderName::from_static(name), value.parse().expect("a header"))
    };
    headers.map(header).into_iter().collect()
}

/// What stands before and after the first `separator`.
fn split_at<'i>(input: &'i [u8], separator: &[u8]) -> Option<(&'i [u8], &'i [u8])> {
    let at = input.windows(separator.len()).position(|part| part == separator)?;
    let (before, rest) = input.split_at(at);
    Some((before, rest.split_at(separator.len()).1))
}
