//! The signature of a push: SHA-1 over the token and what the query says, sorted.

use crate::crypto::{equal, hex, sha1};

/// `signature` is over token, timestamp and nonce; `msg_signature` is over the encrypted part as well.
pub(super) fn sign(token: &str, timestamp: &str, nonce: &str, encrypted: Option<&str>) -> String {
    let mut parts = vec![token.as_bytes(), timestamp.as_bytes(), nonce.as_bytes()];
    parts.extend(encrypted.map(str::as_bytes));
    parts.sort_unstable();
    hex(&sha1(&parts))
}

/// Whether `signature` is that of these parts, in a time that does not tell where it differs.
pub(super) fn is_genuine(
    signature: &str,
    token: &str,
    timestamp: &str,
    nonce: &str,
    encrypted: Option<&str>,
) -> bool {
    equal(sign(token, timestamp, nonce, encrypted).as_bytes(), signature.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signatures_that_wechat_published_are_reproduced() {
        // WeChat: 消息推送, 开发者服务器; the samples of the URL check and of the plain mode.
        for (timestamp, nonce, signature) in [
            ("1714036504", "1514711492", "f464b24fc39322e44b38aa78f5edd27bd1441696"),
            ("1714037059", "486452656", "899cf89e464efb63f54ddac96b0a0a235f53aa78"),
        ] {
            assert_eq!(sign("AAAAA", timestamp, nonce, None), signature);
            assert!(is_genuine(signature, "AAAAA", timestamp, nonce, None));
            assert!(!is_genuine(signature, "AAAAB", timestamp, nonce, None));
            assert!(!is_genuine(&signature.to_ascii_uppercase(), "AAAAA", timestamp, nonce, None));
            assert!(!is_genuine("", "AAAAA", timestamp, nonce, None));
        }
    }

    #[test]
    fn the_generated_signature_is_reproduced() {
        let signature = sign("GDXypdOFO0qL", "1700000007", "148201722", None);
        assert_eq!(signature, "623f0c111312bf9031cdd88c033e7acb5027c53c");
    }
}
