//! What an operator gives to a deployment: the template's parameters and the secrets' values.

use std::collections::BTreeMap;

use local_template::Stack;
use serde_json::json;

use crate::config::Config;

/// The template's parameters. `simulator` and `own` are the addresses of the built-in simulator,
/// if it is used, and of the gateway.
pub(crate) fn parameters(config: &Config, simulator: &str, own: &str) -> BTreeMap<String, String> {
    let or = |value: &Option<String>, default: &str| value.clone().unwrap_or_else(|| default.to_owned());
    let mut parameters = BTreeMap::from([
        ("MiniProgramAppId", config.account.app_id.clone()),
        ("MerchantId", config.account.mch_id.clone()),
        ("PublicBaseUrl", or(&config.public_base_url, own)),
        ("WechatApiBase", or(&config.wechat_api_base, simulator)),
        ("PayApiBase", or(&config.pay_api_base, simulator)),
    ]);
    if config.has_official_account {
        parameters.insert("OfficialAccountAppId", config.account.official_app_id.clone());
    }
    if let Some(sign_type) = config.sign_type {
        parameters.insert("PaySignType", sign_type.as_str().to_owned());
    }
    parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The values of the secrets that are not generated, by logical id; of those that the stack has.
pub(crate) fn secrets(config: &Config, stack: &Stack) -> BTreeMap<String, String> {
    let account = &config.account;
    [
        ("MiniProgramSecret", json!({"app_secret": account.app_secret})),
        ("OfficialAccountSecret", json!({"app_secret": account.official_app_secret})),
        ("MerchantSecret", json!({"api_v2_key": account.api_v2_key})),
    ]
    .into_iter()
    .filter(|(id, _)| stack.secrets.iter().any(|secret| secret.logical_id == *id))
    .map(|(id, value)| (id.to_owned(), value.to_string()))
    .collect()
}
