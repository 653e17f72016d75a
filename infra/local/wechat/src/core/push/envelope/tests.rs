//! Vectors made with throw-away keys, and the signatures that WeChat's documentation prints.

use super::*;

const TOKEN: &str = "GDXypdOFO0qL";
const ENCODING_AES_KEY: &str = "kzYRqrNwLF5oGeIA4Cs9OZ1IS0y40NyncgAOJtDtS2G";
const APP_ID: &str = "wx95e6095a537e33b4";
const TIMESTAMP: &str = "1700000007";
const NONCE: &str = "148201722";

struct Vector {
    name: &'static str,
    plaintext: &'static str,
    random: [u8; 16],
    encrypted: &'static str,
    /// Absent if the vector has none.
    msg_signature: Option<&'static str>,
}

fn key() -> PushKey {
    PushKey::parse(ENCODING_AES_KEY).unwrap()
}

#[test]
fn the_known_messages_are_encrypted_to_the_known_envelopes() {
    for Vector { name, plaintext, random, encrypted, msg_signature } in VECTORS {
        assert_eq!(key().encrypt(&random, plaintext, APP_ID), encrypted, "{name}");
        if let Some(expected) = msg_signature {
            assert_eq!(signature([TOKEN, TIMESTAMP, NONCE, encrypted]), expected, "{name}");
        }
    }
}

#[test]
fn the_known_envelopes_are_decrypted_to_the_known_messages() {
    for Vector { name, plaintext, encrypted, .. } in VECTORS {
        let opened = OpenedEnvelope { message: plaintext.to_owned(), app_id: APP_ID.to_owned() };
        assert_eq!(key().decrypt(encrypted), Some(opened), "{name}");
    }
}

#[test]
fn the_signature_of_the_query_is_the_known_one() {
    assert_eq!(signature([TOKEN, TIMESTAMP, NONCE]), "623f0c111312bf9031cdd88c033e7acb5027c53c");
    for (timestamp, nonce, expected) in [
        ("1714036504", "1514711492", "f464b24fc39322e44b38aa78f5edd27bd1441696"),
        ("1714037059", "486452656", "899cf89e464efb63f54ddac96b0a0a235f53aa78"),
    ] {
        assert_eq!(signature(["AAAAA", timestamp, nonce]), expected);
    }
}

#[test]
fn the_loose_bits_at_the_end_of_the_key_are_ignored() {
    assert_eq!(random::hex(&key().key), "933611aab3702c5e6819e200e02b3d399d484b4cb8d0dca772000e26d0ed4b61");
    assert!(PushKey::parse("tooShort").is_none());
    assert!(PushKey::parse(&"-".repeat(43)).is_none());
}

#[test]
fn every_length_of_a_message_is_decrypted_again() {
    for length in 0..70 {
        let message = "水x".chars().cycle().take(length).collect::<String>();
        let opened = OpenedEnvelope { message: message.clone(), app_id: APP_ID.to_owned() };
        assert_eq!(key().decrypt(&key().encrypt(&[7; 16], &message, APP_ID)), Some(opened), "{length}");
    }
}

#[test]
fn an_envelope_that_was_changed_is_not_opened() {
    let encrypted = key().encrypt(&[7; 16], "message", APP_ID);
    assert!(PushKey::random().decrypt(&encrypted).is_none());
    assert!(key().decrypt(encrypted.get(..64).unwrap()).is_none());
    for damaged in ["", "AAAA", "no base64", &STANDARD.encode([0; 16])] {
        assert!(key().decrypt(damaged).is_none(), "{damaged}");
    }
}

