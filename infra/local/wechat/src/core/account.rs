//! The account that the simulator plays: a mini program, its merchant, and the official account that is linked to the mini
//! program.

use std::fmt;

/// The identifiers and secrets that WeChat and the back end share.
///
/// The built-in account ([`Account::default`]) looks like a real one. Its secrets have the length and the alphabet of real
/// secrets, and they are recognisable, so that a search finds a leaked secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The mini program's `AppID`: `wx` and 16 hexadecimal digits.
    pub app_id: String,
    /// The mini program's `AppSecret`: 32 hexadecimal digits.
    pub app_secret: String,
    /// The merchant number: 10 digits.
    pub mch_id: String,
    /// The merchant's APIv2 key: 32 letters and digits.
    pub api_v2_key: String,
    /// The merchant's APIv3 key: 32 letters and digits.
    pub api_v3_key: String,
    /// The serial number of the merchant's certificate: upper-case hexadecimal.
    pub merchant_serial_no: String,
    /// The private key of that certificate, `apiclient_key.pem`: PKCS#8 in PEM. If the key is not readable, the simulator refuses
    /// every signature of Pay v3.
    pub merchant_private_key: String,
    /// The certificate, `apiclient_cert.pem`: X.509 in PEM. The merchant's TLS client shows the same certificate.
    pub merchant_certificate: String,
    /// The mini program's original id, `gh_` and 12 hexadecimal digits: the name that pushed messages are sent to.
    pub original_id: String,
    /// The token that signs pushed messages: 3 to 32 letters and digits.
    pub push_token: String,
    /// The `EncodingAESKey`, which encrypts pushed messages: 43 letters and digits.
    pub push_encoding_aes_key: String,
    /// The official account's `AppID`; cards and page signatures belong to it.
    pub official_app_id: String,
    /// The official account's `AppSecret`: 32 hexadecimal digits.
    pub official_app_secret: String,
}

impl Account {
    /// Every secret of the account, for searching and masking. Of a key in PEM, each line is a secret of its own.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let keys = [
            &self.app_secret,
            &self.api_v2_key,
            &self.api_v3_key,
            &self.official_app_secret,
            &self.push_token,
            &self.push_encoding_aes_key,
        ];
        let lines = self.merchant_private_key.lines().map(str::trim);
        // A search would find a shorter last line by chance.
        let lines = lines.filter(|line| line.len() >= 16 && !line.starts_with("-----"));
        keys.into_iter().map(String::as_str).chain(lines)
    }
}

impl Default for Account {
    fn default() -> Self {
        Self {
            app_id: "wx5c4a1e0b7d3f9268".to_owned(),
            // "canary secret", spelt with hexadecimal digits.
            app_secret: "ca9a415ec2e7ca9a415ec2e7ca9a415e".to_owned(),
            mch_id: "1648203957".to_owned(),
            api_v2_key: "canaryApiV2KeyThatMustNeverLeak5".to_owned(),
            api_v3_key: "canaryApiV3KeyThatMustNeverLeak6".to_owned(),
            merchant_serial_no: "4A29211D2101434327EE7FB6C60D9EAE1337018E".to_owned(),
            merchant_private_key: include_str!("../../keys/apiclient_key.pem").to_owned(),
            merchant_certificate: include_str!("../../keys/apiclient_cert.pem").to_owned(),
            original_id: "gh_5c4a1e0b7d3f".to_owned(),
            push_token: "canaryPushTokenThatMustNotLeak77".to_owned(),
            // The last character has bits that no byte takes, as in the keys that WeChat's console makes.
            push_encoding_aes_key: "canaryEncodingAESKeyThatMustNeverLeak888888".to_owned(),
            official_app_id: "wx8b27d6035e9f41ca".to_owned(),
            // "canary official secret", spelt with hexadecimal digits.
            official_app_secret: "ca9a400ff1c1a15ec2e7ca9a400ff1c1".to_owned(),
        }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("app_id", &self.app_id)
            .field("original_id", &self.original_id)
            .field("mch_id", &self.mch_id)
            .field("merchant_serial_no", &self.merchant_serial_no)
            .field("official_app_id", &self.official_app_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_account_has_the_form_of_a_real_one() {
        let account = Account::default();
        for app_id in [&account.app_id, &account.official_app_id] {
            assert_eq!(app_id.len(), 18);
            assert!(app_id.starts_with("wx"));
        }
        for secret in [&account.app_secret, &account.official_app_secret] {
            assert_eq!(secret.len(), 32);
            assert!(secret.chars().all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase()));
        }
        assert_eq!(account.mch_id.len(), 10);
        for key in [&account.api_v2_key, &account.api_v3_key] {
            assert_eq!(key.len(), 32);
            assert!(key.chars().all(|c| c.is_ascii_alphanumeric()));
        }
        assert!(account.original_id.starts_with("gh_") && account.original_id.len() == 15);
        for (secret, length) in [(&account.push_token, 32), (&account.push_encoding_aes_key, 43)] {
            assert_eq!(secret.len(), length);
            assert!(secret.chars().all(|c| c.is_ascii_alphanumeric()));
        }
        assert_eq!(account.merchant_serial_no.len(), 40);
        assert!(account.merchant_private_key.starts_with("-----BEGIN PRIVATE KEY-----"));
        assert!(account.merchant_certificate.starts_with("-----BEGIN CERTIFICATE-----"));
    }

    #[test]
    fn every_line_of_the_private_key_is_a_secret() {
        let account = Account::default();
        let secrets: Vec<_> = account.secrets().collect();
        assert_eq!(secrets.len(), 6 + account.merchant_private_key.lines().count() - 2);
        assert!(secrets.iter().all(|secret| !account.merchant_certificate.contains(secret)));
    }

    #[test]
    fn debug_shows_no_secret() {
        let account = Account::default();
        let shown = format!("{account:?}");
        assert!(account.secrets().all(|secret| !shown.contains(secret)));
    }
}
