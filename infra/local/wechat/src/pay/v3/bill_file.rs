//! `GET /v3/billdownload/file`: a bill. The request is signed, the answer is not.
//!
//! Documentation: "Download bill" (下载账单) of Pay v3.

use http::Method;

use super::envelope::{self, Request, Success};
use super::refusal::Refusal;
use crate::faults::Fault;
use crate::upstream::{Answer, Received};
use crate::wechat::WeChat;

pub(crate) fn answer(wechat: &WeChat, received: &Received, fault: Option<&Fault>) -> Answer {
    envelope::answer(wechat, received, fault, &Method::GET, judge)
}

fn judge(wechat: &WeChat, request: &Request<'_>) -> Result<Success, Refusal> {
    let token = request.received.query("token").unwrap_or_default();
    let now = wechat.now();
    let file = wechat.state().bills.file(token, now);
    file.map(Success::File).ok_or_else(|| Refusal::new("RESOURCE_NOT_EXISTS", "下载链接不存在或已过期"))
}
