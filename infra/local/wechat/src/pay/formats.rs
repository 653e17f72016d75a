//! The formats of fields that Pay v2 and v3 share.

use std::net::IpAddr;

use reqwest::Url;

/// Whether the text is 6 to 32 ASCII digits, letters or `_-|*`.
pub(crate) fn is_out_trade_no(value: &str) -> bool {
    (6..=32).contains(&value.len())
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'|' | b'*'))
}

/// Whether the text is 1 to 64 ASCII digits, letters or `_-|*@`.
pub(crate) fn is_out_refund_no(value: &str) -> bool {
    (1..=64).contains(&value.len())
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'|' | b'*' | b'@'))
}

/// Whether the text is 28 digits.
pub(crate) fn is_transaction_id(value: &str) -> bool {
    value.len() == 28 && value.bytes().all(|b| b.is_ascii_digit())
}

pub(crate) fn is_ip(value: &str) -> bool {
    value.parse::<IpAddr>().is_ok()
}

/// Whether the text is an absolute https URL without a query. http is allowed to an address of a machine, because what listens
/// in a network of one's own has no certificate; WeChat itself takes https alone.
pub(crate) fn is_notify_url(value: &str) -> bool {
    let Ok(url) = Url::parse(value) else { return false };
    let host = url.host_str().unwrap_or_default();
    let is_local = host == "localhost" || is_ip(host.trim_matches(['[', ']']));
    let scheme_fits = url.scheme() == "https" || (url.scheme() == "http" && is_local);
    let is_bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    scheme_fits && is_bare && url.has_host()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_number_has_6_to_32_of_the_allowed_characters() {
        for good in ["123456", "A_b-c|d*", "12345678901234567890123456789012"] {
            assert!(is_out_trade_no(good), "{good}");
        }
        for bad in ["12345", "123456789012345678901234567890123", "order 1", "订单号码一二", "order@1"]
        {
            assert!(!is_out_trade_no(bad), "{bad}");
        }
    }

    #[test]
    fn a_refund_number_may_be_shorter_and_longer_and_have_an_at() {
        for good in ["1", "R@b-c|d*_", &"1".repeat(64)] {
            assert!(is_out_refund_no(good), "{good}");
        }
        for bad in ["", "refund 1", "退款", &"1".repeat(65)] {
            assert!(!is_out_refund_no(bad), "{bad}");
        }
    }

    #[test]
    fn a_notice_goes_to_https_or_to_this_network_and_carries_no_query() {
        for good in [
            "https://example.com/pay/notify",
            "http://127.0.0.1:3000/api/pay/notify",
            "http://localhost/n",
            "http://192.168.1.7:3000/n",
            "http://100.64.0.7:3000/n",
            "http://[fd00::7]:3000/n",
        ] {
            assert!(is_notify_url(good), "{good}");
        }
        for bad in [
            "http://example.com/pay/notify",
            "https://example.com/pay/notify?a=1",
            "https://example.com/pay/notify#a",
            "https://user@example.com/",
            "/pay/notify",
            "example.com/pay/notify",
            "ftp://example.com/",
            "",
        ] {
            assert!(!is_notify_url(bad), "{bad}");
        }
    }
}
