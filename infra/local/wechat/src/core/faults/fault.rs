//! The faults that can be set, by name.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::core::refund_status::RefundStatus;
use crate::core::verdict::Suggest;

/// A way in which WeChat misbehaves. In JSON: `{"fault": "<name in snake case>", …fields}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// WeChat is busy: errcode -1, `SYSTEMERROR` from Pay v2 or `SYSTEM_ERROR` from v3. The request has no effect.
    Busy {
        /// The path of the server API, for example `/sns/jscode2session`. A path with a placeholder is written like its route:
        /// `/v3/pay/transactions/out-trade-no/{out_trade_no}`.
        path: String,
        /// The number of requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// The platform answers this errcode. The request has no effect.
    Errcode {
        /// The path of the server API.
        path: String,
        /// The errcode to answer.
        errcode: i64,
        /// The number of requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// WeChat Pay answers this code: v2 as `err_code` with `result_code` FAIL, v3 as `code`. The request has no effect.
    ErrCode {
        /// The path of the server API.
        path: String,
        /// The code to answer, for example `NOTENOUGH`.
        err_code: String,
        /// The number of requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// The request has no effect. The connection closes after `millis`, without an answer.
    TimeoutBefore {
        /// The path of the server API.
        path: String,
        /// How long the connection stays open, in real milliseconds.
        #[serde(default)]
        millis: u64,
        /// The number of requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// The request takes effect; after `millis` the connection closes without an answer.
    TimeoutAfter {
        /// The path of the server API.
        path: String,
        /// How long the connection stays open, in real milliseconds.
        #[serde(default)]
        millis: u64,
        /// The number of requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// A gateway in front of WeChat answers with this status and a page of HTML. The request has no effect.
    HttpStatus {
        /// The path of the server API.
        path: String,
        /// The HTTP status, for example 502.
        status: u16,
        /// The number of requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// Status 200 and a body that is neither JSON nor XML. The request has no effect.
    Garbage {
        /// The path of the server API.
        path: String,
        /// The number of requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// Status 200 and exactly this body. The request has no effect.
    Body {
        /// The path of the server API.
        path: String,
        /// The body, for example JSON in one of WeChat's unusual forms.
        body: String,
        /// The number of requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// The connection closes at once without an answer. The request takes effect `millis` later, so that a query in between shows
    /// no effect.
    LateEffect {
        /// The path of the server API.
        path: String,
        /// The time between closing and effect, in real milliseconds.
        millis: u64,
        /// The number of requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// The data that the phone gets encrypted is JSON in the looser form that WeChat sometimes writes: raw control characters in
    /// the texts, a byte-order mark before them, NULs behind.
    LooseOpenData {
        /// The number of uses.
        #[serde(default = "once")]
        times: u32,
    },
    /// The request takes effect; WeChat Pay's answer carries a wrong signature.
    BadSign {
        /// The path of the server API.
        path: String,
        /// The number of requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// The request takes effect. Its answer is sent after every notice and push that is under way was delivered, so that what
    /// follows from the request arrives before its answer.
    AnswerAfterNotices {
        /// The path of the server API.
        path: String,
        /// The number of requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// The notice or push is never delivered, and never redelivered.
    NoticeLost {
        /// The number of notices.
        #[serde(default = "once")]
        times: u32,
    },
    /// The notice arrives `copies` more times, all at once.
    NoticeDuplicate {
        /// The number of copies beside the notice itself.
        #[serde(default = "once")]
        copies: u32,
        /// The number of notices.
        #[serde(default = "once")]
        times: u32,
    },
    /// The first delivery of a notice is delayed.
    NoticeDelayed {
        /// The delay, in real milliseconds.
        millis: u64,
        /// The number of notices.
        #[serde(default = "once")]
        times: u32,
    },
    /// A copy with a wrong signature is sent before the genuine notice.
    NoticeForged {
        /// The number of notices.
        #[serde(default = "once")]
        times: u32,
    },
    /// The first delivery of a notice has half of its body. Its headers sign the whole body.
    NoticeCut {
        /// The number of notices.
        #[serde(default = "once")]
        times: u32,
    },
    /// The notice is held back until the next notice was delivered once.
    NoticeReordered {
        /// The number of notices.
        #[serde(default = "once")]
        times: u32,
    },
    /// A copy in the other form is sent before the push: not encrypted in secure mode, encrypted in plain mode. Its signatures are
    /// genuine.
    PushOtherForm {
        /// The number of pushes.
        #[serde(default = "once")]
        times: u32,
    },
    /// The query of a push is sent once more after it, with another body. In plain mode no signature covers the body.
    PushReplayed {
        /// The fields of the message that differ.
        fields: Map<String, Value>,
        /// The number of pushes.
        #[serde(default = "once")]
        times: u32,
    },
    /// Pay v3 sends a signature that begins with `WECHATPAY/SIGNTEST/`. If this is an answer, the request has taken effect. If
    /// this is a notice, a genuine delivery follows, and an acknowledged probe is listed by
    /// [`Simulator::accepted_probes`](crate::Simulator::accepted_probes).
    SignatureProbe {
        /// The path of Pay v3 whose answer is affected; the next v3 notice if absent.
        path: Option<String>,
        /// The number of answers or notices.
        #[serde(default = "once")]
        times: u32,
    },
    /// Pay v3's clock is wrong: Pay v3 checks the request's timestamp by this clock and writes its time into the answer or the
    /// first delivery of a notice. So does a push. The signature is genuine.
    ClockSkew {
        /// The path of Pay v3; the next v3 notice or push if absent.
        path: Option<String>,
        /// The seconds by which the clock is fast; negative if it is slow.
        seconds: i64,
        /// The number of answers or notices.
        #[serde(default = "once")]
        times: u32,
    },
    /// The platform certificate is replaced just before an answer or a notice of Pay v3, and stays replaced.
    KeyRotation {
        /// The path of Pay v3; the next v3 notice if absent.
        path: Option<String>,
        /// The number of answers or notices. There is no third certificate.
        #[serde(default = "once")]
        times: u32,
    },
    /// An accepted refund ends with this status instead of SUCCESS.
    RefundOutcome {
        /// `SUCCESS`, `ABNORMAL` (v2: CHANGE) or `CLOSED` (v2: REFUNDCLOSE).
        status: RefundStatus,
        /// The number of refunds.
        #[serde(default = "once")]
        times: u32,
    },
    /// A refund that is accepted stays PROCESSING until
    /// [`Simulator::finish_refund`](crate::Simulator::finish_refund).
    RefundStalled {
        /// The number of refunds.
        #[serde(default = "once")]
        times: u32,
    },
    /// The merchant's balance does not suffice for a refund: `NOTENOUGH`, `NOT_ENOUGH`.
    RefundBalance {
        /// The number of refunds.
        #[serde(default = "once")]
        times: u32,
    },
    /// The requested bill is not generated yet.
    BillNotReady {
        /// The number of requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// WeChat Pay answers that there is no bill, as for a day without transactions.
    BillNone {
        /// The number of requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// Half of the bill is missing: v3's hash does not match, a compressed file cannot be unpacked, and v2's bill has no summary.
    BillCorrupt {
        /// The number of bills.
        #[serde(default = "once")]
        times: u32,
    },
    /// All access tokens are revoked just before the next request with an access token, which therefore gets 40001.
    TokenRevoked {
        /// The path of the server API; any API with an `access_token` if absent.
        path: Option<String>,
        /// Whether `stable_token` returns the revoked token until a caller sends `force_refresh`.
        #[serde(default)]
        stuck: bool,
        /// The number of requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// The address of the caller is not in the console's whitelist: 40164.
    IpRefused {
        /// The path of the server API, for example `/cgi-bin/stable_token`.
        path: String,
        /// The address the `errmsg` names.
        #[serde(default = "documentation_address")]
        address: String,
        /// The number of requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// The day's quota of calls is used up: 45009.
    Quota {
        /// The path of the server API.
        path: String,
        /// The number of requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// The response is JSON with the picture's content type.
    JsonInsteadOfImage {
        /// The path of the server API.
        path: String,
        /// The errcode in the JSON; 0 is possible and is no picture either.
        #[serde(default)]
        errcode: i64,
        /// The number of requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// The picture has the content type `text/plain`.
    ImageAsTextPlain {
        /// The path of the server API.
        path: String,
        /// The number of requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// The released mini program has no such page (41030), until the faults are cleared.
    PageMissing {
        /// The page, without a leading `/` and without a query.
        page: String,
    },
    /// The account has no such subscribe template (40037 and, on the phone, 20001), until the faults are
    /// cleared.
    TemplateUnknown {
        /// The template.
        template_id: String,
    },
    /// WeChat accepts a subscribe message and does not deliver it, which only its event says.
    MessageUndelivered {
        /// `ErrorCode` of the event.
        #[serde(default = "undelivered_code")]
        error_code: String,
        /// `ErrorStatus` of the event.
        #[serde(default = "undelivered_status")]
        error_status: String,
        /// The number of messages.
        #[serde(default = "once")]
        times: u32,
    },
    /// The next content check, of a text, a picture or a sound, has this result, whatever the content is.
    Verdict {
        /// `pass`, `review` or `risky`.
        suggest: Suggest,
        /// The label; the suggestion's usual one if absent.
        label: Option<u32>,
        /// The number of checks.
        #[serde(default = "once")]
        times: u32,
    },
    /// The verdict on a picture or a sound waits until
    /// [`Simulator::finish_media_check`](crate::Simulator::finish_media_check).
    VerdictStalled {
        /// The number of checks.
        #[serde(default = "once")]
        times: u32,
    },
    /// The paid quota of phone numbers is used up: `getPhoneNumber` fails on the phone with 1400001.
    PhoneQuota {
        /// The number of taps on the button.
        #[serde(default = "once")]
        times: u32,
    },
    /// WeChat's risk control refuses the user's login (40226), until the faults are cleared.
    LoginBlocked {
        /// The user.
        openid: String,
    },
}

impl Fault {
    /// The name in JSON.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Busy { .. } => "busy",
            Self::Errcode { .. } => "errcode",
            Self::ErrCode { .. } => "err_code",
            Self::TimeoutBefore { .. } => "timeout_before",
            Self::TimeoutAfter { .. } => "timeout_after",
            Self::HttpStatus { .. } => "http_status",
            Self::Garbage { .. } => "garbage",
            Self::Body { .. } => "body",
            Self::LateEffect { .. } => "late_effect",
            Self::LooseOpenData { .. } => "loose_open_data",
            Self::BadSign { .. } => "bad_sign",
            Self::NoticeLost { .. } => "notice_lost",
            Self::NoticeDuplicate { .. } => "notice_duplicate",
            Self::NoticeDelayed { .. } => "notice_delayed",
            Self::NoticeForged { .. } => "notice_forged",
            Self::NoticeCut { .. } => "notice_cut",
            Self::NoticeReordered { .. } => "notice_reordered",
            Self::AnswerAfterNotices { .. } => "answer_after_notices",
            Self::PushOtherForm { .. } => "push_other_form",
            Self::PushReplayed { .. } => "push_replayed",
            Self::SignatureProbe { .. } => "signature_probe",
            Self::ClockSkew { .. } => "clock_skew",
            Self::KeyRotation { .. } => "key_rotation",
            Self::RefundOutcome { .. } => "refund_outcome",
            Self::RefundStalled { .. } => "refund_stalled",
            Self::RefundBalance { .. } => "refund_balance",
            Self::BillNotReady { .. } => "bill_not_ready",
            Self::BillNone { .. } => "bill_none",
            Self::BillCorrupt { .. } => "bill_corrupt",
            Self::TokenRevoked { .. } => "token_revoked",
            Self::IpRefused { .. } => "ip_refused",
            Self::Quota { .. } => "quota",
            Self::JsonInsteadOfImage { .. } => "json_instead_of_image",
            Self::ImageAsTextPlain { .. } => "image_as_text_plain",
            Self::PageMissing { .. } => "page_missing",
            Self::TemplateUnknown { .. } => "template_unknown",
            Self::MessageUndelivered { .. } => "message_undelivered",
            Self::Verdict { .. } => "verdict",
            Self::VerdictStalled { .. } => "verdict_stalled",
            Self::PhoneQuota { .. } => "phone_quota",
            Self::LoginBlocked { .. } => "login_blocked",
        }
    }

    pub(super) fn path(&self) -> Option<&str> {
        match self {
            Self::Busy { path, .. }
            | Self::Errcode { path, .. }
            | Self::ErrCode { path, .. }
            | Self::TimeoutBefore { path, .. }
            | Self::TimeoutAfter { path, .. }
            | Self::HttpStatus { path, .. }
            | Self::Garbage { path, .. }
            | Self::Body { path, .. }
            | Self::LateEffect { path, .. }
            | Self::AnswerAfterNotices { path, .. }
            | Self::BadSign { path, .. }
            | Self::IpRefused { path, .. }
            | Self::JsonInsteadOfImage { path, .. }
            | Self::ImageAsTextPlain { path, .. }
            | Self::Quota { path, .. } => Some(path),
            Self::TokenRevoked { path, .. }
            | Self::SignatureProbe { path, .. }
            | Self::ClockSkew { path, .. }
            | Self::KeyRotation { path, .. } => path.as_deref(),
            _ => None,
        }
    }

    pub(super) fn times(&self) -> Option<u32> {
        self.clone().times_mut().copied()
    }

    pub(super) fn times_mut(&mut self) -> Option<&mut u32> {
        match self {
            Self::Busy { times, .. }
            | Self::Errcode { times, .. }
            | Self::ErrCode { times, .. }
            | Self::TimeoutBefore { times, .. }
            | Self::TimeoutAfter { times, .. }
            | Self::HttpStatus { times, .. }
            | Self::Garbage { times, .. }
            | Self::Body { times, .. }
            | Self::LateEffect { times, .. }
            | Self::AnswerAfterNotices { times, .. }
            | Self::LooseOpenData { times }
            | Self::BadSign { times, .. }
            | Self::TokenRevoked { times, .. }
            | Self::SignatureProbe { times, .. }
            | Self::ClockSkew { times, .. }
            | Self::KeyRotation { times, .. }
            | Self::RefundOutcome { times, .. }
            | Self::RefundStalled { times }
            | Self::RefundBalance { times }
            | Self::BillNotReady { times }
            | Self::BillNone { times }
            | Self::BillCorrupt { times }
            | Self::IpRefused { times, .. }
            | Self::JsonInsteadOfImage { times, .. }
            | Self::ImageAsTextPlain { times, .. }
            | Self::Quota { times, .. }
            | Self::MessageUndelivered { times, .. }
            | Self::Verdict { times, .. }
            | Self::VerdictStalled { times }
            | Self::PhoneQuota { times }
            | Self::NoticeLost { times }
            | Self::NoticeDuplicate { times, .. }
            | Self::NoticeDelayed { times, .. }
            | Self::NoticeForged { times }
            | Self::NoticeCut { times }
            | Self::NoticeReordered { times }
            | Self::PushOtherForm { times }
            | Self::PushReplayed { times, .. } => Some(times),
            Self::LoginBlocked { .. } | Self::PageMissing { .. } | Self::TemplateUnknown { .. } => None,
        }
    }
}

fn once() -> u32 {
    1
}

/// The errcode of a user who refuses messages.
fn undelivered_code() -> String {
    "43101".to_owned()
}

fn undelivered_status() -> String {
    "user refuse to accept the msg".to_owned()
}

/// An address that RFC 5737 reserves for documentation.
fn documentation_address() -> String {
    "203.0.113.9".to_owned()
}
