//! The values that an operator gives to a deployment: the template's parameters and the secrets.

use std::collections::BTreeMap;

use local_template::{Stack, Template};
use local_wechat::PushMode;
use serde_json::{Value, json};

use crate::config::Config;

/// The local addresses that become parameters of the template.
pub(crate) struct LocalAddresses {
    /// The built-in simulator of WeChat's open platform; empty when it is not used.
    pub(crate) platform: String,
    /// The built-in simulator of WeChat Pay; empty when it is not used.
    pub(crate) pay: String,
    /// The gateway.
    pub(crate) gateway: String,
}

/// The template's parameters. `trade_managed` says whether the built-in WeChat manages the shipping of the mini program.
pub(crate) fn parameters(
    config: &Config,
    template: &Template,
    addresses: &LocalAddresses,
    trade_managed: bool,
) -> BTreeMap<String, String> {
    let value_or =
        |value: &Option<String>, default: &str| value.clone().unwrap_or_else(|| default.to_owned());
    let mut parameters = BTreeMap::from([
        ("MiniProgramAppId", config.account.app_id.clone()),
        ("MerchantId", config.account.mch_id.clone()),
        ("PublicBaseUrl", value_or(&config.public_base_url, &addresses.gateway)),
        ("WechatApiBase", value_or(&config.wechat_api_base, &addresses.platform)),
        ("PayApiBase", value_or(&config.pay_api_base, &addresses.pay)),
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
    if let Some(hand_over) = config.customer_service_hand_over {
        parameters.insert("CustomerServiceHandOver", hand_over.to_string());
    }
    if let Some(text) = &config.customer_welcome_text {
        parameters.insert("CustomerWelcomeText", text.clone());
    }
    let declares = |name: &str| template.parameters().iter().any(|parameter| parameter.name == name);
    if declares("OfficialAccountIsTest") {
        parameters.insert("OfficialAccountIsTest", config.is_test_account.to_string());
    }
    if declares("NearbyEnabled") {
        parameters.insert("NearbyEnabled", config.nearby_enabled.to_string());
    }
    if declares("ShippingInformation") && config.uses_simulator() {
        parameters.insert("ShippingInformation", if trade_managed { "on" } else { "off" }.to_owned());
    }
    if !config.jssdk_hosts.is_empty() {
        parameters.insert("JssdkHosts", config.jssdk_hosts.join(","));
    }
    if let Some(mode) = config.push_mode.filter(|_| declares("MessagePushMode")) {
        let mode = match mode {
            PushMode::Plain => "plain",
            PushMode::Secure => "secure",
        };
        parameters.insert("MessagePushMode", mode.to_owned());
    }
    parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The values of the stack's secrets that CloudFormation does not generate, by logical id.
pub(crate) fn secrets(config: &Config, stack: &Stack) -> BTreeMap<String, String> {
    let account = &config.account;
    [
        ("MiniProgramSecret", json!({"app_secret": account.app_secret})),
        ("OfficialAccountSecret", json!({"app_secret": account.official_app_secret})),
        ("MerchantSecret", merchant_secret(config)),
        (
            "MessagePushSecret",
            json!({"token": account.push_token, "encoding_aes_key": account.push_encoding_aes_key}),
        ),
    ]
    .into_iter()
    .filter(|(id, _)| stack.secrets.iter().any(|secret| secret.logical_id == *id))
    .map(|(id, value)| (id.to_owned(), value.to_string()))
    .collect()
}

fn merchant_secret(config: &Config) -> Value {
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
