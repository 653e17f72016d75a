//! The configuration file: lets the same program serve WeChat's real platform, or another simulator.
//!
//! Every key is optional; a missing one has the built-in simulator's value. The error for an unknown key names the key, and the
//! error for a wrong value says what to write. Relative file names are relative to the configuration file.

mod check;
mod error;
mod file;

use std::path::Path;

use local_wechat::{Account, PushMode, SignType};
use rustls::pki_types::CertificateDer;

pub use self::error::ConfigError;
use self::file::{ConfigFile, MerchantSection, MessagePushSection, OfficialAccountSection};

/// The configuration file's content.
#[derive(Debug, Clone)]
pub struct Config {
    /// The mini program and its merchant.
    pub account: Account,
    /// Whether there is an official account, for cards. The built-in simulator has one. Another platform has one if the file names it.
    pub has_official_account: bool,
    /// Whether the official account is a test account. The built-in simulator's is one, unless the file says otherwise.
    pub is_test_account: bool,
    /// The hosts whose web pages are signed for; empty leaves it to the template.
    pub jssdk_hosts: Vec<String>,
    /// Whether the mini program may manage nearby places. The built-in simulator's may, unless the file says otherwise.
    pub nearby_enabled: bool,
    /// Which of WeChat Pay's interfaces is called, `v2` or `v3`; `None` leaves it to the template.
    pub pay_api: Option<&'static str>,
    /// How Pay APIv2 is signed; `None` leaves it to the template.
    pub sign_type: Option<SignType>,
    /// How many unpaid orders a user can have at a time; `None` leaves it to the template.
    pub max_unpaid: Option<u32>,
    /// Whether pushed messages are encrypted; `None` leaves it to the template, and the built-in simulator encrypts them.
    pub push_mode: Option<PushMode>,
    /// Whether messages to customer service are handed over to WeChat's agents; `None` leaves it to the template.
    pub customer_service_hand_over: Option<bool>,
    /// What a user is sent who enters the conversation with customer service; `None` leaves it to the template.
    pub customer_welcome_text: Option<String>,
    /// WeChat Pay's keys. Platform certificates that are missing here are downloaded.
    pub platform_keys: Vec<PlatformKey>,
    /// The private key of the client certificate, if it is not the merchant's own: PEM.
    pub client_key: Option<String>,
    /// WeChat's open platform; `None` is the built-in simulator.
    pub wechat_api_base: Option<String>,
    /// WeChat Pay; `None` is the built-in simulator.
    pub pay_api_base: Option<String>,
    /// The certificates that the functions' HTTP client trusts beside the public certificate authorities.
    pub roots: Vec<CertificateDer<'static>>,
    /// The address in `notify_url`; `None` is the address that the program listens on.
    pub public_base_url: Option<String>,
}

/// A key of WeChat Pay's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformKey {
    /// `PUB_KEY_ID_…`, or the serial number of a certificate.
    pub id: String,
    /// The public key or the certificate, in PEM.
    pub pem: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            account: Account::default(),
            has_official_account: true,
            is_test_account: true,
            jssdk_hosts: Vec::new(),
            nearby_enabled: true,
            pay_api: None,
            sign_type: None,
            max_unpaid: None,
            push_mode: None,
            customer_service_hand_over: None,
            customer_welcome_text: None,
            platform_keys: Vec::new(),
            client_key: None,
            wechat_api_base: None,
            pay_api_base: None,
            roots: Vec::new(),
            public_base_url: None,
        }
    }
}

impl Config {
    /// Reads the file.
    ///
    /// # Errors
    /// [`ConfigError`]: the file can't be read, or a key or value is wrong.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::parse(&text, path.parent().unwrap_or_else(|| Path::new("")))
    }

    /// Reads the text; relative file names in it are looked up in `folder`.
    ///
    /// # Errors
    /// [`ConfigError`]: a key or value is wrong.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, ConfigError> {
        let ConfigFile {
            mini_program,
            official_account,
            merchant,
            orders,
            message_push,
            customer_service,
            jssdk,
            nearby,
            upstream,
            public,
        } = parse(text)?;
        let mut account = Account::default();
        let push_mode = read_message_push(&mut account, message_push)?;
        if let Some(value) = mini_program.app_id {
            account.app_id = check::app_id("mini_program.app_id", value)?;
        }
        if let Some(value) = mini_program.app_secret {
            account.app_secret = check::secret("mini_program.app_secret", value)?;
        }
        let own_platform = upstream.wechat_api_base.is_none();
        let is_test_account = official_account.is_test.unwrap_or(own_platform);
        let hosts = jssdk.hosts.into_iter();
        let jssdk_hosts = hosts.map(|host| check::host("jssdk.hosts", host)).collect::<Result<_, _>>()?;
        let has_official_account = read_official_account(&mut account, official_account, own_platform)?;
        let PaymentSettings { pay_api, sign_type, platform_keys, client_key } =
            read_merchant(&mut account, merchant, folder)?;
        let base = |key, value: Option<String>| value.map(|value| check::base(key, &value)).transpose();
        let roots = upstream.ca.map(|file| check::certificates("upstream.ca", folder, file)).transpose()?;
        Ok(Self {
            account,
            has_official_account,
            is_test_account,
            jssdk_hosts,
            nearby_enabled: nearby.enabled.unwrap_or(own_platform),
            pay_api,
            sign_type,
            max_unpaid: orders
                .max_unpaid
                .map(|value| check::max_unpaid("orders.max_unpaid", value))
                .transpose()?,
            push_mode,
            customer_service_hand_over: customer_service.hand_over,
            customer_welcome_text: customer_service.welcome_text,
            platform_keys,
            client_key,
            wechat_api_base: base("upstream.wechat_api_base", upstream.wechat_api_base)?,
            pay_api_base: base("upstream.pay_api_base", upstream.pay_api_base)?,
            roots: roots.unwrap_or_default(),
            public_base_url: base("public.base_url", public.base_url)?,
        })
    }

    /// Whether the built-in simulator is used, for the open platform or for WeChat Pay.
    pub(crate) fn uses_simulator(&self) -> bool {
        self.wechat_api_base.is_none() || self.pay_api_base.is_none()
    }
}

