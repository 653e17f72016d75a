//! The phones that sign a challenge after the fingerprint or the face, and the key that WeChat knows them by.
//!
//! Documentation: "Biometric authentication" (生物认证) of mini programs. The signature is RSASSA-PSS with SHA-256 over
//! the exact bytes of `resultJSON`, with a salt of 20 bytes, or of `rsa_pss_saltlen` where it is there and larger.
//!
//! Every real phone makes its own key. Here all phones sign with one key that is built in, as making one takes
//! seconds; so that a signature is still good for its own phone only, `cpu_id` must be that phone's as well.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/bio-auth.html>

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

use super::pss::{self, PrivateKey};
use crate::core::random;

/// How often each phone has signed, by openid.
#[derive(Debug, Default)]
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

/// What a signature is judged by.
#[derive(Deserialize)]
struct Claims {
    cpu_id: Option<String>,
    rsa_pss_saltlen: Option<usize>,
}

impl SoterDevices {
    /// `resultJSON` and `resultJSONSignature` for the challenge. A salt that is longer than the usual one is told.
    pub(super) fn sign(&mut self, openid: &str, challenge: &str, salt_length: usize) -> (String, String) {
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
        // Texts and numbers are always JSON.
        let json = serde_json::to_string(&result).unwrap_or_default();
        let signature = device_key().sign(json.as_bytes(), &pss::salt(salt_length));
        (json, STANDARD.encode(signature))
    }
}

/// Whether this user's phone made the signature over exactly this text.
pub(super) fn is_signed(openid: &str, json: &str, signature: &str) -> bool {
    let Ok(claims) = serde_json::from_str::<Claims>(json) else { return false };
    let Ok(signature) = STANDARD.decode(signature) else { return false };
    let salt_length = claims.rsa_pss_saltlen.unwrap_or(SALT).max(SALT);
    claims.cpu_id == Some(cpu_id(openid))
        && device_key().public().verify(json.as_bytes(), &signature, salt_length)
}

/// The user's phone.
fn cpu_id(openid: &str) -> String {
    random::hex(&Sha1::digest(openid))
}

/// The key all phones have. It guards nothing: it exists to be used in tests.
pub(super) fn device_key() -> PrivateKey {
    PrivateKey::from_hex(MODULUS, EXPONENT)
}

/// The usual length of the salt, and the least one.
pub(super) const SALT: usize = 20;

const MODULUS: &str = "adc4bfac1ea01415b670a014787dcce4e55fa7eaedc1ba63964f18dde56b9e0a0b1c8ed9be76033ae9f9f46b7f14a7b0\
    00f0773ad0c6d2fec7e9d40cadc7a1e9fc3ffd82c6fa6c2e72435ceb964f364f4179b2a5f29dbaef75749d7af35072e2\
    7d5ec2db91b8ac53ec67122d0a35f90e16e1e84ba9744c4c2936d86d2b6213e3c8508e6058364c042ccf3160d6fcb60b\
    e3279258fe0990bd8e26755ac5a50cada4b52feb591c387727a3ef28f1757b477b94cb6598ac580470f5e487d41a290e\
    f5359d317f2d78c823d09d07afd1b449e97d88c72cdce36dc90975659e23ee3b0afaa174053fac4b3de593fc10e7c304\
    d455cf1096c6a62e8f581d8e95d76091";

const EXPONENT: &str = "354f69265af6ed7283d825a4621ae6234b237f96997e97ba39c0e6761d0e591be7b0c93a902e106ba0a0a895da14f225\
    1304b2ef7e61a115bd2b457ce64b9aa6f8568165ffb9903ae79f3700a7ca8174eb3774d1688f6f6c4b728d65cd03df5b\
    10ef63848d3e44d03274a4a4e0bf123b7a55b038963231be23dec9a3246e207f7d9aaec2e6839f645bc20d314c8db83b\
    eb290739ccb29af4c37b7f73bbf02e10729d23e03dacd70d7af4d10f012299f2ae5c4aee5ef1e727a963d77bb99ec1e0\
    e697d76b383be043e28ded07171b9f8bc5c0a9bd5ac7b748447a812c8d53db818c8c9df62eff3df784addab551ffd6fe\
    fbaf5b957fd96a33d8ff7e87daeb441";
