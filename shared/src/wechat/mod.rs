//! WeChat's open platform: a client, its error numbers, and a file per API family.

pub mod analysis;
mod card_ext;
mod client;
mod content_check;
pub mod customer_message;
mod error;
mod js_sdk;
mod login;
pub mod loose_json;
pub mod media;
mod media_check;
mod open_data;
pub mod push;
pub mod shipping;
mod soter;
pub mod subscribe;
#[cfg(test)]
mod tests;

pub use card_ext::CardExt;
pub use client::{Client, UploadFile, WeChatCall};
pub use content_check::{CheckScene, Suggestion, TextCheck, Verdict};
pub use error::{Errcode, ErrcodeClass, WeChatError};
pub use js_sdk::{PageSignature, PageUrl, PageUrlError, parse_host};
pub use login::{Login, LoginClient, LoginError};
pub use media_check::{MediaKind, MediaToCheck};
pub use open_data::{OpenDataError, Watermark, decrypt, raw_data_is_genuine};
pub use soter::SoterResult;
