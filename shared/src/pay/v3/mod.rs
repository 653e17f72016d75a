//! WeChat Pay APIv3: JSON, signed with RSA (微信支付 APIv3 接口规则).

mod api;
mod bill;
mod certificates;
mod complaint;
mod keys;
mod notice;
mod optional;
mod refund;
mod transport;
mod verify;

pub(super) use api::{close, pay_params, prepay, query};
pub(super) use bill::bill;
#[cfg(test)]
pub(crate) use certificates::NoCertificates;
pub(crate) use certificates::PlatformKeys;
pub use certificates::{CertificateStore, SignedCertificates};
pub(super) use complaint::{
    approve_refund, complaint, complaints, complete as complete_complaint, history, open_phone,
    reject_refund, reply, set_url,
};
pub(super) use notice::receive;
pub(super) use refund::{ask as query_refund, redirect as redirect_refund, request as refund};
pub use verify::SignatureError;
