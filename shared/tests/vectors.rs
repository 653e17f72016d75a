//! The official test vectors, as printed in WeChat's documentation, and vectors made independently of this code.

#![expect(clippy::unwrap_used, reason = "the vectors are well-formed")]

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::{
    crypto::ring,
    pki_types::{SubjectPublicKeyInfoDer, alg_id, pem::PemObject},
};
use serde_json::Value;
use shared::{
    crypto::{RsaPublicKey, hex, hmac_sha256},
    pay::v2::{Fields, SignType, read, sign},
    types::{AppId, CardCode, CardId, OpenId, Secret, SessionKey, UnixSeconds},
    wechat::{
        CardExt, OpenDataError, PageSignature, PageUrl, SoterResult, Watermark, decrypt, raw_data_is_genuine,
    },
};

fn open(app_id: &str, key: &str, iv: &str, data: &str, now: u64) -> Result<Value, OpenDataError> {
    let app_id = AppId::parse(app_id).unwrap();
    let watermark =
        Watermark { app_id: &app_id, now: UnixSeconds::new(now), max_age: Duration::from_secs(300) };
    decrypt(data, iv, [&SessionKey::parse(key).unwrap()], &watermark).map(Value::Object)
}

fn fields(text: &str) -> Fields {
    text.split('&')
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect()
}

fn signed(text: &str, sign_type: SignType, key: &str) -> String {
    sign(&fields(text), sign_type, &Secret::new(key.to_owned()))
}

/// Printed with 开放数据校验与解密.
#[test]
fn the_printed_user_data_decrypt() {
    let data = "CiyLU1Aw2KjvrjMdj8YKliAjtP4gsMZMQmRzooG2xrDcvSnxIMXFufNstNGTyaGS9uT5geRa0W4oTOb1WT7fJlAC+oNPdbB+3hVbJSRgv+4lGOETKUQz6OYStslQ142dNCuabNPGBzlooOmB231qMM85d2/fV6ChevvXvQP8Hkue1poOFtnEtpyxVLW1zAo6/1Xx1COxFvrc2d7UL/lmHInNlxuacJXwu0fjpXfz/YqYzBIBzD6WUfTIF9GRHpOn/Hz7saL8xz+W//FRAUid1OksQaQx4CMs8LOddcQhULW4ucetDf96JcR3g0gfRK4PC7E/r7Z6xNrXd2UIeorGj5Ef7b1pJAYB6Y5anaHqZ9J6nKEBvB4DnNLIVWSgARns/8wR2SiRS7MNACwTyrGvt9ts8p12PKFdlqYTopNHR1Vf7XjfhQlVsAJdNiKdYmYVoKlaRv85IfVunYzO0IKXsyl7JCUjCpoG20f0a04COwfneQAGGwd5oa+T8yO5hzuyDb/XcxxmK01EpqOyuxINew==";
    let user = open(
        "wx4f4bc4dec97d474b",
        "tiihtNczf5v6AKRyjwEUhQ==",
        "r7BXXKkLb8qrSNn05n0qiA==",
        data,
        1_477_314_187,
    );
    let user = user.unwrap();
    assert_eq!(user["openId"], "oGZUI0egBJY1zhBYw2KhdUfwVJJE");
    assert_eq!(user["nickName"], "Band");
    assert_eq!(user["unionId"], "ocMvos6NjeKLIBqg5Mr9QjxrP1FA");
}

/// Printed with 开放数据校验与解密.
#[test]
fn the_printed_raw_data_are_genuine() {
    let raw = r#"{"nickName":"Band","gender":1,"language":"zh_CN","city":"Guangzhou","province":"Guangdong","country":"CN","avatarUrl":"http://wx.qlogo.cn/mmopen/vi_32/1vZvI39NWFQ9XM4LtQpFrQJ1xlgZxx3w7bQxKARol6503Iuswjjn6nIGBiaycAjAtpujxyzYsrztuuICqIM5ibXQ/0"}"#;
    let key = SessionKey::parse("HyVFkGl5F5OQWJZZaNzBBg==").unwrap();
    assert!(raw_data_is_genuine(raw, "75e81ceda165f4ffa64f4068af58c64b8f54b88c", &key));
    assert!(!raw_data_is_genuine(
        &raw.replace("Band", "band"),
        "75e81ceda165f4ffa64f4068af58c64b8f54b88c",
        &key
    ));
}

