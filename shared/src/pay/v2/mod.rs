//! WeChat Pay APIv2: XML, signed with the APIv2 key (微信支付 APIv2 接口规则).

mod api;
mod bill;
mod notice;
mod refund;
mod sign;
mod transport;
mod verified;
mod xml;

pub(super) use api::{close, pay_params, prepay, query};
pub(super) use bill::bill;
pub(super) use notice::receive;
pub(super) use refund::{ask as query_refund, refunds_of, request as refund};
pub use sign::{SignType, SignTypeError, sign};
pub use xml::{Fields, XmlError, read, write};