fn parse(text: &str) -> Result<ConfigFile, ConfigError> {
    let reader = toml::Deserializer::parse(text).map_err(|error| form_error(text, "", &error))?;
    serde_path_to_error::deserialize(reader)
        .map_err(|error| form_error(text, &error.path().to_string(), error.inner()))
}

fn form_error(text: &str, path: &str, error: &toml::de::Error) -> ConfigError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let key = if ["", "."].contains(&path) { String::new() } else { format!("{path}: ") };
    ConfigError::Form { line: before.matches('\n').count() + 1, key, problem: error.message().to_owned() }
}

/// Reads `[official_account]`. Returns whether there is an official account.
fn read_official_account(
    account: &mut Account,
    section: OfficialAccountSection,
    own_platform: bool,
) -> Result<bool, ConfigError> {
    let named = section.app_id.is_some();
    if let Some(value) = section.app_id {
        account.official_app_id = check::app_id("official_account.app_id", value)?;
    }
    if let Some(value) = section.app_secret {
        account.official_app_secret = check::secret("official_account.app_secret", value)?;
    }
    Ok(named || own_platform)
}

/// The settings in `[merchant]` that are not part of the account.
struct PaymentSettings {
    pay_api: Option<&'static str>,
    sign_type: Option<SignType>,
    platform_keys: Vec<PlatformKey>,
    client_key: Option<String>,
}

fn read_merchant(
    account: &mut Account,
    merchant: MerchantSection,
    folder: &Path,
) -> Result<PaymentSettings, ConfigError> {
    if let Some(value) = merchant.mch_id {
        account.mch_id = check::mch_id("merchant.mch_id", value)?;
    }
    if let Some(value) = merchant.api_v2_key {
        account.api_v2_key = check::api_key("merchant.api_v2_key", value)?;
    }
    if let Some(value) = merchant.api_v3_key {
        account.api_v3_key = check::api_key("merchant.api_v3_key", value)?;
    }
    if let Some(value) = merchant.serial_no {
        account.merchant_serial_no = check::serial_no("merchant.serial_no", value)?;
    }
    if let Some(file) = merchant.private_key {
        account.merchant_private_key = check::private_key("merchant.private_key", folder, file)?;
    }
    if let Some(file) = merchant.client_cert {
        account.merchant_certificate = check::certificate("merchant.client_cert", folder, file)?;
    }
    let client_key = merchant.client_key;
    let client_key = client_key.map(|file| check::private_key("merchant.client_key", folder, file));
    let platform_keys = merchant.platform_keys.into_iter();
    let platform_keys =
        platform_keys.map(|entry| check::platform_key("merchant.platform_keys", folder, entry));
    Ok(PaymentSettings {
        pay_api: merchant.api.map(|value| check::api("merchant.api", &value)).transpose()?,
        sign_type: merchant
            .sign_type
            .map(|value| check::sign_type("merchant.sign_type", &value))
            .transpose()?,
        platform_keys: platform_keys.collect::<Result<_, _>>()?,
        client_key: client_key.transpose()?,
    })
}

/// Reads `[message_push]`. Returns the mode, if one is named.
fn read_message_push(
    account: &mut Account,
    section: MessagePushSection,
) -> Result<Option<PushMode>, ConfigError> {
    if let Some(value) = section.token {
        account.push_token = check::push_token("message_push.token", value)?;
    }
    if let Some(value) = section.encoding_aes_key {
        account.push_encoding_aes_key = check::encoding_aes_key("message_push.encoding_aes_key", value)?;
    }
    section.mode.map(|value| check::push_mode("message_push.mode", &value)).transpose()
}

#[cfg(test)]
mod tests;
