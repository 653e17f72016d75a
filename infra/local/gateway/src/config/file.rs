//! The configuration file as it is written: every key optional, no other key known.

use std::path::PathBuf;

use serde::Deserialize;

/// The whole file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) mini_program: MiniProgram,
    pub(super) official_account: OfficialAccount,
    pub(super) merchant: Merchant,
    pub(super) orders: Orders,
    pub(super) message_push: MessagePush,
    pub(super) upstream: Upstream,
    pub(super) public: Public,
}

/// `[mini_program]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MiniProgram {
    pub(super) app_id: Option<String>,
    pub(super) app_secret: Option<String>,
}

/// `[official_account]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OfficialAccount {
    pub(super) app_id: Option<String>,
    pub(super) app_secret: Option<String>,
}

/// `[merchant]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Merchant {
    pub(super) mch_id: Option<String>,
    pub(super) api: Option<String>,
    pub(super) sign_type: Option<String>,
    pub(super) api_v2_key: Option<String>,
    pub(super) api_v3_key: Option<String>,
    pub(super) serial_no: Option<String>,
    pub(super) private_key: Option<PathBuf>,
    pub(super) platform_keys: Vec<PlatformKey>,
    pub(super) client_cert: Option<PathBuf>,
    pub(super) client_key: Option<PathBuf>,
}

/// One of `merchant.platform_keys`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlatformKey {
    pub(super) id: String,
    pub(super) file: PathBuf,
}

/// `[orders]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Orders {
    pub(super) max_unpaid: Option<u32>,
}

/// `[message_push]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MessagePush {
    pub(super) token: Option<String>,
    pub(super) encoding_aes_key: Option<String>,
    pub(super) mode: Option<String>,
}

/// `[upstream]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Upstream {
    pub(super) wechat_api_base: Option<String>,
    pub(super) pay_api_base: Option<String>,
    pub(super) ca: Option<PathBuf>,
}

/// `[public]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Public {
    pub(super) base_url: Option<String>,
}
