//! Hides secrets in what readers of the timeline see.
//!
//! A field with a secret's name is hidden whatever it contains, and a session token wherever it stands. The values that the local world
//! knows as secrets are hidden by the [`Masker`](crate::Masker) of the timeline.

use std::{borrow::Cow, sync::LazyLock};

use regex_lite::{Captures, Regex};
use serde_json::Value;

/// Hides secrets in an event.
pub(crate) fn hide(value: &mut Value) {
    match value {
        Value::String(text) => *text = hide_in_text(text),
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                match value {
                    Value::Null => {}
                    Value::String(text) if name == "authorization" => *text = hide_credentials(text),
                    _ if SECRET_FIELDS.contains(&name.as_str()) => *value = MASK.into(),
                    _ => hide(value),
                }
            }
        }
        _ => {}
    }
}

fn hide_in_text(text: &str) -> String {
    // A test shows that both patterns are right. If one were not, all text would be hidden.
    let (Some(session_token), Some(named_secret)) = (&*SESSION_TOKEN, &*NAMED_SECRET) else {
        return MASK.to_owned();
    };
    // Most texts have neither, and looking for a word is far quicker than a pattern.
    let mut text = Cow::Borrowed(text);
    if text.contains("eyJ") {
        text = session_token.replace_all(&text, MASK).into_owned().into();
    }
    if SECRET_NAMES.iter().any(|name| text.contains(name)) {
        let hidden =
            |found: &Captures<'_>| format!("{}{MASK}", found.get(1).map_or("", |name| name.as_str()));
        text = named_secret.replace_all(&text, hidden).into_owned().into();
    }
    text.into_owned()
}

/// The header `Authorization` without what follows its scheme.
fn hide_credentials(header: &str) -> String {
    match header.split_once(' ') {
        Some((scheme, _)) => format!("{scheme} {MASK}"),
        None => MASK.to_owned(),
    }
}

pub(crate) const MASK: &str = "***";

/// Names of JSON members and headers whose values are secrets, here or at WeChat.
const SECRET_FIELDS: [&str; 16] = [
    "access_token",
    "accessToken",
    "app_secret",
    "appSecret",
    "authorization",
    "cookie",
    "encoding_aes_key",
    "encodingAesKey",
    "jsapi_ticket",
    "secret",
    "session_key",
    "sessionKey",
    "set-cookie",
    "ticket",
    "token",
    "x-amz-security-token",
];

/// A session token, which is a JSON Web Token.
static SESSION_TOKEN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+").ok());
/// A secret in text that is a query, or the JSON of a body that was cut.
static NAMED_SECRET: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let names = SECRET_NAMES.join("|");
    Regex::new(&format!(r#"((?:{names})(?:=|\\*"\s*:\s*\\*"))[^&"\\\s]+"#)).ok()
});
/// The names of such secrets. A text with none of them is not searched by the pattern.
const SECRET_NAMES: [&str; 5] = ["access_token", "secret", "session_key", "ticket", "token"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_1";

    fn hidden(mut value: Value) -> Value {
        hide(&mut value);
        value
    }

    #[test]
    fn a_field_with_the_name_of_a_secret_is_hidden() {
        let shown = hidden(json!({
            "requestHeaders": {"authorization": "Bearer x.y.z", "cookie": "a=b", "host": "127.0.0.1"},
            "responseBody": {"success": true, "token": "anything", "expiresIn": 5},
            "request": {"session_key": "abc", "nested": [{"ticket": "t"}], "Key": {"order_id": {"S": "o"}}, "token": null},
        }));
        assert_eq!(
            shown,
            json!({
                "requestHeaders": {"authorization": "Bearer ***", "cookie": "***", "host": "127.0.0.1"},
                "responseBody": {"success": true, "token": "***", "expiresIn": 5},
                "request": {"session_key": "***", "nested": [{"ticket": "***"}], "Key": {"order_id": {"S": "o"}}, "token": null},
            })
        );
    }

    #[test]
    fn a_session_token_is_hidden_wherever_it_stands() {
        assert_eq!(hidden(json!([format!("x {TOKEN} y")])), json!(["x *** y"]));
    }

    #[test]
    fn a_secret_in_a_query_or_in_cut_json_is_hidden() {
        assert_eq!(hidden(json!("/x?access_token=abc&y=1")), "/x?access_token=***&y=1");
        assert_eq!(
            hidden(json!(r#"{"session_key": "a/b==","openid":"o1"#)),
            r#"{"session_key": "***","openid":"o1"#
        );
        assert_eq!(hidden(json!(r#"{\"token\":\"abc\",\"a\":1}"#)), r#"{\"token\":\"***\",\"a\":1}"#);
    }
}
