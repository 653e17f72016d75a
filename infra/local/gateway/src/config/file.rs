//! The form of the configuration file. Every key is optional, and unknown keys are refused.

use std::path::PathBuf;

use serde::Deserialize;

/// The whole file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ConfigFile {
    pub(super) mini_program: MiniProgramSection,
    pub(super) official_account: OfficialAccountSection,
    pub(super) merchant: MerchantSection,
    pub(super) orders: OrdersSection,
    pub(super) message_push: MessagePushSection,
    pub(super) customer_service: CustomerServiceSection,
    pub(super) jssdk: JssdkSection,
    pub(super) nearby: NearbySection,
    pub(super) upstream: UpstreamSection,
    pub(super) public: PublicSection,
}

/// `[mini_program]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MiniProgramSection {
    pub(super) app_id: Option<String>,
    pub(super) app_secret: Option<String>,
}

/// `[official_account]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OfficialAccountSection {
    pub(super) app_id: Option<String>,
    pub(super) app_secret: Option<String>,
    pub(super) is_test: Option<bool>,
}

/// `[merchant]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MerchantSection {
    pub(super) mch_id: Option<String>,
    pub(super) api: Option<String>,
    pub(super) sign_type: Option<String>,
    pub(super) api_v2_key: Option<String>,
    pub(super) api_v3_key: Option<String>,
    pub(super) serial_no: Option<String>,
    pub(super) private_key: Option<PathBuf>,
    pub(super) platform_keys: Vec<PlatformKeyEntry>,
    pub(super) client_cert: Option<PathBuf>,
    pub(super) client_key: Option<PathBuf>,
}

/// One of `merchant.platform_keys`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlatformKeyEntry {
    pub(super) id: String,
    pub(super) file: PathBuf,
}

/// `[orders]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OrdersSection {
    pub(super) max_unpaid: Option<u32>,
}

/// `[message_push]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MessagePushSection {
    pub(super) token: Option<String>,
    pub(super) encoding_aes_key: Option<String>,
    pub(super) mode: Option<String>,
}

/// `[customer_service]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CustomerServiceSection {
    pub(super) hand_over: Option<bool>,
    pub(super) welcome_text: Option<String>,
}

/// `[jssdk]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct JssdkSection {
    pub(super) hosts: Vec<String>,
}

/// `[nearby]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NearbySection {
    pub(super) enabled: Option<bool>,
}

/// `[upstream]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct UpstreamSection {
    pub(super) wechat_api_base: Option<String>,
    pub(super) pay_api_base: Option<String>,
    pub(super) ca: Option<PathBuf>,
}

/// `[public]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PublicSection {
    pub(super) base_url: Option<String>,
}
