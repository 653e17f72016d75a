//! What can go wrong.

use serde::{Deserialize, Serialize};

use crate::core::refund_status::RefundStatus;

/// One thing that goes wrong. In JSON: `{"fault": "<name in snake case>", …fields}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// WeChat is busy: errcode -1, `SYSTEMERROR` from Pay v2 or `SYSTEM_ERROR` from v3. Nothing happens upstream.
    Busy {
        /// The upstream path, for example `/sns/jscode2session`. A path with a variable part is given as
        /// the route is written: `/v3/pay/transactions/out-trade-no/{out_trade_no}`.
        path: String,
        /// How many requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// The platform answers this errcode and does nothing.
    Errcode {
        /// The upstream path.
        path: String,
        /// The errcode to answer.
        errcode: i64,
        /// How many requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// WeChat Pay answers `result_code` FAIL with this code, or v3's refusal with it, and does nothing.
    ErrCode {
        /// The upstream path.
        path: String,
        /// The code to answer, for example `NOTENOUGH`.
        err_code: String,
        /// How many requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// Nothing happens upstream; after `millis` the connection closes without an answer.
    TimeoutBefore {
        /// The upstream path.
        path: String,
        /// How long the connection hangs, in real milliseconds.
        #[serde(default)]
        millis: u64,
        /// How many requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// The request takes effect; after `millis` the connection closes without an answer.
    TimeoutAfter {
        /// The upstream path.
        path: String,
        /// How long the connection hangs, in real milliseconds.
        #[serde(default)]
        millis: u64,
        /// How many requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// A gateway in front of WeChat answers with this status and a page of HTML. Nothing happens upstream.
    HttpStatus {
        /// The upstream path.
        path: String,
        /// The HTTP status, for example 502.
        status: u16,
        /// How many requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// Status 200 and a body that is neither JSON nor XML of WeChat. Nothing happens upstream.
    Garbage {
        /// The upstream path.
        path: String,
        /// How many requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// Status 200 and exactly this body. Nothing happens upstream.
    Body {
        /// The upstream path.
        path: String,
        /// The body: JSON in a form that WeChat sends at times, or not JSON at all.
        body: String,
        /// How many requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// The connection closes at once without an answer; the request takes effect `millis` later, when whoever sent it may have
    /// looked and seen nothing.
    LateEffect {
        /// The upstream path.
        path: String,
        /// How long after the connection closed, in real milliseconds.
        millis: u64,
        /// How many requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// What the phone gets encrypted is JSON in the looser form that WeChat writes at times: control characters raw in the texts,
    /// a byte-order mark before it, NULs behind.
    LooseOpenData {
        /// How many times.
        #[serde(default = "once")]
        times: u32,
    },
    /// The request takes effect; WeChat Pay's answer carries a wrong signature.
    BadSign {
        /// The upstream path.
        path: String,
        /// How many requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// The notice of a payment or a refund never arrives, nor does any redelivery of it.
    NoticeLost {
        /// How many notices.
        #[serde(default = "once")]
        times: u32,
    },
    /// The notice arrives `copies` more times, all at once.
    NoticeDuplicate {
        /// How many copies beside the notice itself.
        #[serde(default = "once")]
        copies: u32,
        /// How many notices.
        #[serde(default = "once")]
        times: u32,
    },
    /// The first delivery of a notice waits.
    NoticeDelayed {
        /// How long, in real milliseconds.
        millis: u64,
        /// How many notices.
        #[serde(default = "once")]
        times: u32,
    },
    /// A copy with a wrong signature is sent before the genuine notice.
    NoticeForged {
        /// How many notices.
        #[serde(default = "once")]
        times: u32,
    },
    /// The first delivery of a notice arrives with half of its body; its headers sign the whole.
    NoticeCut {
        /// How many notices.
        #[serde(default = "once")]
        times: u32,
    },
    /// The notice is held back until the next notice was delivered once.
    NoticeReordered {
        /// How many notices.
        #[serde(default = "once")]
        times: u32,
    },
    /// Pay v3 sends a signature that begins with `WECHATPAY/SIGNTEST/`. As an answer the request has taken
    /// effect; as a notice the right one follows, and an accepted probe is told by
    /// [`Simulator::accepted_probes`](crate::Simulator::accepted_probes).
    SignatureProbe {
        /// The path of Pay v3 whose answer it is; the next v3 notice if absent.
        path: Option<String>,
        /// How many answers or notices.
        #[serde(default = "once")]
        times: u32,
    },
    /// Pay v3's clock is off: it judges the request by it and stamps the answer, or the first delivery of a
    /// notice, with it. The signature is genuine.
    ClockSkew {
        /// The path of Pay v3 that is called; the next v3 notice if absent.
        path: Option<String>,
        /// How far ahead, in seconds; behind if negative.
        seconds: i64,
        /// How many exchanges.
        #[serde(default = "once")]
        times: u32,
    },
    /// The platform certificate is replaced just before an answer or a notice of Pay v3, for good.
    KeyRotation {
        /// The path of Pay v3 that is called; the next v3 notice if absent.
        path: Option<String>,
        /// How many exchanges; there is no third certificate.
        #[serde(default = "once")]
        times: u32,
    },
    /// What becomes of a refund that is accepted, instead of SUCCESS.
    RefundOutcome {
        /// `SUCCESS`, `ABNORMAL` (v2: CHANGE) or `CLOSED` (v2: REFUNDCLOSE).
        status: RefundStatus,
        /// How many refunds.
        #[serde(default = "once")]
        times: u32,
    },
    /// A refund that is accepted stays PROCESSING until
    /// [`Simulator::finish_refund`](crate::Simulator::finish_refund).
    RefundStalled {
        /// How many refunds.
        #[serde(default = "once")]
        times: u32,
    },
    /// The merchant's balance does not suffice for a refund: `NOTENOUGH`, `NOT_ENOUGH`.
    RefundBalance {
        /// How many refunds.
        #[serde(default = "once")]
        times: u32,
    },
    /// The bill that is asked for is not generated yet.
    BillNotReady {
        /// How many requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// The bill is said not to exist, as of a day on which nothing happened.
    BillNone {
        /// How many requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// Half of the bill is missing: of v3 the hash does not fit, a compressed one cannot be unpacked, v2's
    /// has no summary.
    BillCorrupt {
        /// How many bills.
        #[serde(default = "once")]
        times: u32,
    },
    /// All access tokens die just before the next request with one, which therefore gets 40001.
    TokenRevoked {
        /// The upstream path; any with an `access_token` if absent.
        path: Option<String>,
        /// Whether `stable_token` gives the dead token until it is asked with `force_refresh`.
        #[serde(default)]
        stuck: bool,
        /// How many requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// The address of the caller is not in the console's whitelist: 40164.
    IpRefused {
        /// The upstream path, for example `/cgi-bin/stable_token`.
        path: String,
        /// The address the `errmsg` names.
        #[serde(default = "documentation_address")]
        address: String,
        /// How many requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// The calls of the day are used up: 45009.
    Quota {
        /// The upstream path.
        path: String,
        /// How many requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// Instead of the picture comes JSON, under the picture's content type.
    JsonInsteadOfImage {
        /// The upstream path.
        path: String,
        /// The errcode in it: 0 is no picture either.
        #[serde(default)]
        errcode: i64,
        /// How many requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// The picture comes as `text/plain`.
    ImageAsTextPlain {
        /// The upstream path.
        path: String,
        /// How many requests.
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
    /// The paid quota of phone numbers is used up: `getPhoneNumber` fails on the phone with 1400001.
    PhoneQuota {
        /// How many taps.
        #[serde(default = "once")]
        times: u32,
    },
    /// WeChat holds the user for a risk and refuses the login (40226), until the faults are cleared.
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
            | Self::PhoneQuota { times }
            | Self::NoticeLost { times }
            | Self::NoticeDuplicate { times, .. }
            | Self::NoticeDelayed { times, .. }
            | Self::NoticeForged { times }
            | Self::NoticeCut { times }
            | Self::NoticeReordered { times } => Some(times),
            Self::LoginBlocked { .. } | Self::PageMissing { .. } | Self::TemplateUnknown { .. } => None,
        }
    }
}

fn once() -> u32 {
    1
}

/// An address that is nobody's.
fn documentation_address() -> String {
    "203.0.113.9".to_owned()
}
