//! The phones that sign a challenge after a fingerprint or face check, and the key by which WeChat verifies them.
//!
//! Documentation: "Biometric authentication" (生物认证) of mini programs. The signature is RSASSA-PSS with SHA-256 over the exact
//! bytes of `resultJSON`. The salt has 20 bytes, or `rsa_pss_saltlen` bytes if that field is present and larger.
//!
//! Every real phone makes its own key. In the simulator all phones share one built-in key, because making a key takes seconds. A
//! signature is still valid for its own phone only, because `cpu_id` must match too.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/bio-auth.html>

use std::collections::HashMap;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

use crate::core::keys::KeyPair;
use crate::core::persist::Kept;
use crate::core::random;

/// The number of signatures of each user's phone, by openid.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct SoterDevices(HashMap<String, u32>);

/// `resultJSON`, in the order in which phones write it.
#[derive(Serialize)]
struct ResultJson<'a> {
    raw: &'a str,
    fid: &'a str,
    counter: u32,
    tee_n: &'a str,
    tee_v: &'a str,
    fp_n: &'a str,
    fp_v: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rsa_pss_saltlen: Option<usize>,
    cpu_id: &'a str,
    uid: &'a str,
}

/// The fields of `resultJSON` that the verification reads.
#[derive(Deserialize)]
struct ResultFields {
    cpu_id: Option<String>,
    rsa_pss_saltlen: Option<usize>,
}

impl Kept for SoterDevices {}

impl SoterDevices {
    /// Returns `resultJSON` and `resultJSONSignature` for the challenge. `resultJSON` names the salt's length only if it is not
    /// the usual one.
    pub(super) fn sign_challenge(
        &mut self,
        openid: &str,
        challenge: &str,
        salt_length: usize,
    ) -> (String, String) {
        let counter = self.0.entry(openid.to_owned()).or_default();
        *counter += 1;
        let result = ResultJson {
            raw: challenge,
            fid: "2",
            counter: *counter,
            tee_n: "TEE Name",
            tee_v: "v1",
            fp_n: "FPC",
            fp_v: "6516",
            rsa_pss_saltlen: (salt_length != SALT).then_some(salt_length),
            cpu_id: &cpu_id(openid),
            uid: "10115",
        };
        // Serializing texts and numbers does not fail.
        let json = serde_json::to_string(&result).unwrap_or_default();
        let signature = DEVICE_KEY.as_ref().map(|key| key.sign_pss(json.as_bytes(), salt_length));
        (json, STANDARD.encode(signature.unwrap_or_default()))
    }
}

/// Whether this user's phone made the signature over exactly this text.
pub(super) fn verify(openid: &str, json: &str, signature: &str) -> bool {
    let Ok(claims) = serde_json::from_str::<ResultFields>(json) else { return false };
    let Ok(signature) = STANDARD.decode(signature) else { return false };
    let salt_length = claims.rsa_pss_saltlen.unwrap_or(SALT).max(SALT);
    let is_made_by = |key: &KeyPair| key.public().verify_pss(json.as_bytes(), &signature, salt_length);
    claims.cpu_id == Some(cpu_id(openid)) && DEVICE_KEY.as_ref().is_some_and(is_made_by)
}

/// The id of the user's phone.
fn cpu_id(openid: &str) -> String {
    random::hex(&Sha1::digest(openid))
}

/// The usual and least length of the salt, in bytes.
pub(super) const SALT: usize = 20;

