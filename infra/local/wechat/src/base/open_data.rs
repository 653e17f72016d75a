//! Signatures and ciphers of open data, which the phone passes to the developer's server.
//!
//! Documentation: "Signature, verification and encryption/decryption of open data" (开放数据校验与解密). The signature
//! is over `rawData` and the *text* of the session key; the cipher's key is the *decoded* session key,
//! AES-128-CBC, PKCS#7.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/signature.html>

use aes::Aes128;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cbc::Encryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeEncrypt, KeyIvInit};
use hmac::{Hmac, KeyInit, Mac};
use sha1::{Digest, Sha1};
use sha2::Sha256;

use crate::core::random;

/// `signature` of `wx.getUserInfo`: lower-case hexadecimal SHA-1 of `rawData` and the session key's text.
pub(crate) fn signature(raw_data: &str, session_key: &str) -> String {
    random::hex(&Sha1::new().chain_update(raw_data).chain_update(session_key).finalize())
}

/// The signature of a server's question about a session: lower-case hexadecimal HMAC-SHA256 of the body, with the session key's
/// text as key.
pub(crate) fn session_signature(body: &str, session_key: &str) -> String {
    // HMAC takes a key of any length, so this never fails.
    Hmac::<Sha256>::new_from_slice(session_key.as_bytes())
        .map(|mac| random::hex(&mac.chain_update(body).finalize().into_bytes()))
        .unwrap_or_default()
}

/// `encryptedData` (base64), or `None` if the session key is not the base64 of 16 bytes.
pub(crate) fn encrypt(plaintext: &str, session_key: &str, iv: &[u8; 16]) -> Option<String> {
    let key: [u8; 16] = STANDARD.decode(session_key).ok()?.try_into().ok()?;
    let cipher = Encryptor::<Aes128>::new(&key.into(), &(*iv).into());
    Some(STANDARD.encode(cipher.encrypt_padded_vec::<Pkcs7>(plaintext.as_bytes())))
}

#[cfg(test)]
mod tests {
    use cbc::Decryptor;
    use cbc::cipher::BlockModeDecrypt;

    use super::*;

    fn decrypt(encrypted: &str, session_key: &str, iv: &str) -> String {
        let key: [u8; 16] = STANDARD.decode(session_key).unwrap().try_into().unwrap();
        let iv: [u8; 16] = STANDARD.decode(iv).unwrap().try_into().unwrap();
        let cipher = Decryptor::<Aes128>::new(&key.into(), &iv.into());
        let plain = cipher.decrypt_padded_vec::<Pkcs7>(&STANDARD.decode(encrypted).unwrap()).unwrap();
        String::from_utf8(plain).unwrap()
    }

    #[test]
    fn the_documented_sample_decrypts_and_encrypts_to_the_same_text() {
        let session_key = "tiihtNczf5v6AKRyjwEUhQ==";
        let iv = "r7BXXKkLb8qrSNn05n0qiA==";
        let encrypted = "CiyLU1Aw2KjvrjMdj8YKliAjtP4gsMZMQmRzooG2xrDcvSnxIMXFufNstNGTyaGS9uT5geRa0W4oTOb1WT7fJlAC+oNP\
            dbB+3hVbJSRgv+4lGOETKUQz6OYStslQ142dNCuabNPGBzlooOmB231qMM85d2/fV6ChevvXvQP8Hkue1poOFtnEtpyxVLW1zAo6/1Xx1CO\
            xFvrc2d7UL/lmHInNlxuacJXwu0fjpXfz/YqYzBIBzD6WUfTIF9GRHpOn/Hz7saL8xz+W//FRAUid1OksQaQx4CMs8LOddcQhULW4ucetD\
            f96JcR3g0gfRK4PC7E/r7Z6xNrXd2UIeorGj5Ef7b1pJAYB6Y5anaHqZ9J6nKEBvB4DnNLIVWSgARns/8wR2SiRS7MNACwTyrGvt9ts8p1\
            2PKFdlqYTopNHR1Vf7XjfhQlVsAJdNiKdYmYVoKlaRv85IfVunYzO0IKXsyl7JCUjCpoG20f0a04COwfneQAGGwd5oa+T8yO5hzuyDb/Xc\
            xxmK01EpqOyuxINew==";
        let plain = decrypt(encrypted, session_key, iv);
        assert!(plain.contains("\"openId\":\"oGZUI0egBJY1zhBYw2KhdUfwVJJE\""));
        assert!(plain.contains("\"nickName\":\"Band\""));
        assert!(plain.contains("1477314187"));
        let iv: [u8; 16] = STANDARD.decode(iv).unwrap().try_into().unwrap();
        assert_eq!(encrypt(&plain, session_key, &iv).as_deref(), Some(encrypted));
    }

