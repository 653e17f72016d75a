//! Hides secrets and personal data of a past request from the operator: keys and tokens, with which anybody could act for the mini
//! program, and data of its users.

use serde_json::{Map, Value};
use shared::wechat::loose_json;

/// The URL, or a query alone, with only the values of parameters that are known to be harmless.
pub(crate) fn redact_url(url: &str) -> String {
    url.split_inclusive(['?', '&', '#']).map(redact_parameter).collect()
}

/// The JSON body without the values of fields that are secret or personal; `None` if the body is no JSON object.
pub(crate) fn redact_body(body: &str) -> Option<Value> {
    loose_json::read_object(body.as_bytes()).map(redact_object).map(Value::Object)
}

/// Redacts one parameter of a URL, with the delimiter that ends it.
fn redact_parameter(piece: &str) -> String {
    let end = piece.chars().next_back().filter(|c| "?&#".contains(*c)).map(String::from).unwrap_or_default();
    match piece.split_once('=') {
        Some((name, _)) if HARMLESS_PARAMETERS.contains(&name) => piece.to_owned(),
        Some((name, _)) => format!("{name}={HIDDEN}{end}"),
        // A parameter whose `=` is percent-encoded.
        None if piece.contains('%') => format!("{HIDDEN}{end}"),
        None => piece.to_owned(),
    }
}

fn redact_object(object: Map<String, Value>) -> Map<String, Value> {
    let fields = object.into_iter().map(|(name, value)| {
        let is_hidden = HIDDEN_FIELDS.iter().any(|hidden| name.eq_ignore_ascii_case(hidden));
        let value = if is_hidden { Value::from(HIDDEN) } else { redact_value(value) };
        (name, value)
    });
    fields.collect()
}

fn redact_value(value: Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(redact_object(object)),
        Value::Array(values) => values.into_iter().map(redact_value).collect(),
        // A text that contains JSON, such as the result of a fingerprint check.
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => Value::from(HIDDEN),
        other => other,
    }
}

const HIDDEN: &str = "***";
const HARMLESS_PARAMETERS: &[&str] =
    &["appid", "cgi_path", "grant_type", "lang", "sig_method", "tid", "type"];
const HIDDEN_FIELDS: &[&str] = &[
    "access_token",
    "activate_ticket",
    "appsecret",
    "authorizer_access_token",
    "authorizer_refresh_token",
    "code",
    "component_access_token",
    "component_verify_ticket",
    "encrypt_code",
    "encryptedData",
    "iv",
    "js_code",
    "json_signature",
    "key",
    "membership_number",
    "mobile",
    "nickname",
    "openid",
    "outer_str",
    "phone_info",
    "phoneNumber",
    "purePhoneNumber",
    "refresh_token",
    "secret",
    "session_key",
    "sex",
    "signature",
    "ticket",
    "touser",
    "unionid",
    "user_info",
    "value",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_url_shows_no_token_and_no_openid() {
        for (url, shown) in [
            ("access_token=72_x", "access_token=***"),
            (
                "https://api.weixin.qq.com/a?access_token=72_x&type=jsapi",
                "https://api.weixin.qq.com/a?access_token=***&type=jsapi",
            ),
            (
                "/sns/jscode2session?appid=wx1&secret=s&js_code=c#f",
                "/sns/jscode2session?appid=wx1&secret=***&js_code=***#f",
            ),
            ("/a?openid=o1&access_token=a=b?c&x", "/a?openid=***&access_token=***?c&x"),
            ("/cgi-bin/stable_token", "/cgi-bin/stable_token"),
        ] {
            assert_eq!(redact_url(url), shown);
        }
    }

    #[test]
    fn a_body_shows_no_secret_at_any_depth() {
        let body = json!({ "errcode": 0, "SECRET": "s", "list": [{ "access_token": "t", "x": 1 }],
                           "json_string": "{\"raw\":\"x\"}", "data": { "thing1": { "value": "v" } } });
        let shown = json!({ "errcode": 0, "SECRET": "***", "list": [{ "access_token": "***", "x": 1 }],
                            "json_string": "***", "data": { "thing1": { "value": "***" } } });
        assert_eq!(redact_body(&body.to_string()), Some(shown));
        for body in ["", "access_token=x", "[]", "\"secret\""] {
            assert_eq!(redact_body(body), None, "{body}");
        }
    }

    #[test]
    fn a_body_shows_no_personal_data_of_a_member() {
        // The answer of `membercard/userinfo/get`, with what the member wrote into WeChat's form.
        let body = json!({ "errcode": 0, "openid": "o1", "nickname": "李雷", "sex": "MALE", "membership_number": "42",
                           "user_info": { "common_field_list": [] }, "outer_str": "u1", "bonus": 1 });
        let shown = json!({ "errcode": 0, "openid": "***", "nickname": "***", "sex": "***",
                            "membership_number": "***", "user_info": "***", "outer_str": "***", "bonus": 1 });
        assert_eq!(redact_body(&body.to_string()), Some(shown));
    }

    #[test]
    fn a_url_with_encoded_delimiters_shows_no_token() {
        assert_eq!(redact_url("access_token%3D72_x%26type%3Djsapi"), "***");
        assert_eq!(redact_url("/a?access_token%3D72_x&type=jsapi"), "/a?***&type=jsapi");
    }

    proptest! {
        #[test]
        fn a_token_is_never_shown(before in "[a-z/?&#]{0,20}", token in "[0-9A-Za-z_-]{10,40}", after in "[&#?].{0,20}") {
            let url = format!("{before}?access_token={token}{after}");
            prop_assume!(!before.contains(&token) && !after.contains(&token));
            prop_assert!(!redact_url(&url).contains(&token));
        }
    }
}
