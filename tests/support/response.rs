//! A response of the API, as the tests look at it.

use serde_json::Value;

/// Status, headers and body.
#[derive(Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: http::HeaderMap,
    /// The body as text; bytes that are no UTF-8 are replaced.
    pub body: String,
    /// The body as bytes.
    pub bytes: Vec<u8>,
}

impl Response {
    pub(crate) async fn read(response: reqwest::Response) -> Self {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let bytes = response.bytes().await.expect("a body").to_vec();
        let body = String::from_utf8_lossy(&bytes).into_owned();
        let read = Self { status, headers, body, bytes };
        read.refuse_unknown_headers();
        read
    }

    /// Fails the test if the response has a header that is not on the list.
    fn refuse_unknown_headers(&self) {
        const KNOWN: &[&str] = &[
            "access-control-allow-origin",
            "cache-control",
            "content-length",
            "content-type",
            "date",
            "retry-after",
        ];
        for name in self.headers.keys() {
            assert!(
                KNOWN.contains(&name.as_str()),
                "the header {name} is not on the list of headers that our API sends"
            );
        }
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {} {}", self.status, self.body))
    }

    /// The field of the body at `path`, such as `/order/status`, as a text.
    #[must_use]
    pub fn text(&self, path: &str) -> String {
        match self.json().pointer(path) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => panic!("no {path} in {} {}", self.status, self.body),
        }
    }

    /// The response, which must be a success. Fails the test otherwise.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(self.status == 200 && self.text("/success") == "true", "{} {}", self.status, self.body);
        self
    }

    /// `<status> <code>` of a failure, or `<status> OK`.
    #[must_use]
    pub fn outcome(&self) -> String {
        let code = self.json().get("code").and_then(Value::as_str).unwrap_or("OK").to_owned();
        format!("{} {code}", self.status)
    }

    /// Status and body; a value that differs from run to run is replaced by `…`.
    #[must_use]
    pub fn snapshot(&self) -> String {
        let mut text = format!("{} {}", self.status, self.body);
        for (pattern, name) in [
            (r#""requestId":"[^"]+""#, r#""requestId":"…""#),
            (r#""token":"[^"]+""#, r#""token":"…""#),
            (r#""userId":"u[0-9a-f]{26}""#, r#""userId":"…""#),
            (r#""orderId":"[0-9A-HJKMNP-TV-Z]{26}""#, r#""orderId":"…""#),
            (r#""cursor":"[0-9A-HJKMNP-TV-Z]{26}""#, r#""cursor":"…""#),
            (r#""outTradeNo":"[0-9A-HJKMNP-TV-Z]{26}([0-9]{2})""#, r#""outTradeNo":"…$1""#),
            (r#""(createdAt|paidAt)":"[-0-9:TZ]+""#, r#""$1":"…""#),
            (r#""transactionId":"[0-9]+""#, r#""transactionId":"…""#),
            (r#""timeStamp":"[0-9]{10}""#, r#""timeStamp":"…""#),
            (r#""nonceStr":"[0-9a-f]{32}""#, r#""nonceStr":"…""#),
            (r#""package":"prepay_id=[^"]+""#, r#""package":"prepay_id=…""#),
            (r#""paySign":"[0-9A-F]{32,64}""#, r#""paySign":"…""#),
        ] {
            text = regex_lite::Regex::new(pattern).expect("a pattern").replace_all(&text, name).into_owned();
        }
        text
    }
}
