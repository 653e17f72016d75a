//! The signing key of AWS Signature Version 4.

use super::digest::hmac_sha256;

/// The key that signs for `service` in `region` on `day` (`yyyyMMdd`, UTC), derived from a secret access key.
#[must_use]
pub fn aws_signing_key(secret_access_key: &str, day: &str, region: &str, service: &str) -> [u8; 32] {
    let key = hmac_sha256(format!("AWS4{secret_access_key}").as_bytes(), day.as_bytes());
    [region, service, "aws4_request"].iter().fold(key, |key, part| hmac_sha256(&key, part.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::hex;

    #[test]
    fn the_signing_key_is_the_one_that_botocore_derives() {
        let key = aws_signing_key("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20261127", "cn-north-1", "s3");
        assert_eq!(hex(&key), "4e60e85bb4186a654667e3369e0cd79285c2a2537fd05e3082797ae321a4d778");
    }
}