    #[test]
    fn a_phone_number_encrypts_to_the_known_text() {
        let plain = "{\"phoneNumber\":\"13800138000\",\"purePhoneNumber\":\"13800138000\",\"countryCode\":\"86\",\
            \"watermark\":{\"timestamp\":1700000000,\"appid\":\"wx95e6095a537e33b4\"}}";
        let iv: [u8; 16] = STANDARD.decode("DVNy7UUpGjlVM+fiKC2PcQ==").unwrap().try_into().unwrap();
        assert_eq!(
            encrypt(plain, "0DcDwiDekHEtMhXgEbBewA==", &iv).as_deref(),
            Some(
                "cjLCdDxQeH5Xav1DAhaSPEYLSYqKC6ILD5ixh9ZCzTtl6LYVgulmSH5zZsrczrfj+KPuDlA0+fnJHtYiKBeQsqin/EpXy4ECh\
                 +8KBxQgy17jPuMz6ZjzSLtziCr+LYQ6TrOuRxkTRL5Fn40vIs6AuZ0vNOcC2ru2QiGVZC3mhr8zbu5AfWRoA0K1Nx04LJ5M3B\
                 CRGlE/wgJstiUyI7yofw=="
            )
        );
    }

    #[test]
    fn raw_data_is_signed_as_in_the_documentation() {
        let raw = "{\"nickName\":\"Band\",\"gender\":1,\"language\":\"zh_CN\",\"city\":\"Guangzhou\",\"province\":\"Guangdong\",\
            \"country\":\"CN\",\"avatarUrl\":\"http://wx.qlogo.cn/mmopen/vi_32/1vZvI39NWFQ9XM4LtQpFrQJ1xlgZxx3w7bQxKARol650\
            3Iuswjjn6nIGBiaycAjAtpujxyzYsrztuuICqIM5ibXQ/0\"}";
        assert_eq!(signature(raw, "HyVFkGl5F5OQWJZZaNzBBg=="), "75e81ceda165f4ffa64f4068af58c64b8f54b88c");
    }

    #[test]
    fn raw_data_with_quotes_and_chinese_is_signed_byte_for_byte() {
        let raw = "{\"nickName\":\"测试\\\"引号\\\"\",\"gender\":1,\"language\":\"zh_CN\",\"city\":\"\",\"province\":\"\",\
            \"country\":\"\",\"avatarUrl\":\"\"}";
        assert_eq!(signature(raw, "0DcDwiDekHEtMhXgEbBewA=="), "073438757822e6d564c6f997d7c7cd111d6c50b5");
    }

    #[test]
    fn a_session_signature_is_made_as_in_the_documentation() {
        for (body, session_key, signature) in [
            (
                "{\"foo\":\"bar\"}",
                "o0q0otL8aEzpcZL/FT9WsQ==",
                "654571f79995b2ce1e149e53c0a33dc39c0a74090db514261454e8dbe432aa0b",
            ),
            (
                "",
                "o0q0otL8aEzpcZL/FT9WsQ==",
                "46e043c5525c2d817c44be603d30837a808a1d930d038f6fdc3e62a201fed128",
            ),
            (
                "",
                "0DcDwiDekHEtMhXgEbBewA==",
                "f4f68d6788c1dce7e117ede0f93005ef61a3cff0279ecb8ade012087579ba506",
            ),
        ] {
            assert_eq!(session_signature(body, session_key), signature);
        }
    }
}
