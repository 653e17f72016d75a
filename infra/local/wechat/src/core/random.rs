//! Random identifiers, keys and nonces in WeChat's formats.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::core::clock;

/// `N` random bytes. Only this function asks the operating system for randomness.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(clippy::disallowed_methods, reason = "the simulator's only source of keys and identifiers")]
    let filled = getrandom::fill(&mut bytes);
    // Without randomness every key in this file would be a constant.
    assert!(filled.is_ok(), "the operating system gives no randomness");
    bytes
}

/// 28 characters that begin with `o`.
pub(crate) fn openid() -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    format!("o{}", pick(ALPHABET, &bytes::<27>()))
}

/// 28 characters: the id of a group, which begins with `t`, or of two people's chat, which begins with `s`.
pub(crate) fn chat_id(first: char) -> String {
    format!("{first}{}", openid().split_at(1).1)
}

/// 32 characters, as `wx.login` gives them.
pub(crate) fn login_code() -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    format!("0{}", pick(ALPHABET, &bytes::<31>()))
}

/// 64 hexadecimal digits, as the phone-number button gives them.
pub(crate) fn phone_code() -> String {
    hex(&bytes::<32>())
}

/// 28 characters that begin with `p`.
pub(crate) fn card_id() -> String {
    format!("p{}", openid().split_at(1).1)
}

/// 12 digits: the code of a card a user took.
pub(crate) fn card_code() -> String {
    digits(&bytes::<12>())
}

/// Base64 of 48 bytes, which has characters a URL must escape.
pub(crate) fn encrypted_code() -> String {
    STANDARD.encode(bytes::<48>())
}

/// 43 characters, as the subscribe messages' templates have.
pub(crate) fn template_id() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<32>())
}

/// 19 digits that begin with 2: a number that fits in 64 bits with a sign and not in 53.
pub(crate) fn msgid() -> u64 {
    2_000_000_000_000_000_000 + u64::from_be_bytes(bytes()) % 1_000_000_000_000_000_000
}

/// 17 digits that begin with 2: the number of a customer's message, which does not fit in 53 bits.
pub(crate) fn message_number() -> u64 {
    20_000_000_000_000_000 + u64::from_be_bytes(bytes()) % 10_000_000_000_000_000
}

/// 64 characters, URL-safe: the id of a temporary medium.
pub(crate) fn media_id() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<48>())
}

/// Base64 of 16 bytes: 24 characters that end in `==`.
pub(crate) fn session_key() -> String {
    STANDARD.encode(bytes::<16>())
}

/// 135 characters, URL-safe: a real one may have up to 512.
pub(crate) fn access_token() -> String {
    format!("72_{}", URL_SAFE_NO_PAD.encode(bytes::<99>()))
}

/// Whether the text has the form of an access token.
pub(crate) fn is_access_token(text: &str) -> bool {
    text.len() >= 100 && text.bytes().all(is_url_safe)
}

/// A number, an underscore and 86 URL-safe characters. A cloud function decrypts open data with it instead of the session key.
pub(crate) fn cloud_id() -> String {
    format!("72_{}", URL_SAFE_NO_PAD.encode(bytes::<64>()))
}

/// 86 characters, URL-safe.
pub(crate) fn ticket() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<64>())
}

/// Whether the character occurs in tokens and tickets.
pub(crate) fn is_url_safe(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// 32 hexadecimal digits.
pub(crate) fn nonce() -> String {
    hex(&bytes::<16>())
}

/// `wx`, the time in UTC+8 and 20 hexadecimal digits.
pub(crate) fn prepay_id(now: u64) -> String {
    format!("wx{}{}", clock::pay_time(now), hex(&bytes::<10>()))
}

/// 28 digits: channel, date and number.
pub(crate) fn transaction_id(now: u64) -> String {
    format!("4200{}{}{}", digits(&bytes::<6>()), clock::pay_date(now), digits(&bytes::<10>()))
}

/// 29 digits: WeChat's number of a refund.
pub(crate) fn refund_id(now: u64) -> String {
    format!("503{}{}{}", digits(&bytes::<6>()), clock::pay_date(now), digits(&bytes::<12>()))
}

/// The 12 ASCII characters of an AES-GCM nonce.
pub(crate) fn resource_nonce() -> String {
    hex(&bytes::<6>())
}

/// 32 hexadecimal digits with four dashes: the id of a notice.
pub(crate) fn notice_id() -> String {
    let digits = nonce();
    let part = |range| digits.get(range).unwrap_or_default();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

/// The token with which a bill is downloaded.
pub(crate) fn download_token() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<64>())
}

/// The request id that WeChat appends to an `errmsg`, so that an operator can look up the request.
pub(crate) fn rid(now: u64) -> String {
    let rest = hex(&bytes::<8>());
    let (second, third) = rest.split_at(8);
    format!("{:08x}-{second}-{third}", now / clock::SECOND)
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A decimal digit for each byte.
pub(crate) fn digits(bytes: &[u8]) -> String {
    pick(b"0123456789", bytes)
}

fn pick(alphabet: &[u8], bytes: &[u8]) -> String {
    bytes
        .iter()
        .filter_map(|byte| alphabet.get(usize::from(*byte) % alphabet.len()))
        .map(|letter| char::from(*letter))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_the_forms_of_wechat() {
        let now = 1_700_000_042_000;
        assert_eq!(openid().len(), 28);
        assert!(openid().starts_with('o'));
        assert_eq!(login_code().len(), 32);
        assert_eq!(session_key().len(), 24);
        assert!(session_key().ends_with("=="));
        assert!(is_access_token(&access_token()));
        assert_eq!(ticket().len(), 86);
        assert_eq!(prepay_id(now).len(), 36);
        assert!(prepay_id(now).starts_with("wx20231115061402"));
        assert_eq!(transaction_id(now).len(), 28);
        assert!(transaction_id(now).starts_with("4200"));
        assert_eq!(refund_id(now).len(), 29);
        assert_eq!(resource_nonce().len(), 12);
        assert_eq!(notice_id().split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(rid(now).starts_with("6553f12a-"));
        assert_eq!(rid(now).len(), 26);
    }
}
