//! What an operator gives to a deployment: the template's parameters and the secrets' values.

use std::collections::BTreeMap;

use local_template::Stack;
use serde_json::{Value, json};

use crate::config::Config;

/// The addresses that a deployment is told.
pub(crate) struct Addresses {
    /// Of the built-in simulator's platform, if it is used.
    pub(crate) platform: String,
    /// Of the built-in simulator's WeChat Pay, if it is used.
    pub(crate) pay: String,
    /// Of the gateway.
    pub(crate) own: String,
}

/// The template's parameters.
pub(crate) fn parameters(config: &Config, addresses: &Addresses) -> BTreeMap<String, String> {
    let or = |value: &Option<String>, default: &str| value.clone().unwrap_or_else(|| default.to_owned());
    let mut parameters = BTreeMap::from([
        ("MiniProgramAppId", config.account.app_id.clone()),
        ("MerchantId", config.account.mch_id.clone()),
        ("PublicBaseUrl", or(&config.public_base_url, &addresses.own)),
        ("WechatApiBase", or(&config.wechat_api_base, &addresses.platform)),
        ("PayApiBase", or(&config.pay_api_base, &addresses.pay)),
    ]);
    if config.has_official_account {
        parameters.insert("OfficialAccountAppId", config.account.official_app_id.clone());
    }
    if let Some(api) = config.pay_api {
        parameters.insert("PayApi", api.to_owned());
    }
    if let Some(sign_type) = config.sign_type {
        parameters.insert("PaySignType", sign_type.as_str().to_owned());
    }
    if let Some(max_unpaid) = config.max_unpaid {
        parameters.insert("MaxUnpaidOrders", max_unpaid.to_string());
    }
    parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The values of the secrets that are not generated, by logical id; of those that the stack has.
pub(crate) fn secrets(config: &Config, stack: &Stack) -> BTreeMap<String, String> {
    let account = &config.account;
    [
        ("MiniProgramSecret", json!({"app_secret": account.app_secret})),
        ("OfficialAccountSecret", json!({"app_secret": account.official_app_secret})),
        ("MerchantSecret", merchant(config)),
    ]
    .into_iter()
    .filter(|(id, _)| stack.secrets.iter().any(|secret| secret.logical_id == *id))
    .map(|(id, value)| (id.to_owned(), value.to_string()))
    .collect()
}

fn merchant(config: &Config) -> Value {
    let account = &config.account;
    let keys = config.platform_keys.iter().map(|key| json!({"id": key.id, "pem": key.pem}));
    json!({
        "api_v2_key": account.api_v2_key,
        "client_cert": account.merchant_certificate,
        "client_key": config.client_key.as_ref().unwrap_or(&account.merchant_private_key),
        "api_v3_key": account.api_v3_key,
        "serial_no": account.merchant_serial_no,
        "private_key": account.merchant_private_key,
        "platform_keys": keys.collect::<Value>(),
    })
}
