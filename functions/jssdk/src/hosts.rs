//! The hosts whose pages are signed for, and the rule for pages without TLS.

use std::net::Ipv4Addr;

use shared::wechat::{PageUrl, parse_host};

/// A host with its port; without one, the port of the page's scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AllowedHost {
    host: String,
    port: Option<u16>,
}

impl AllowedHost {
    /// Reads `shop.example.com` or `shop.example.com:8443`; `None` if the text is something else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        parse_host(text).map(|(host, port)| Self { host, port })
    }

    /// Reads the host of an address that begins with a scheme and has no path.
    pub(crate) fn of_base_url(text: &str) -> Option<Self> {
        Self::parse(text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?)
    }

    /// Reads `JSSDK_HOSTS`: hosts with commas between them.
    pub(crate) fn parse_list(text: &str) -> Option<Vec<Self>> {
        text.split(',').map(Self::parse).collect()
    }

    /// Whether the page is on this host. Both host and port must be equal: a page on another port of the same host is another site.
    pub(crate) fn serves(&self, url: &PageUrl) -> bool {
        self.host == url.host() && self.port.unwrap_or_else(|| url.default_port()) == url.port()
    }
}

/// Whether the page came over TLS, or need not: a test account may be used by pages on the developer's own network.
pub(crate) fn is_safe(url: &PageUrl, is_test_account: bool) -> bool {
    url.is_https() || (is_test_account && is_private(url.host()))
}

fn is_private(host: &str) -> bool {
    host == "localhost" || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_private() || ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> PageUrl {
        PageUrl::parse(text).unwrap()
    }

    #[test]
    fn host_and_port_are_compared_exactly() {
        let hosts = AllowedHost::parse_list("shop.example.com,m.example.com:8443").unwrap();
        let allowed = |text: &str| hosts.iter().any(|host| host.serves(&page(text)));
        for text in [
            "https://shop.example.com/a",
            "https://shop.example.com:443/a",
            "https://m.example.com:8443/a",
            "http://shop.example.com/a",
        ] {
            assert!(allowed(text), "{text}");
        }
        for text in [
            "https://shop.example.com:8443/",
            "https://m.example.com/",
            "https://a.shop.example.com/",
            "https://shop.example.com.evil.example/",
            "https://evilshop.example.com/",
            "https://shop.example.com./",
            "https://evil.example/?https://shop.example.com/",
        ] {
            assert!(!allowed(text), "{text}");
        }
    }

    #[test]
    fn a_list_with_anything_but_hosts_is_refused() {
        for text in ["https://a.example", "a.example/", "a.example,", "A.example", "*.example", "a.example:x"]
        {
            assert_eq!(AllowedHost::parse_list(text), None, "{text}");
        }
        let local = AllowedHost::of_base_url("http://127.0.0.1:3000").unwrap();
        assert!(local.serves(&page("http://127.0.0.1:3000/")) && !local.serves(&page("http://127.0.0.1/")));
        assert_eq!(AllowedHost::of_base_url("a.example"), None);
    }

    #[test]
    fn a_page_without_tls_is_for_test_accounts_on_private_addresses() {
        for host in
            ["192.168.1.5:8080", "10.0.0.1", "172.16.0.1", "172.31.255.255", "127.0.0.1:3000", "localhost"]
        {
            let url = page(&format!("http://{host}/"));
            assert!(is_safe(&url, true) && !is_safe(&url, false), "{host}");
        }
        for host in ["172.32.0.1", "192.169.0.1", "8.8.8.8", "shop.example.com", "10.example.com"] {
            assert!(!is_safe(&page(&format!("http://{host}/")), true), "{host}");
        }
        assert!(is_safe(&page("https://shop.example.com/"), false));
    }
}
