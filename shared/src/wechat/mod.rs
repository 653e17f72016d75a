//! WeChat's open platform: a client, its error numbers, and a file per API family.

mod client;
mod error;
mod login;
mod open_data;

pub use client::{Client, Repeat};
pub use error::{Class, Errcode, WeChatError};
pub use login::{Login, LoginClient, LoginError};
pub use open_data::{OpenDataError, Watermark, decrypt, raw_data_is_genuine};