#[rustfmt::skip]
const VECTORS: [Vector; 6] = [
    Vector {
        name: "a text message, XML",
        plaintext: r#"<xml><ToUserName><![CDATA[gh_8ce708ef394f]]></ToUserName><FromUserName><![CDATA[o5wQws1FH2FD2uaNtxmrc1jiG4dc]]></FromUserName><CreateTime>1700000000</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[你好 <b>&amp;</b>]]></Content><MsgId>24355496525099163</MsgId></xml>"#,
        random: *b"SHFmfyNdOIjxZEo0",
        encrypted: "otT+/SDzc0flE1bnhYU5YSI65n0p3cgz0cfjYvoRV/JUq1KbX6nJqH8gtUg+eYSLy/GiZcTSMDu25e161FU6fPb3TjevxmsAQe3PGPA8eFHzuBpc/HWSZaXwFdl65OmZC7TdBtRXS3ClUC7S+y3LDdlsiKFqaeSXdSq67oYR0LON/77HPONRVber2xhAVEQD8srh+RknZlRwhlfuuXyRn67SreCMaQQOqTjzwCd5F8Fd7YRhZ13TO9qCKXmwD8s9ekrDwxEeqDJ0tu4JrmWqzpLIVO7f3wFEwIt+6BQ4eupBWczm305vcgJQEqZdIHRV/X9gc8MQgt23vdMrVbATkUpGOxC5voX9UAiCt63m3TM07NSkjdzFKpKk12k+mCKXzCOHUglAoJTl0ImyefJ5/a1qA8s1sQnaiGIlIRd3Caf3RT+yarBYf7D+oIY3FX5OM7EqrVjNIcRpTohZ/2q/8w==",
        msg_signature: Some("42b28676be9ba1405f64d72a390149ed7f975c42"),
    },
    Vector {
        name: "entering a session, JSON",
        plaintext: r#"{"ToUserName":"gh_8ce708ef394f","FromUserName":"o5wQws1FH2FD2uaNtxmrc1jiG4dc","CreateTime":1700000000,"MsgType":"event","Event":"user_enter_tempsession","SessionFrom":"vip|会员"}"#,
        random: *b"G9MgaRdJrD9S3HaP",
        encrypted: "BowR12VJlipbuTnFZwqkWvpsSfUFK8IveEABirBBT/cZ4DLMk25rNqDrqH9U3ER4LNjiLE9yOdF/W/Wo5VvEvQlw4B1dOunaiRsa1uE7a21oYn7LY5flRouUL/GASFdSNCOTCvHLYuWYh+IX1PbcVhV8pH/m3Lpi4hDsMT1w40vlrqMdAJt7Ej0/7AmFyponjRToHOZpOfWmISMVoYXaMPsWJoqY4qY+tM9VDcWSK0z4oeeo1VSFbPAXdpIUZ7rgZvr9fdnmhIlullTYav00dB1ff6LOA83OEfM3Hgxe/Io=",
        msg_signature: Some("c7df213ca0ba94bfac7abf1a8662f0b67dec9731"),
    },
    Vector {
        name: "a plaintext that needs a whole block of padding",
        plaintext: r#"xxxxxxxxxxxxxxxxxxxxxxxxxx"#,
        random: *b"7FnrRLtCPYzdV9xo",
        encrypted: "9D/9GjQygAW/vB/PZ9v8zltAX4xAJZGmw3D6dglBDwQVwl8V8VQGpOhkZN1F7vOIxD9Vxuri7yzmGfrFJzfct0i+VeAFnKMvTO15Io84u+j7LBq3wxxq4XfFCJsy8mAX",
        msg_signature: None,
    },
    Vector {
        name: "an order that was settled, XML",
        plaintext: r#"<xml><ToUserName><![CDATA[gh_8ce708ef394f]]></ToUserName><FromUserName><![CDATA[o5wQws1FH2FD2uaNtxmrc1jiG4dc]]></FromUserName><CreateTime>1700600000</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[trade_manage_order_settlement]]></Event><transaction_id><![CDATA[4200329252049536687864243889]]></transaction_id><merchant_id><![CDATA[1916817080]]></merchant_id><sub_merchant_id></sub_merchant_id><merchant_trade_no><![CDATA[DGVm3tym4KYqJ727Msfbk]]></merchant_trade_no><pay_time>1700000042</pay_time><shipped_time>1700086400</shipped_time><confirm_receive_method>1</confirm_receive_method><confirm_receive_time>1700590000</confirm_receive_time><settlement_time>1700600000</settlement_time></xml>"#,
        random: *b"ClQ0Ti1JKSZP88R7",
        encrypted: "Q1JLEi3bGWDENjdRHIalpDk53PsRYzOb6wzhI9RRaAm6RzoKm68uthVXwVmgAASbD6RTV7iMAw7ND0Kn7ZoxAoY3LLzOti3sQwcjBgDxy4/PaOK0ByNmO/NfVR+7ZcaQ22YJazyFDECQtuYfrflqfeQEfu0aQscu0AJJWlNlGeOdCStDyBEkHbePdN07aktOGuxxmmLOTcbpMCXxzPaiSPvu+EtrWLXKXN9NmX2Eb1fRUTiyABGWqzYusqxsX9tM3Y0hg8lLyCfegcQnzha213hn57guaSP9Hd732JSVN/mcSKs7o8EdjkQxNSSEz1ESA3tqgMYo5ycHF3pXu5MSwdn7VbB1f4f53Jed4wy0JFO4iRnsP8YWTdC19OVB+/R43JlTF/tNDamFKqM1qAOtHz8WJyeRhQrPgl5pz3GZHbM0tLY9thmlunuKFOdX/HUImrLSzQr3Zbre2zcwTtRyPooDCGNmSpyjzMfya2Wfi2jikHU6Eeo2YW96SGk4O86lEo5JkTBxcfEhopZrONfnixGENzzyyb04sAdi9NJPMATTKFNZceJpJyV8rNjwUlAVWupeVA6qHni3UdHfjBePimfw1RzhYshOLUBftvRlfnoysfjMu+Z0ootEodNmkBpZkXH6d0KKQ2W/Pq6kW2XLfpTqBxPZdTwdYkEUXOrO5DU8xtx4C2X9vi3RId54R9e3r9FeLSUrKLT5N5qHGDebMfdhvbC2GGFVxoM2vhqGBmzzx4DdtpUyHMIZJwm+fsQ49dOqA4QxKOjW5BKjzz5ustuHSxkyZHvLGc4D6jm19L2Jr6KTMWdvdXsENDfeIDXoowRnX6umwdRy3w4kj22VTgGMCIiLoodxejIJ2Uwlt8qH1nGraoqQzMzvZM0NRcRsjrk+YKvhwh8xRwyTeTuEr/dnAkthkzD48O1ygaBmq+xzTplbpoCr6K8kkVKNpgo35JBVv58pfl2dchYw1Q4UsVdG4jFlH4B1cslQI59U9WXO359VaQHUxGht0hU495WZ",
        msg_signature: Some("b3cc966180673fe5d843f0b0339933c907178f0d"),
    },
    Vector {
        name: "a media check that could not download, JSON",
        plaintext: r#"{"ToUserName":"gh_8ce708ef394f","FromUserName":"o5wQws1FH2FD2uaNtxmrc1jiG4dc","CreateTime":1762315062,"MsgType":"event","Event":"wxa_media_check","appid":"wx95e6095a537e33b4","trace_id":"690acb34-3396b8c2-56cb9a38","version":2,"detail":[],"errcode":-1008,"errmsg":"下载错误，请检查媒体链接是否有效"}"#,
        random: *b"FyKdC96KvNClvpfJ",
        encrypted: "7QIESpY5xOIjdo9t9Qio+auXtjYZ6fqtGW8bhQc98ztblutoTyD4w0MF2hm4DYju8izo9+pmLJnPFIdMoudfDp3xWODD93YEk7fQ1ajRjEx2C2XB8znFfpEpPhwPpaA080/jxfz72brBmCQeAIKfjTy4wcZuAGbRJDb26bO6l6gGIG5Gqq8V58mm12LEJhwwsE2ahmFEkRDoH8dOcdLvIqKtljuqHllXT/Kp0bpFhWBahaCj4LNuiLsVqHnmb+LVJ/3jZRq1gxDHBVr0uNIa68V7AmuELURYEyynKGHHAIZPKDnW2ND8YhXvur4IL5BsabyY49wAzN2hs9HQHtY+gnyHD3ZoJ2+ifRdvy6wHENXjbdvAt+t3fqRPnSsIZHL/WdZrT6CktQxP8Dd2YyotyuEPfIqJPnOA8//SbOZPYLXAy67OcVpkhnCE2GwNSAKxZ6v8HuXAM1ysr8AIhluHXNKbCE5HnAmtnlT5A3z0taL8hADiub3k73Km0VrodehA",
        msg_signature: Some("83bf5139e5f25d893bf2c4dc10176da51442b570"),
    },
    Vector {
        name: "goods to deliver, JSON",
        plaintext: r#"{"ToUserName":"gh_8ce708ef394f","FromUserName":"oWeChatTeam0000000000000000","CreateTime":1700000060,"MsgType":"event","Event":"xpay_goods_deliver_notify","OpenId":"o5wQws1FH2FD2uaNtxmrc1jiG4dc","OutTradeNo":"V7Hq2mP9sXk4","Env":0,"WeChatPayInfo":{"MchOrderNo":"1450489069V7Hq2mP9sXk4","TransactionId":"4200009990202311150000000001","PaidTime":1700000058},"GoodsInfo":{"ProductId":"vip_month","Quantity":1,"OrigPrice":1800,"ActualPrice":1800,"Attach":"{\"orderId\":\"01HF\"}"}}"#,
        random: *b"ttz2BDc37h4kvpri",
        encrypted: "5UxzgKikhAiDBSWsMn1QVSeMVTP69693fVZ83f+aajRyc4c6AJHLackNStR466m9U2CX2/UhWTd9g/3L9i9UjO/kWg3jYzkWhjwLABRkXuqVQM+fY+Q68FABnKNV/9UMZJGlPsYR87RUu7qrI/U8DprO2xD/62N5/xo+mQWYzd6Rb/dEwlOswhC7bU66UcQSFcYOAPng/ccZ4EUdYMTKK7iezdwaegOzRsMHAKdWftmn7DEqvqRCUgD94ZJLsjIDJYm0p5PW3t/y39XdSn2H3b6mzRUGjmSrNv9UgAU7hWCN3kayVwVnfglgUzlHY7qPHjzZO9+LinLCEpmX4hEEi3gl2ut2L4IY71P6MKAL8mmOUsDfYu82ZB+7irZssoxI3XYNC7ctj65tuXILzWP30fAPEyCTfm18clt/Y7cVbrqPqOfJNRf8/eKLAm6Z5OBH65fGc35mAjzpNwR2Pa6Wm9Tx7siR0NVDR5r9JEFSQR5xv8HQLjZh7KRFrYur7TgTGhgrSxOIumwmiBiqcsxa2UBR8CzGayCuySzBf3jM6pDtQ/DMEkeYNYmxEuV9JUtpin5UQNX5hNwfK6reNoNouyAAF4ZB4tsgKYgT0TVrxH/8b5MNfSsLw29lFRD+Bc1tYvK/CDcUFIZc6KniOvMdfx88Ua5CdJ4jhTXdzMcF+XiWfYGiJG1qJpcwWpopjWYh80CM3DA956ixi5k4oOn6QQ==",
        msg_signature: Some("9b75bcc1acb97202d5bc31ebaf3d3130921b7f9b"),
    },
];
