//! The checks of the values in the configuration file.

use std::path::{Path, PathBuf};

use local_wechat::{PushMode, SignType};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer,
    pem::{self, PemObject},
};

use super::{ConfigError, PlatformKey, file};

pub(super) fn app_id(key: &str, value: String) -> Result<String, ConfigError> {
    let is_valid = value.strip_prefix("wx").is_some_and(|rest| {
        (4..=30).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    accept_if(is_valid, key, value, "an appid as the WeChat console shows it: wx and 16 hexadecimal digits")
}

pub(super) fn mch_id(key: &str, value: String) -> Result<String, ConfigError> {
    let is_valid = (1..=32).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
    accept_if(is_valid, key, value, "a merchant number: digits, in quotes")
}

/// A secret. Only its characters are checked.
pub(super) fn secret(key: &str, value: String) -> Result<String, ConfigError> {
    let is_valid = !value.is_empty() && value.bytes().all(|b| b.is_ascii_graphic());
    accept_if(is_valid, key, value, "not empty and without blanks: copy it as the WeChat console shows it")
}

/// The merchant's key for APIv2 or APIv3.
pub(super) fn api_key(key: &str, value: String) -> Result<String, ConfigError> {
    let is_valid = value.len() == 32 && value.bytes().all(|b| b.is_ascii_graphic());
    accept_if(is_valid, key, value, "32 characters, as the merchant console takes them")
}

pub(super) fn serial_no(key: &str, value: String) -> Result<String, ConfigError> {
    let is_valid = (1..=64).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_hexdigit());
    accept_if(is_valid, key, value, "the merchant certificate's serial number: hexadecimal digits")
}

pub(super) fn push_token(key: &str, value: String) -> Result<String, ConfigError> {
    let is_valid = (3..=32).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_alphanumeric());
    accept_if(is_valid, key, value, "3 to 32 letters and digits")
}

pub(super) fn encoding_aes_key(key: &str, value: String) -> Result<String, ConfigError> {
    let is_valid = value.len() == 43 && value.bytes().all(|b| b.is_ascii_alphanumeric());
    accept_if(is_valid, key, value, "the 43 letters and digits of the EncodingAESKey")
}

/// Whether pushed messages are encrypted.
pub(super) fn push_mode(key: &str, value: &str) -> Result<PushMode, ConfigError> {
    match value {
        "plain" => Ok(PushMode::Plain),
        "secure" => Ok(PushMode::Secure),
        _ => Err(ConfigError::Value { key: key.to_owned(), expected: "\"plain\" or \"secure\"" }),
    }
}

pub(super) fn sign_type(key: &str, value: &str) -> Result<SignType, ConfigError> {
    let known = [SignType::Md5, SignType::HmacSha256].into_iter().find(|known| known.as_str() == value);
    known.ok_or_else(|| ConfigError::Value { key: key.to_owned(), expected: "\"MD5\" or \"HMAC-SHA256\"" })
}

/// The version of WeChat Pay's API. An unknown version is refused, because the versions differ in every request.
pub(super) fn api(key: &str, value: &str) -> Result<&'static str, ConfigError> {
    match value {
        "v2" => Ok("v2"),
        "v3" => Ok("v3"),
        _ => Err(ConfigError::Value { key: key.to_owned(), expected: "\"v2\" or \"v3\"" }),
    }
}

pub(super) fn max_unpaid(key: &str, value: u32) -> Result<u32, ConfigError> {
    let known = Some(value).filter(|value| (1..=100).contains(value));
    known.ok_or_else(|| ConfigError::Value { key: key.to_owned(), expected: "a number from 1 to 100" })
}

/// A host with or without a port.
pub(super) fn host(key: &str, value: String) -> Result<String, ConfigError> {
    let (host, port) =
        value.split_once(':').map_or((value.as_str(), None), |(host, port)| (host, Some(port)));
    let is_host = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
    let is_valid = !host.is_empty()
        && host.bytes().all(is_host)
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number.to_string() == port));
    accept_if(is_valid, key, value, "a list of hosts, such as shop.example.com or 192.168.1.5:8080")
}

/// An address without a path. A slash at its end is removed.
pub(super) fn base(key: &str, value: &str) -> Result<String, ConfigError> {
    let value = value.strip_suffix('/').unwrap_or(value);
    let host = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
    let is_valid = host.is_some_and(|host| {
        !host.is_empty() && host.bytes().all(|b| b.is_ascii_graphic() && !b"/?#@\\".contains(&b))
    });
    let expected = "an address without a path, such as https://api.example.com";
    accept_if(is_valid, key, value.to_owned(), expected)
}

pub(super) fn certificates(
    key: &str,
    folder: &Path,
    file: PathBuf,
) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let path = folder.join(file);
    let found = CertificateDer::pem_file_iter(&path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found =
        found.and_then(|found| if found.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(found) });
    found.map_err(|source| pem_error(key, path, "at least one certificate", source))
}

/// The text of a file with a private key.
pub(super) fn private_key(key: &str, folder: &Path, file: PathBuf) -> Result<String, ConfigError> {
    let path = folder.join(file);
    let text = read(key, &path, "a private key")?;
    match PrivateKeyDer::from_pem_slice(text.as_bytes()) {
        Ok(_) => Ok(text),
        Err(source) => Err(pem_error(key, path, "a private key", source)),
    }
}

/// The text of a file with a certificate.
pub(super) fn certificate(key: &str, folder: &Path, file: PathBuf) -> Result<String, ConfigError> {
    let path = folder.join(file);
    let text = read(key, &path, "a certificate")?;
    match CertificateDer::from_pem_slice(text.as_bytes()) {
        Ok(_) => Ok(text),
        Err(source) => Err(pem_error(key, path, "a certificate", source)),
    }
}

fn read(key: &str, path: &Path, expected: &'static str) -> Result<String, ConfigError> {
    let text = std::fs::read_to_string(path);
    text.map_err(|error| pem_error(key, path.to_owned(), expected, pem::Error::Io(error)))
}

/// A key of WeChat Pay: a platform certificate or its public key.
pub(super) fn platform_key(
    key: &str,
    folder: &Path,
    entry: file::PlatformKeyEntry,
) -> Result<PlatformKey, ConfigError> {
    let is_valid = !entry.id.is_empty() && entry.id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let id =
        accept_if(is_valid, key, entry.id, "a list of { id, file }, id the serial number or PUB_KEY_ID_…")?;
    let path = folder.join(entry.file);
    let pem = read(key, &path, "a certificate or a public key")?;
    let found = CertificateDer::from_pem_slice(pem.as_bytes())
        .map(drop)
        .or_else(|_| SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).map(drop));
    match found {
        Ok(()) => Ok(PlatformKey { id, pem }),
        Err(source) => Err(pem_error(key, path, "a certificate or a public key", source)),
    }
}

fn accept_if(
    is_valid: bool,
    key: &str,
    value: String,
    expected: &'static str,
) -> Result<String, ConfigError> {
    if is_valid { Ok(value) } else { Err(ConfigError::Value { key: key.to_owned(), expected }) }
}

fn pem_error(key: &str, path: PathBuf, expected: &'static str, source: pem::Error) -> ConfigError {
    ConfigError::Pem { key: key.to_owned(), path, expected, source }
}
