//! The template's stack, and the environment of each function.

use std::{collections::BTreeMap, path::Path};

use local_template::{Function, RouteAuth, Stack, Template};
use shared::types::BoxError;

use crate::{binaries::root, event};

/// The appid in the measurements.
pub const APP_ID: &str = "wx5c4a1e0b7d3f9268";
/// The merchant number in the measurements.
pub const MERCHANT_ID: &str = "1648203957";

/// The stack of `template.yaml`, with `upstream` as the address of WeChat.
///
/// # Errors
/// The template can't be read or deployed.
pub fn stack(upstream: &str) -> Result<Stack, BoxError> {
    stack_in(root(), upstream)
}

/// As [`stack`], of the template of the workspace at `root`.
///
/// # Errors
/// The template can't be read or deployed.
pub fn stack_in(root: &Path, upstream: &str) -> Result<Stack, BoxError> {
    let parameters = [
        ("MiniProgramAppId", APP_ID),
        ("OfficialAccountAppId", "wx8b27d6035e9f41ca"),
        ("MerchantId", MERCHANT_ID),
        ("PublicBaseUrl", "https://api.example.com"),
        ("WechatApiBase", upstream),
        ("PayApiBase", upstream),
    ];
    let parameters: BTreeMap<String, String> =
        parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Ok(Template::read(&root.join("template.yaml"))?.deploy_with_plain_http(&parameters)?)
}

/// A function's environment: the template's variables and Lambda's, with `upstream` as the address of AWS.
#[must_use]
pub fn environment(function: &Function, upstream: &str) -> BTreeMap<String, String> {
    let mut environment = function.environment.clone();
    environment.extend(lambda_variables(&function.name));
    let endpoint = ("AWS_ENDPOINT_URL".to_owned(), upstream.to_owned());
    environment.extend([endpoint]);
    environment
}

/// The variables that Lambda itself sets.
#[must_use]
pub fn lambda_variables(name: &str) -> BTreeMap<String, String> {
    [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        ("AWS_SESSION_TOKEN", "bench"),
        ("AWS_LAMBDA_FUNCTION_NAME", name),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "bench"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
        ("TZ", ":UTC"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// The event that costs a function least: a request without token and body, which is refused at once; a schedule's event; an empty
/// batch of a stream.
#[must_use]
pub fn smallest_event(function: &Function) -> String {
    let open = function.routes.iter().find(|route| route.auth == RouteAuth::None);
    // A route for operators needs no token here, because API Gateway has authorized it. The missing body is refused.
    let post = || function.routes.iter().find(|route| route.method == "POST");
    let route = open.or_else(post).or_else(|| function.routes.first());
    if let Some(route) = route {
        return event::http_event(&format!("{} {}", route.method, route.path), &[], None);
    }
    let input = function.schedules.iter().find_map(|schedule| schedule.input.clone());
    input.unwrap_or_else(|| r#"{"Records":[]}"#.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_gets_its_settings_and_an_event() {
        let stack = stack("http://127.0.0.1:1").expect("the template");
        assert!(stack.functions.len() > 10);
        for function in &stack.functions {
            let environment = environment(function, "http://127.0.0.1:1");
            assert_eq!(environment["AWS_ENDPOINT_URL"], "http://127.0.0.1:1");
            assert!(environment.len() > function.environment.len());
            let event: serde_json::Value = serde_json::from_str(&smallest_event(function)).expect("JSON");
            assert_eq!(event.get("routeKey").is_some(), !function.routes.is_empty(), "{}", function.folder);
        }
    }
}
