//! The configuration file: lets the same program serve WeChat's real platform, or another simulator.
//!
//! Every key is optional; what is absent comes from the built-in simulator's account. An unknown key is an error that names
//! it, a wrong value is an error that says what to write. Relative file names are looked up beside the file.

mod check;
mod error;
mod file;

use std::path::Path;

use local_wechat::{Account, SignType};
use rustls::pki_types::CertificateDer;

pub use self::error::ConfigError;
use self::file::{File, Merchant, MessagePush, OfficialAccount};

/// What the configuration file says.
#[derive(Debug, Clone)]
pub struct Config {
    /// The mini program and its merchant.
    pub account: Account,
    /// Whether there is an official account, for cards. The built-in simulator has one; another platform has it if the file
    /// names it.
    pub has_official_account: bool,
    /// Which of WeChat Pay's interfaces is called, `v2` or `v3`; `None` leaves it to the template.
    pub pay_api: Option<&'static str>,
    /// How Pay APIv2 is signed; `None` leaves it to the template.
    pub sign_type: Option<SignType>,
    /// How many unpaid orders a user can have at a time; `None` leaves it to the template.
    pub max_unpaid: Option<u32>,
    /// WeChat Pay's keys that are not downloaded.
    pub platform_keys: Vec<PlatformKey>,
    /// The private key of the client certificate, if it is not the merchant's own: PEM.
    pub client_key: Option<String>,
    /// WeChat's open platform; `None` is the built-in simulator.
    pub wechat_api_base: Option<String>,
    /// WeChat Pay; `None` is the built-in simulator.
    pub pay_api_base: Option<String>,
    /// What the functions' HTTP client trusts besides the public certificate authorities.
    pub roots: Vec<CertificateDer<'static>>,
    /// What `notify_url` is built from; `None` is the address the program listens on.
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
            pay_api: None,
            sign_type: None,
            max_unpaid: None,
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
    /// It can't be read, or says something wrong.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::parse(&text, path.parent().unwrap_or_else(|| Path::new("")))
    }

    /// Reads the text; relative file names in it are looked up in `folder`.
    ///
    /// # Errors
    /// It says something wrong.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, ConfigError> {
        let File { mini_program, official_account, merchant, orders, message_push, upstream, public } =
            parse(text)?;
        check_message_push(message_push)?;
        let mut account = Account::default();
        if let Some(value) = mini_program.app_id {
            account.app_id = check::app_id("mini_program.app_id", value)?;
        }
        if let Some(value) = mini_program.app_secret {
            account.app_secret = check::secret("mini_program.app_secret", value)?;
        }
        let own_platform = upstream.wechat_api_base.is_none();
        let has_official_account = read_official_account(&mut account, official_account, own_platform)?;
        let Payments { pay_api, sign_type, platform_keys, client_key } =
            read_merchant(&mut account, merchant, folder)?;
        let base = |key, value: Option<String>| value.map(|value| check::base(key, &value)).transpose();
        let roots = upstream.ca.map(|file| check::certificates("upstream.ca", folder, file)).transpose()?;
        Ok(Self {
            account,
            has_official_account,
            pay_api,
            sign_type,
            max_unpaid: orders
                .max_unpaid
                .map(|value| check::max_unpaid("orders.max_unpaid", value))
                .transpose()?,
            platform_keys,
            client_key,
            wechat_api_base: base("upstream.wechat_api_base", upstream.wechat_api_base)?,
            pay_api_base: base("upstream.pay_api_base", upstream.pay_api_base)?,
            roots: roots.unwrap_or_default(),
            public_base_url: base("public.base_url", public.base_url)?,
        })
    }

    /// Whether the built-in simulator is anybody's upstream.
    pub(crate) fn uses_simulator(&self) -> bool {
        self.wechat_api_base.is_none() || self.pay_api_base.is_none()
    }
}

fn parse(text: &str) -> Result<File, ConfigError> {
    let reader = toml::Deserializer::parse(text).map_err(|error| form(text, "", &error))?;
    serde_path_to_error::deserialize(reader)
        .map_err(|error| form(text, &error.path().to_string(), error.inner()))
}

fn form(text: &str, path: &str, error: &toml::de::Error) -> ConfigError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let key = if ["", "."].contains(&path) { String::new() } else { format!("{path}: ") };
    ConfigError::Form { line: before.matches('\n').count() + 1, key, problem: error.message().to_owned() }
}

/// Whether there is an official account after all.
fn read_official_account(
    account: &mut Account,
    given: OfficialAccount,
    own_platform: bool,
) -> Result<bool, ConfigError> {
    let named = given.app_id.is_some();
    if let Some(value) = given.app_id {
        account.official_app_id = check::app_id("official_account.app_id", value)?;
    }
    if let Some(value) = given.app_secret {
        account.official_app_secret = check::secret("official_account.app_secret", value)?;
    }
    Ok(named || own_platform)
}

/// What `[merchant]` says beside the account.
struct Payments {
    pay_api: Option<&'static str>,
    sign_type: Option<SignType>,
    platform_keys: Vec<PlatformKey>,
    client_key: Option<String>,
}

fn read_merchant(account: &mut Account, merchant: Merchant, folder: &Path) -> Result<Payments, ConfigError> {
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
    Ok(Payments {
        pay_api: merchant.api.map(|value| check::api("merchant.api", &value)).transpose()?,
        sign_type: merchant
            .sign_type
            .map(|value| check::sign_type("merchant.sign_type", &value))
            .transpose()?,
        platform_keys: platform_keys.collect::<Result<_, _>>()?,
        client_key: client_key.transpose()?,
    })
}

/// Nothing uses these yet; a mistake in them shows now all the same.
fn check_message_push(push: MessagePush) -> Result<(), ConfigError> {
    optional(push.token, |value| check::push_token("message_push.token", value))?;
    optional(push.encoding_aes_key, |value| check::encoding_aes_key("message_push.encoding_aes_key", value))?;
    optional(push.mode, |value| check::push_mode("message_push.mode", value))
}

fn optional<T, R>(
    value: Option<T>,
    check: impl FnOnce(T) -> Result<R, ConfigError>,
) -> Result<(), ConfigError> {
    value.map_or(Ok(()), |value| check(value).map(drop))
}

#[cfg(test)]
mod tests;
