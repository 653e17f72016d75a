//! What a subscribe message (订阅消息) consists of: keywords, page, language and version of the mini program.
//!
//! WeChat: 发送订阅消息 (`subscribeMessage.send`), 小程序模板消息参数值内容限制说明.

mod keyword;
mod message;

pub use message::{Data, DataError, Lang, Message, Page, State};
