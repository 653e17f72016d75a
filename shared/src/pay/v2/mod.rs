//! WeChat Pay APIv2: XML, signed with the APIv2 key (微信支付 APIv2 接口规则).

mod api;
mod notice;
mod sign;
mod transport;
mod xml;

pub(super) use api::{close, pay_params, prepay, query};
pub use notice::{Notice, NoticeError, Receiver};
pub use sign::{SignType, SignTypeError, sign};
pub(super) use transport::Transport;
pub use xml::{Fields, XmlError, read, write};