/// The key that all phones share; `None` only if the built-in file were damaged. It protects nothing and is for tests only.
static DEVICE_KEY: LazyLock<Option<KeyPair>> =
    LazyLock::new(|| KeyPair::from_pem(include_str!("../../../keys/soter_device_key.pem")));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::keys::PublicKey;

    /// The phone that made the signatures below.
    const SPKI: &str = "\
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAyjsdAJPOOCZXeBTSCgsz0DOoBUgL/hQwvPj43y+a2z85Yb29B868\
        Ex1mGeDRjwYtQTL1o3wU49znb77xT53s61uialJZEYidCQIy3NQH1f4jqoA80nB62c1/pnezc0M+mKKwsYAXoUiXV4i2n1/A\
        HLi3ch0/nJn0xqFtDMU82wSJfrqBVqCqIluAGTBHz3PfHGqTTkIe0fFJcsfq86Dr/uhwwtKHIm5nnHAPUoZka7ResPv2NYB8\
        +yQK3wIf3gaSaRuJvNBVhv7obCWa51olQb3Xms3OkLYerJcbL/QxbbeJ2YP3GP+w5zEHT2ovTpLu1vHJ12O1CCq0b1cqOa1h\
        UwIDAQAB";

    const SALT_20: (&str, &str) = (
        "{\"raw\":\"27d8e38a499e92d0372f84fb77c10875\",\"fid\":\"2\",\"counter\":338,\"tee_n\":\"TEE Name\",\"tee_v\":\"v1\",\
        \"fp_n\":\"FPC\",\"fp_v\":\"6516\",\"cpu_id\":\"440dad6bbcd599eb3114\",\"uid\":\"10115\"}",
        "BCmMVXfoWApreVLwOUGiXXCW4L4blS67mJG1OcpETATzAHCKHhCl13/81yK9XNKl2hfOHtC6Pbl2s6qZhuJTX9Enj7Il7M3/SZ3YQ4XiHj1s\
        YEltGwH+FRrGUAZUHS0wf6YVFiedFJ50sddR3Cdaf//T+0GNKkYH48boDmOnP5wm+86zzKzZrAV1a6Za4gT1paDwSfGKaof47Q45d4+tGAq/\
        7x4PRn3vsrjZ1+hHt+GjbrTfPGGwsA+L7sPxtzxbe+z7w6iq052uwMHoP71kSkyye9MDI22K1xfh1iMy4w1W4Hk6JgclW2hCmVeoclCtGt86\
        fmj3GJyTRgGuqLaNQw==",
    );

    const SALT_32: (&str, &str) = (
        "{\"raw\":\"9f2eab57e7c284e8b92514ba16db9a47\",\"fid\":\"761123376\",\"counter\":47,\"tee_n\":\"TEE Name\",\
        \"tee_v\":\"v1\",\"fp_n\":\"FPC\",\"fp_v\":\"6516\",\"rsa_pss_saltlen\":32,\"cpu_id\":\"326b7d6c50710223f751\",\
        \"uid\":\"10115\"}",
        "HUiZVLNAaWpE73Mz/ex0Rbr75Ubs820T794GuLsUhdgoUz5sguaI0Bbz1PsXE7cnh9Auuyr78jb9Lkjx3jaffEoOWRh5GBniV4xBGhN+C0CJ\
        Fl+SQ0b+UgwG9+DK5XR4WhIvvCC5KksIwCzgcT5+iVk/myv1qtcBZKo1fZVZ1RICnZbHx0PrUxbHz6GjrTv9VsAYwaHZz/rMpz0KvRY/DK5E\
        SHV7YdCnBjYGKE6gY4iQVC6SmS8BzjYfQ/ZL8oWhTpRf45PEBS3qMNvGh6NbV+/mReNg7BgakmQ3OsIB3eW2eqpUUHYy021dDmMpj1J1lk4j\
        Uc/C8RFRZd7I1LzYnw==",
    );

    #[test]
    fn a_known_signature_is_good_with_its_salt_length_only() {
        let key = PublicKey::from_der(&STANDARD.decode(SPKI).unwrap()).unwrap();
        for ((message, signature), right, wrong) in [(SALT_20, 20, 32), (SALT_32, 32, 20)] {
            let signature = STANDARD.decode(signature).unwrap();
            assert!(key.verify_pss(message.as_bytes(), &signature, right));
            assert!(!key.verify_pss(message.as_bytes(), &signature, wrong));
            assert!(!key.verify_pss(message.replace("10115", "10116").as_bytes(), &signature, right));
            let (_, shorter) = signature.split_last().unwrap();
            assert!(!key.verify_pss(message.as_bytes(), shorter, right));
            assert!(!key.verify_pss(message.as_bytes(), &[255; 256], right));
            assert!(!key.verify_pss(message.as_bytes(), &signature, usize::MAX));
        }
    }

    #[test]
    fn a_pss_signature_is_verified_with_its_salt_length_only() {
        let key = DEVICE_KEY.as_ref().unwrap();
        let other = PublicKey::from_der(&STANDARD.decode(SPKI).unwrap()).unwrap();
        for length in [20, 32, 64] {
            let signature = key.sign_pss(b"message", length);
            assert!(key.public().verify_pss(b"message", &signature, length));
            assert!(!key.public().verify_pss(b"massage", &signature, length));
            assert!(!key.public().verify_pss(b"message", &signature, length - 1));
            assert!(!other.verify_pss(b"message", &signature, length));
        }
    }
}
