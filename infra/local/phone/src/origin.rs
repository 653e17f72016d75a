//! Refuses requests that another web page makes with the developer's browser.

use std::net::IpAddr;

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, StatusCode,
    header::{HOST, HeaderName, ORIGIN},
};
use url::{Host, Url};

/// Middleware that refuses a request of a page of another origin, because a page of the internet must not drive a developer's local
/// world. Programs send no `Origin`.
pub async fn refuse_other_origins(request: Request, next: Next) -> Response {
    if is_of_this_origin(request.headers()) {
        return next.run(request).await;
    }
    (StatusCode::FORBIDDEN, "a page of another origin may not use the local world").into_response()
}

/// Whether the request is of no page, or of a page of this server. A name that any domain owner can point to this machine is not enough.
fn is_of_this_origin(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let Some(origin) = text(ORIGIN) else { return true };
    let host = text(HOST).unwrap_or_default();
    origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
        && Url::parse(origin).is_ok_and(|origin| origin.host().is_some_and(|host| is_of_this_network(&host)))
}

/// Whether no stranger can give this host to another machine's page: an address, or a name without a public domain.
fn is_of_this_network(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => !name.contains('.') || name.ends_with(".local") || name.ends_with(".localhost"),
        Host::Ipv4(address) => !IpAddr::from(*address).is_unspecified(),
        Host::Ipv6(address) => !IpAddr::from(*address).is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn passes(host: &'static str, origin: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static(host));
        headers.extend(origin.map(|origin| (ORIGIN, HeaderValue::from_static(origin))));
        is_of_this_origin(&headers)
    }

    #[test]
    fn programs_and_the_own_page_pass() {
        assert!(passes("127.0.0.1:3000", None));
        for host in
            ["127.0.0.1:3000", "localhost:3000", "192.168.1.7:3000", "[::1]:3000", "laptop.local:3000"]
        {
            let origin: &'static str = Box::leak(format!("http://{host}").into_boxed_str());
            assert!(passes(host, Some(origin)), "{host}");
        }
    }

    #[test]
    fn pages_of_other_origins_are_refused() {
        for origin in [
            "https://shop.example.com",
            "http://127.0.0.1:8080",
            "http://localhost:3000",
            "http://127.0.0.1:3000.example.com",
            "null",
            "",
        ] {
            assert!(!passes("127.0.0.1:3000", Some(origin)), "{origin}");
        }
        assert!(!passes("rebound.example.com:3000", Some("http://rebound.example.com:3000")));
    }
}
