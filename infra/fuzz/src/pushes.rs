//! Pushes of the open platform.

use std::rc::Rc;

use base64::{Engine, engine::general_purpose::STANDARD};
use local_bench::deployment::APP_ID;
use serde_json::json;
use shared::{
    crypto::{encrypt_cbc_blocks, hex, sha1},
    types::EncodingAesKey,
    wechat::push::{PushQuery, PushReceiver},
};

use crate::{
    reader::Reader,
    services::{NOW, PUSH_KEY, PUSH_TOKEN, Services},
};

struct Receiver {
    services: Rc<Services>,
    pushes: PushReceiver,
}

impl Receiver {
    fn start(mode: &str) -> Self {
        let services = Services::shared();
        let host = services.host("message-push", &[("MESSAGE_PUSH_MODE", mode)]);
        Self { pushes: PushReceiver::new(&host).expect("its settings"), services }
    }

    /// Reads a push, and everything that events are made of.
    fn receive(&self, query: &PushQuery, body: &[u8]) {
        let Ok(push) = self.services.run(self.pushes.receive(query, body)) else { return };
        let message = push.message();
        let _ = (message.topic(), message.name(), message.affected_user(), message.entries());
        let _ = (message.push_id(), message.customer_message(), message.media_verdict());
        let _ = (message.settlement_news(), message.subscribe_events());
    }
}

/// Any body, with a genuine query.
pub(crate) fn plain() -> Reader {
    let receiver = Receiver::start("plain");
    Box::new(move |input| receiver.receive(&query(None), input))
}

/// Any content of the encrypted part, with a genuine signature.
pub(crate) fn secure() -> Reader {
    let receiver = Receiver::start("secure");
    let key = EncodingAesKey::parse(PUSH_KEY).expect("a key");
    Box::new(move |input| {
        let length = u32::try_from(input.len()).expect("a short input");
        let mut padded = [b"SHFmfyNdOIjxZEo0", &length.to_be_bytes()[..], input, APP_ID.as_bytes()].concat();
        let padding = 32_u8.saturating_sub(u8::try_from(padded.len() % 32).expect("less than 32"));
        padded.extend(std::iter::repeat_n(padding, padding.into()));
        let iv = key.bytes().first_chunk().expect("32 bytes");
        let encrypted = encrypt_cbc_blocks(key.bytes(), iv, &padded).expect("whole blocks");
        let encrypted = STANDARD.encode(encrypted);
        let body = json!({ "ToUserName": "gh", "Encrypt": encrypted }).to_string();
        receiver.receive(&query(Some(&encrypted)), body.as_bytes());
    })
}

/// A genuine query; with `encrypted` the signature covers the encrypted part as well.
pub(crate) fn query(encrypted: Option<&str>) -> PushQuery {
    let timestamp = NOW.to_string();
    let sign = |encrypted: Option<&str>| {
        let mut parts = vec![PUSH_TOKEN.as_bytes(), timestamp.as_bytes(), PUSH_NONCE.as_bytes()];
        parts.extend(encrypted.map(str::as_bytes));
        parts.sort_unstable();
        hex(&sha1(&parts))
    };
    PushQuery {
        signature: Some(sign(None)),
        msg_signature: encrypted.map(|encrypted| sign(Some(encrypted))),
        timestamp: Some(timestamp.clone()),
        nonce: Some(PUSH_NONCE.to_owned()),
    }
}

const PUSH_NONCE: &str = "148201722";