#[test]
fn raw_data_with_escapes_are_signed_as_they_are() {
    let raw = r#"{"nickName":"测试\"引号\"","gender":1,"language":"zh_CN","city":"","province":"","country":"","avatarUrl":""}"#;
    let key = SessionKey::parse("0DcDwiDekHEtMhXgEbBewA==").unwrap();
    assert!(raw_data_is_genuine(raw, "073438757822e6d564c6f997d7c7cd111d6c50b5", &key));
}

/// Printed with 用户登录态签名: the key is the text, not its bytes.
#[test]
fn the_printed_session_signature_comes_out() {
    let sign = |body: &str| hex(&hmac_sha256(b"o0q0otL8aEzpcZL/FT9WsQ==", body.as_bytes()));
    assert_eq!(sign(r#"{"foo":"bar"}"#), "654571f79995b2ce1e149e53c0a33dc39c0a74090db514261454e8dbe432aa0b");
    assert_eq!(sign(""), "46e043c5525c2d817c44be603d30837a808a1d930d038f6fdc3e62a201fed128");
}

/// Printed with 签名算法 of APIv2.
#[test]
fn the_printed_signatures_come_out() {
    let text =
        "appid=wxd930ea5d5a258f4f&mch_id=10000100&device_info=1000&body=test&nonce_str=ibuaiVcKdpRxkhJA";
    let key = "192006250b4c09247ec02edce69f6a2d";
    assert_eq!(signed(text, SignType::Md5, key), "9A0A8659F005D6984697E2CA0A9CF3B7");
    assert_eq!(
        signed(text, SignType::HmacSha256, key),
        "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6"
    );
    // As real requests must have it, with the type among the fields.
    assert_eq!(
        signed(&format!("{text}&sign_type=HMAC-SHA256"), SignType::HmacSha256, key),
        "2C9DF1156522C0B2B03B4DBF3BCA5CACB602CBD5CA0F9E112458CF3E9855303B"
    );
}

/// Printed with 小程序调起支付 of APIv2.
#[test]
fn the_printed_pay_sign_comes_out() {
    let text = "appId=wxd678efh567hg6787&nonceStr=5K8264ILTKCH16CQ2502SI8ZNMTM67VS&package=prepay_id=wx2017033010242291fcfe0db70013231072&signType=MD5&timeStamp=1490840662";
    assert_eq!(
        signed(text, SignType::Md5, "qazwsxedcrfvtgbyhnujmikolp111111"),
        "22D9B4E54AB1950F51E0649E8810ACD6"
    );
}

const KEY_V2: &str = "rYLVL20kysqVBFxfTgcGyvKjycsY17WV";

#[test]
fn a_request_with_chinese_text_and_an_empty_field_is_signed_right() {
    let text = "appid=wx95e6095a537e33b4&attach=&body=小店-矿泉水 550ml×2&mch_id=1916817080&nonce_str=q7EP1lorUKIVnA5l9U98Z5jlWgf5OuRi&notify_url=https://example.com/prod/pay/notify&openid=o5wQws1FH2FD2uaNtxmrc1jiG4dc&out_trade_no=DGVm3tym4KYqJ727Msfbk&spbill_create_ip=203.0.113.9&total_fee=101&trade_type=JSAPI";
    assert_eq!(signed(text, SignType::Md5, KEY_V2), "4D9958B50E23B48142FCA8BDA581D9B6");
    assert_eq!(
        signed(&format!("{text}&sign_type=HMAC-SHA256"), SignType::HmacSha256, KEY_V2),
        "3104AB88DD0D14292F399D89190CC0D90AB21454D96405F300CB3C5048C6E732"
    );
}

#[test]
fn pay_sign_is_made_with_the_order_s_sign_type() {
    let text = |sign_type| {
        format!(
            "appId=wx95e6095a537e33b4&timeStamp=1700000000&nonceStr=6Zku3M0P5L94XBubJuGMkzmLljENHfYZ&package=prepay_id=wx150613205c85e9afe3e93f2706414dcc10&signType={sign_type}"
        )
    };
    assert_eq!(signed(&text("MD5"), SignType::Md5, KEY_V2), "072AA16ADCF0BBEDBB02E2798BDCE6AE");
    assert_eq!(
        signed(&text("HMAC-SHA256"), SignType::HmacSha256, KEY_V2),
        "BC31BA49A224289538E87C8C085602E28A7F17376E2014A42F62952D2A5730A8"
    );
}

#[test]
fn a_notice_is_signed_over_its_unknown_fields() {
    let notice = read("xml", include_bytes!("../src/pay/v2/notice_g3.xml")).unwrap();
    assert_eq!(notice.get("future_field"), Some("新字段"));
    let key = Secret::new(KEY_V2.to_owned());
    assert_eq!(Some(sign(&notice, SignType::Md5, &key).as_str()), notice.get("sign"));
}

const APP_ID: &str = "wx95e6095a537e33b4";
const KEY: &str = "0DcDwiDekHEtMhXgEbBewA==";
const NOW: u64 = 1_700_000_000;

/// `(iv, encryptedData, plaintext)`
const OPEN_DATA: [(&str, &str, &str); 4] = [
    (
        "DVNy7UUpGjlVM+fiKC2PcQ==",
        "cjLCdDxQeH5Xav1DAhaSPEYLSYqKC6ILD5ixh9ZCzTtl6LYVgulmSH5zZsrczrfj+KPuDlA0+fnJHtYiKBeQsqin/EpXy4ECh+8KBxQgy17jPuMz6ZjzSLtziCr+LYQ6TrOuRxkTRL5Fn40vIs6AuZ0vNOcC2ru2QiGVZC3mhr8zbu5AfWRoA0K1Nx04LJ5M3BCRGlE/wgJstiUyI7yofw==",
        r#"{"phoneNumber":"13800138000","purePhoneNumber":"13800138000","countryCode":"86","watermark":{"timestamp":1700000000,"appid":"wx95e6095a537e33b4"}}"#,
    ),
    (
        "g2sdrGoJexF9LJDhxrDvuA==",
        "Omq1mJlU9lZL9Hu3gpw4uqsIus9Zvq6TYSOFgWQdn7T9O5VnPWmiVSdGPhB7GbOS8bS+gf+XLQMWdQID8F8yhA/BQO5VY+W1bTKV6wrwkRwScHXuIJ+jAhW1JDX158/FLlXXcqXqpDutLodWrwjIMw==",
        r#"{"openGId":"tGEmahu4JpymxRTthEQ87E0R2Ul4","watermark":{"timestamp":1700000000,"appid":"wx95e6095a537e33b4"}}"#,
    ),
    (
        "XO+G5oe4BCdz/zFkCGD3kg==",
        "7HTq/VpYqqQbAiCbO1EmLEBOl1kTcNk73RNrmdfHxkrIy11A+evHZRlCsf/upLUOG1XUPA3vVkFaFMnkT14hTvoSeNsAX5fgtj9VpbGoD0IM71urSg0yVYQvu5hVsmiJb2cNmEGqL9rqeU8DV0lSDXr/dY5PXN8NBpfcolSJEfN1m0jhtvYmHTjN0AeqBiLBGn83YyaZ5yj76MUIm7c7ljbfyBT3e4bqiFZa0agmzmmv+cMHzd7stMPjVIJhENKWbXQUJXHRe/xKMUslSrvHmZtLC2UL/8ZfBaHbx/JUbjgFAGMM1fSEoCWtGmlxcV6dBvZwQuDKhPrIvXyAyopk0oR7eXUTN73xnJYJ1NyPTX1hdHQHCYoIxkOrR7so00k3S0azWRbUR4ejmPlMTxbBPxLlyJVUYcqvhMM18t5ZWlkD8YWej2FpYlxM/cgmicOPlWwQ6r0iJK2lTHVCYvsaTShvarxaOdKkrR7oLg3hu1bdl41PEzxiJdVWtwKT6xH4bCs6Ml81YWFTBIBo6agouw==",
        r#"{"openId":"o5wQws1FH2FD2uaNtxmrc1jiG4dc","nickName":"张三😀","gender":0,"language":"zh_CN","city":"","province":"","country":"","avatarUrl":"https://thirdwx.qlogo.cn/mmopen/vi_32/POgEwh4mIHO4nibH0KlMECNjjGxQUq24ZEaGT4poC6icRiccVGKSyXwibcPq4BWmiaIGuG1icwxaQX6grC9VemZoJ8rg/132","unionId":"ukMFXAOCmVIW8EBVFFs2Fziai8r6","watermark":{"timestamp":1700000000,"appid":"wx95e6095a537e33b4"}}"#,
    ),
    (
        "UnG7gwFfb8Ahfca0K0UnbQ==",
        "JkBSwmpuaxqrjNEdpt1qD+6qGe1gDeoBUOY7byqgUo9MPvwofe8sIklQgf1PtBuyxF1SrZ2p3xQueuNcfkjrBJDBqf04qoIrRaQ8lWykfkYsnqqTIJmFOmbDgpjZxAVnGAfGf0AEAB2PSZGJx85WdOdLZTZ1yzQE3IjEKgc7liOu8DqDC2b2nTlOBqXWaYmjJyrJABpkhLFn9bLIFZtLOCBf0cTIf+60FjeJY3cP2475z7T70TlqMjG0Jazx0hZFvrTTNLAvE1YvHMKVGqMu2A==",
        r#"{"stepInfoList":[{"timestamp":1699718400,"step":4321},{"timestamp":1699804800,"step":0},{"timestamp":1699891200,"step":10086}],"watermark":{"timestamp":1700000000,"appid":"wx95e6095a537e33b4"}}"#,
    ),
];

#[test]
fn open_data_of_every_kind_decrypt_to_the_character() {
    for (iv, data, plain) in OPEN_DATA {
        assert_eq!(open(APP_ID, KEY, iv, data, NOW).unwrap(), serde_json::from_str::<Value>(plain).unwrap());
    }
}

#[test]
fn open_data_under_another_key_are_a_stale_session() {
    for (iv, data, _) in OPEN_DATA {
        assert_eq!(open(APP_ID, "AAECAwQFBgcICQoLDA0ODw==", iv, data, NOW).unwrap_err(), OpenDataError::Key);
    }
}

#[test]
fn open_data_of_another_app_are_refused() {
    let data = "SKwGL7LCllbLGRlkmKCC0rNNCYaTT/s26kYOm/4WynTsHnqJHpP+/+0BMA9RCBgm2LObzf0djDCuPBA0WeD1/nMWyd0Splgs2J7dO7Vx08UyQy5z9c8qFL4ROkPk5uWPtrIKcnemXYgRwC0gOdZrEjL8lw3SpxGl/kiNjaU7u9rqGvnPUz7qE2T6Zss4PKlzq9BgbhCI6PjPywaQngzrDg==";
    assert_eq!(open(APP_ID, KEY, "HnDKrFmN/OxyRamiKsiPSA==", data, NOW).unwrap_err(), OpenDataError::AppId);
}

fn card_signature(
    ticket: &str,
    card_id: &str,
    at: u64,
    nonce_str: &str,
    bound: Option<(&str, Option<&str>)>,
) -> String {
    let code = bound.map(|(code, _)| CardCode::parse(code).unwrap());
    let openid = bound.and_then(|(_, openid)| openid).map(|openid| OpenId::parse(openid).unwrap());
    CardExt {
        api_ticket: &Secret::new(ticket.to_owned()),
        card_id: &CardId::parse(card_id).unwrap(),
        timestamp: UnixSeconds::new(at),
        nonce_str,
        code: code.as_ref(),
        openid: openid.as_ref(),
    }
    .signature()
}

/// Printed with 附录1-JS-SDK使用权限签名算法.
#[test]
fn the_printed_signature_of_a_page_is_made() {
    let ticket = "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg";
    let signature = PageSignature {
        jsapi_ticket: &Secret::new(ticket.to_owned()),
        nonce_str: "Wm3WZYTPz0wzccnW",
        timestamp: UnixSeconds::new(1_414_587_457),
        url: &PageUrl::parse("http://mp.weixin.qq.com?params=value").unwrap(),
    };
    assert_eq!(signature.sign(), "0f9de62fce790f9a083d5c99e95740ceb90c27ed");
}

/// Printed with 卡券扩展字段及签名生成算法.
#[test]
fn the_printed_card_signature_is_made() {
    let (ticket, card) = ("ojZ8YtyVyr30HheH3CM73y7h4jJE", "pjZ8Yt1XGILfi-FUsewpnnolGgZk");
    let signature = card_signature(ticket, card, 1_404_896_688, "123", Some(("1434008071", None)));
    assert_eq!(signature, "f137ab68b7f8112d20ee528ab6074564e2796250");
}

#[test]
fn cards_with_and_without_code_and_openid_are_signed_over_sorted_values() {
    let ticket = "IpK_1T69hDhZkLQTlwsAXjPS8I9rFYSYj3Sk0yhvDW5654DPdEVXFNSuoLsqV";
    let sign = |bound| {
        card_signature(ticket, "pt6ViDOwRKmHEIGE9gWUFADbUVvr", NOW, "WLLJpgHXK5kXH1f8Y5kBWzYL", bound)
    };
    assert_eq!(sign(None), "7237c96e9e754a98dddda8999026e5637c6ea229");
    let bound = ("724722847003", Some("o5wQws1FH2FD2uaNtxmrc1jiG4dc"));
    assert_eq!(sign(Some(bound)), "7de1184e72cad3ece63e8b50886818183e269b10");
}

/// Generated for these tests, and verified by two other implementations.
const AUTH_KEY: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAyjsdAJPOOCZXeBTSCgsz\n\
0DOoBUgL/hQwvPj43y+a2z85Yb29B868Ex1mGeDRjwYtQTL1o3wU49znb77xT53s\n\
61uialJZEYidCQIy3NQH1f4jqoA80nB62c1/pnezc0M+mKKwsYAXoUiXV4i2n1/A\n\
HLi3ch0/nJn0xqFtDMU82wSJfrqBVqCqIluAGTBHz3PfHGqTTkIe0fFJcsfq86Dr\n\
/uhwwtKHIm5nnHAPUoZka7ResPv2NYB8+yQK3wIf3gaSaRuJvNBVhv7obCWa51ol\n\
Qb3Xms3OkLYerJcbL/QxbbeJ2YP3GP+w5zEHT2ovTpLu1vHJ12O1CCq0b1cqOa1h\n\
UwIDAQAB\n\
-----END PUBLIC KEY-----";

/// Results of phones and their signatures: one with the usual salt of 20 bytes, one whose salt has 32.
const RESULTS: [(&str, &str); 2] = [
    (
        r#"{"raw":"27d8e38a499e92d0372f84fb77c10875","fid":"2","counter":338,"tee_n":"TEE Name","tee_v":"v1","fp_n":"FPC","fp_v":"6516","cpu_id":"440dad6bbcd599eb3114","uid":"10115"}"#,
        "BCmMVXfoWApreVLwOUGiXXCW4L4blS67mJG1OcpETATzAHCKHhCl13/81yK9XNKl2hfOHtC6Pbl2s6qZhuJTX9Enj7Il7M3/SZ3YQ4XiHj1sYEltGwH+FRrGUAZUHS0wf6YVFiedFJ50sddR3Cdaf//T+0GNKkYH48boDmOnP5wm+86zzKzZrAV1a6Za4gT1paDwSfGKaof47Q45d4+tGAq/7x4PRn3vsrjZ1+hHt+GjbrTfPGGwsA+L7sPxtzxbe+z7w6iq052uwMHoP71kSkyye9MDI22K1xfh1iMy4w1W4Hk6JgclW2hCmVeoclCtGt86fmj3GJyTRgGuqLaNQw==",
    ),
    (
        r#"{"raw":"9f2eab57e7c284e8b92514ba16db9a47","fid":"761123376","counter":47,"tee_n":"TEE Name","tee_v":"v1","fp_n":"FPC","fp_v":"6516","rsa_pss_saltlen":32,"cpu_id":"326b7d6c50710223f751","uid":"10115"}"#,
        "HUiZVLNAaWpE73Mz/ex0Rbr75Ubs820T794GuLsUhdgoUz5sguaI0Bbz1PsXE7cnh9Auuyr78jb9Lkjx3jaffEoOWRh5GBniV4xBGhN+C0CJFl+SQ0b+UgwG9+DK5XR4WhIvvCC5KksIwCzgcT5+iVk/myv1qtcBZKo1fZVZ1RICnZbHx0PrUxbHz6GjrTv9VsAYwaHZz/rMpz0KvRY/DK5ESHV7YdCnBjYGKE6gY4iQVC6SmS8BzjYfQ/ZL8oWhTpRf45PEBS3qMNvGh6NbV+/mReNg7BgakmQ3OsIB3eW2eqpUUHYy021dDmMpj1J1lk4jUc/C8RFRZd7I1LzYnw==",
    ),
];

#[test]
fn results_that_a_phone_signed_are_its_own_and_altered_ones_are_not() {
    let key = RsaPublicKey::from_pem(AUTH_KEY).unwrap();
    for (result, signature) in RESULTS {
        assert!(SoterResult::is_signed_by(&key, result, signature));
        for at in 0..result.len() {
            let mut altered = result.as_bytes().to_vec();
            altered[at] ^= 1;
            let altered = String::from_utf8(altered).unwrap();
            assert!(!SoterResult::is_signed_by(&key, &altered, signature), "{altered}");
        }
        let bytes = STANDARD.decode(signature).unwrap();
        for at in (0..bytes.len()).step_by(5) {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            assert!(!SoterResult::is_signed_by(&key, result, &STANDARD.encode(altered)), "{at}");
        }
        for signature in ["", "AAAA", "not Base64", &signature[4..], &format!("AAAA{signature}")] {
            assert!(!SoterResult::is_signed_by(&key, result, signature), "{signature}");
        }
    }
    assert!(!SoterResult::is_signed_by(&key, RESULTS[0].0, RESULTS[1].1));
}

#[test]
fn a_signature_with_a_salt_of_another_length_is_refused() {
    let key = RsaPublicKey::from_pem(AUTH_KEY).unwrap();
    for ((result, signature), right) in RESULTS.into_iter().zip([20, 32]) {
        let signature = STANDARD.decode(signature).unwrap();
        for length in [0, 19, 20, 21, 31, 32, 33, 64, 222, 223, usize::MAX] {
            let verified = key.verifies_pss_sha256(result.as_bytes(), &signature, length);
            assert_eq!(verified, length == right, "{length}");
        }
    }
}

/// Another implementation says the same where it can: ring knows PSS with a salt of 32 bytes, and PKCS#1 v1.5.
#[test]
fn ring_agrees_about_a_salt_of_32_bytes_and_refuses_pkcs_1_signatures() {
    let info = SubjectPublicKeyInfoDer::from_pem_slice(AUTH_KEY.as_bytes()).unwrap();
    // After the header of a key of 2048 bits.
    let key = &info[24..];
    let verifies = |algorithm, result: &str, signature: &str| {
        let known = ring::default_provider().signature_verification_algorithms.all;
        let one = known.iter().find(|one| one.signature_alg_id() == algorithm).unwrap();
        one.verify_signature(key, result.as_bytes(), &STANDARD.decode(signature).unwrap()).is_ok()
    };
    for ((result, signature), is_32) in RESULTS.into_iter().zip([false, true]) {
        assert_eq!(verifies(alg_id::RSA_PSS_SHA256, result, signature), is_32);
        assert!(!verifies(alg_id::RSA_PKCS1_SHA256, result, signature));
    }
}
