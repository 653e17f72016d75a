//! Open data (开放数据), which the phone hands over encrypted.

use std::time::Duration;

use aes::Aes128;
use base64::{Engine, engine::general_purpose::STANDARD};
use cbc::{
    Encryptor,
    cipher::{BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7},
};
use local_bench::deployment::APP_ID;
use shared::{
    types::{AppId, SessionKey, UnixSeconds},
    wechat::{Watermark, decrypt as decrypt_open_data, raw_data_is_genuine},
};

use crate::{reader::Reader, services::NOW};

/// Any text as the encrypted data; then any content, encrypted with the session's key.
pub(crate) fn decrypt() -> Reader {
    let key = SessionKey::parse(&STANDARD.encode(KEY)).expect("a key");
    let app_id = AppId::parse(APP_ID).expect("an appid");
    let iv = STANDARD.encode(IV);
    Box::new(move |input| {
        let watermark =
            || Watermark { app_id: &app_id, now: UnixSeconds::new(NOW), max_age: Duration::from_secs(300) };
        let text = String::from_utf8_lossy(input);
        let (data, given_iv) = text.split_once('\n').unwrap_or((&text, &iv));
        let _ = decrypt_open_data(data, given_iv, [&key], &watermark());
        let _ = raw_data_is_genuine(data, given_iv, &key);
        let encrypted = Encryptor::<Aes128>::new(&KEY.into(), &IV.into()).encrypt_padded_vec::<Pkcs7>(input);
        let _ = decrypt_open_data(&STANDARD.encode(encrypted), &iv, [&key], &watermark());
    })
}

const KEY: [u8; 16] = *b"0123456789abcdef";
const IV: [u8; 16] = *b"fedcba9876543210";
