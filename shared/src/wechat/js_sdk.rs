//! The signature of `wx.config`, with which a web page inside WeChat may use the JS-SDK.
//!
//! WeChat: 附录1-JS-SDK使用权限签名算法: SHA-1 over four fields in this order, with raw values. The ticket is the official account's of
//! type `jsapi`, not the one of cards.
//!
//! <https://developers.weixin.qq.com/doc/offiaccount/OA_Web_Apps/JS-SDK.html>

use crate::{
    crypto::{hex, sha1},
    types::{Secret, UnixSeconds},
};

/// The text is no address of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the url must begin with http:// or https:// and a host in small letters, and be visible ASCII")]
pub struct PageUrlError;

/// The address of a web page as its browser has it, without the fragment.
///
/// The text is taken apart by hand and never normalised, because the host that is compared must be the host in the text that is
/// signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageUrl {
    text: String,
    host: String,
    port: Option<u16>,
}

impl PageUrl {
    /// Reads an absolute address. What begins with `#` is cut off, because WeChat does not sign it.
    ///
    /// # Errors
    /// [`PageUrlError`]: the address is relative or of another scheme, names a user, or is not as browsers write addresses.
    pub fn parse(text: &str) -> Result<Self, PageUrlError> {
        let text = text.split('#').next().unwrap_or_default();
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        if text.len() > MAX_BYTES || !text.bytes().all(is_plain) {
            return Err(PageUrlError);
        }
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let authority = rest.and_then(|rest| rest.split(['/', '?']).next()).ok_or(PageUrlError)?;
        let (host, port) = parse_host(authority).ok_or(PageUrlError)?;
        Ok(Self { text: text.to_owned(), host, port })
    }

    /// The address without its fragment, which is the text that is signed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, also if the address does not name it.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or_else(|| self.default_port())
    }

    /// The port of the scheme.
    #[must_use]
    pub fn default_port(&self) -> u16 {
        if self.is_https() { 443 } else { 80 }
    }

    /// Whether the page was loaded over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.text.starts_with("https://")
    }

    /// Scheme, host and port, as the browser's header `Origin` has them: a port that is the scheme's is left out.
    #[must_use]
    pub fn origin(&self) -> String {
        let scheme = if self.is_https() { "https" } else { "http" };
        match self.port.filter(|port| *port != self.default_port()) {
            Some(port) => format!("{scheme}://{}:{port}", self.host),
            None => format!("{scheme}://{}", self.host),
        }
    }
}

/// Reads a host with or without a port: small letters, digits, hyphens and full stops.
#[must_use]
pub fn parse_host(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.split_once(':') {
        None => (text, None),
        // A sign or a leading zero would be another text for the same number.
        Some((host, port)) => {
            (host, Some(port.parse().ok().filter(|number: &u16| *number > 0 && number.to_string() == port)?))
        }
    };
    let is_host = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    (!host.is_empty() && host.bytes().all(is_host)).then(|| (host.to_owned(), port))
}

/// What a page passes to `wx.config`, before it is signed.
#[derive(Debug, Clone, Copy)]
pub struct PageSignature<'a> {
    /// The official account's ticket of type `jsapi`.
    pub jsapi_ticket: &'a Secret,
    /// A random text.
    pub nonce_str: &'a str,
    /// The time of signing.
    pub timestamp: UnixSeconds,
    /// The page.
    pub url: &'a PageUrl,
}

impl PageSignature<'_> {
    /// The signature: 40 lower-case hexadecimal digits.
    #[must_use]
    pub fn sign(&self) -> String {
        let timestamp = self.timestamp.get().to_string();
        let parts = [
            "jsapi_ticket=",
            self.jsapi_ticket.expose(),
            "&noncestr=",
            self.nonce_str,
            "&timestamp=",
            &timestamp,
            "&url=",
            self.url.as_str(),
        ];
        hex(&sha1(&parts.map(str::as_bytes)))
    }
}

/// Bytes of an address that browsers and servers take.
const MAX_BYTES: usize = 2048;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_is_taken_apart_and_loses_its_fragment_alone() {
        let url = PageUrl::parse("https://shop.example.com/a/b?c=%E6%B0%B4&d=#/route?x=1").unwrap();
        assert_eq!(url.as_str(), "https://shop.example.com/a/b?c=%E6%B0%B4&d=");
        assert_eq!((url.host(), url.port(), url.is_https()), ("shop.example.com", 443, true));
        assert_eq!(url.origin(), "https://shop.example.com");
        let url = PageUrl::parse("http://192.168.1.5:8080").unwrap();
        assert_eq!((url.host(), url.port(), url.is_https()), ("192.168.1.5", 8080, false));
        assert_eq!(url.origin(), "http://192.168.1.5:8080");
        let url = PageUrl::parse("https://shop.example.com:443?a").unwrap();
        assert_eq!((url.port(), url.origin().as_str()), (443, "https://shop.example.com"));
        assert_eq!(url.as_str(), "https://shop.example.com:443?a");
    }

    #[test]
    fn an_address_whose_host_could_be_read_in_two_ways_is_refused() {
        for text in [
            "",
            "/page",
            "//shop.example.com/",
            "https:shop.example.com",
            "https:/shop.example.com",
            "HTTPS://shop.example.com/",
            "https://Shop.example.com/",
            "https://user@shop.example.com/",
            "https://shop.example.com:443@evil.example/",
            "https://shop.example.com\\@evil.example/",
            "https://shop.example.com:0443/",
            "https://shop.example.com:+443/",
            "https://shop.example.com:0/",
            "https://shop.example.com:65536/",
            "https://shop.example.com:/",
            "https://[::1]/",
            "https://商店.example/",
            "https://shop.example.com/ b",
            "https://shop.example.com/\n",
            "ftp://shop.example.com/",
            "javascript:alert(1)",
            "https://",
            "https://#a",
        ] {
            assert_eq!(PageUrl::parse(text), Err(PageUrlError), "{text}");
        }
        assert!(PageUrl::parse(&format!("https://a.example/{}", "a".repeat(MAX_BYTES))).is_err());
    }

    proptest! {
        #[test]
        fn the_signed_text_is_the_sent_one_up_to_the_fragment(rest in "[!-~]{0,40}") {
            let text = format!("https://a.example/{rest}");
            if let Ok(url) = PageUrl::parse(&text) {
                prop_assert!(text.starts_with(url.as_str()) && !url.as_str().contains('#'));
                prop_assert_eq!(url.host(), "a.example");
            }
        }

        #[test]
        fn parsing_any_text_never_panics(text in ".{0,60}") {
            let _ = PageUrl::parse(&text);
        }
    }
}
