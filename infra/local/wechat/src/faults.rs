//! What can be made to go wrong, by name.
//!
//! A fault waits for the next matching request (or notice, refund, bill) and is used up after `times` of them.
//! Where several wait for the same request, the one that was set first is used.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::pay::RefundStatus;
use crate::upstream::{self, Family};

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
    /// The notice is held back until the next notice was delivered once.
    NoticeReordered {
        /// How many notices.
        #[serde(default = "once")]
        times: u32,
    },
    /// Pay v3 sends a signature that begins with `WECHATPAY/SIGNTEST/`. As an answer the request has taken
    /// effect; as a notice the right one follows, and an accepted probe is told by
    /// [`WeChat::accepted_probes`](crate::WeChat::accepted_probes).
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
    /// [`WeChat::finish_refund`](crate::WeChat::finish_refund).
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

/// Why a fault was not accepted.
#[derive(Debug, Error)]
pub(crate) enum FaultError {
    /// The JSON is not a fault: an unknown name or a missing, unknown or ill-typed field.
    #[error("not a fault: {0}")]
    NotAFault(#[from] serde_json::Error),
    /// No upstream route has this path, so the fault would never happen.
    #[error("unknown path {path}; known paths: {known}")]
    UnknownPath {
        /// The path that was given.
        path: String,
        /// The known ones.
        known: String,
    },
    /// The fault speaks of the other family of APIs.
    #[error(
        "fault {fault} does not apply to {path}: errcode, ip_refused and quota are the platform's, \
         token_revoked is of APIs with an access_token, json_instead_of_image and image_as_text_plain of \
         those that answer pictures, err_code and bad_sign are Pay's, signature_probe, clock_skew and \
         key_rotation are Pay v3's"
    )]
    WrongFamily {
        /// The fault's name.
        fault: &'static str,
        /// The path.
        path: String,
    },
    /// A number that makes no sense.
    #[error("{0}")]
    OutOfRange(&'static str),
}

impl Fault {
    /// Reads one fault or a list of them, refusing what could never happen.
    pub(crate) fn read(json: Value) -> Result<Vec<Self>, FaultError> {
        let items = match json {
            Value::Array(items) => items,
            single => vec![single],
        };
        let faults: Vec<Self> =
            items.into_iter().map(serde_json::from_value).collect::<Result<_, serde_json::Error>>()?;
        faults.iter().try_for_each(Self::check)?;
        Ok(faults)
    }

    /// Refuses a fault that could never happen.
    pub(crate) fn check(&self) -> Result<(), FaultError> {
        if self.times() == Some(0) {
            return Err(FaultError::OutOfRange("times must be at least 1"));
        }
        if matches!(self, Self::HttpStatus { status, .. } if !(200..=599).contains(status)) {
            return Err(FaultError::OutOfRange("status must be between 200 and 599"));
        }
        if matches!(self, Self::RefundOutcome { status: RefundStatus::Processing, .. }) {
            return Err(FaultError::OutOfRange("status must be SUCCESS, ABNORMAL or CLOSED"));
        }
        if matches!(self, Self::IpRefused { address, .. } if address.parse::<IpAddr>().is_err()) {
            return Err(FaultError::OutOfRange("address must be an IPv4 or IPv6 address"));
        }
        let Some(path) = self.path() else { return Ok(()) };
        let Some(family) = upstream::family_of(path) else {
            return Err(FaultError::UnknownPath {
                path: path.to_owned(),
                known: upstream::known_paths().join(", "),
            });
        };
        let applies = match self {
            Self::Errcode { .. } | Self::IpRefused { .. } | Self::Quota { .. } => !family.is_pay(),
            Self::TokenRevoked { .. } => needs_token(family),
            Self::JsonInsteadOfImage { .. } | Self::ImageAsTextPlain { .. } => family == Family::Picture,
            Self::ErrCode { .. } | Self::BadSign { .. } => family.is_pay(),
            Self::SignatureProbe { .. } | Self::ClockSkew { .. } | Self::KeyRotation { .. } => {
                family == Family::PayV3
            }
            _ => true,
        };
        if applies {
            Ok(())
        } else {
            Err(FaultError::WrongFamily { fault: self.name(), path: path.to_owned() })
        }
    }

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
            Self::BadSign { .. } => "bad_sign",
            Self::NoticeLost { .. } => "notice_lost",
            Self::NoticeDuplicate { .. } => "notice_duplicate",
            Self::NoticeDelayed { .. } => "notice_delayed",
            Self::NoticeForged { .. } => "notice_forged",
            Self::NoticeReordered { .. } => "notice_reordered",
            Self::SignatureProbe { .. } => "signature_probe",
            Self::ClockSkew { .. } => "clock_skew",
            Self::KeyRotation { .. } => "key_rotation",
            Self::RefundOutcome { .. } => "refund_outcome",
            Self::RefundStalled { .. } => "refund_stalled",
            Self::RefundBalance { .. } => "refund_balance",
            Self::BillNotReady { .. } => "bill_not_ready",
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

    fn path(&self) -> Option<&str> {
        match self {
            Self::Busy { path, .. }
            | Self::Errcode { path, .. }
            | Self::ErrCode { path, .. }
            | Self::TimeoutBefore { path, .. }
            | Self::TimeoutAfter { path, .. }
            | Self::HttpStatus { path, .. }
            | Self::Garbage { path, .. }
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

    fn times(&self) -> Option<u32> {
        self.clone().times_mut().copied()
    }

    fn times_mut(&mut self) -> Option<&mut u32> {
        match self {
            Self::Busy { times, .. }
            | Self::Errcode { times, .. }
            | Self::ErrCode { times, .. }
            | Self::TimeoutBefore { times, .. }
            | Self::TimeoutAfter { times, .. }
            | Self::HttpStatus { times, .. }
            | Self::Garbage { times, .. }
            | Self::BadSign { times, .. }
            | Self::TokenRevoked { times, .. }
            | Self::SignatureProbe { times, .. }
            | Self::ClockSkew { times, .. }
            | Self::KeyRotation { times, .. }
            | Self::RefundOutcome { times, .. }
            | Self::RefundStalled { times }
            | Self::RefundBalance { times }
            | Self::BillNotReady { times }
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
            | Self::NoticeReordered { times } => Some(times),
            Self::LoginBlocked { .. } | Self::PageMissing { .. } | Self::TemplateUnknown { .. } => None,
        }
    }
}

/// The faults that wait to happen, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The waiting faults; `times` is what is left of each.
    pub(crate) fn active(&self) -> &[Fault] {
        &self.0
    }

    /// The fault that hits a request to this path, if one waits.
    pub(crate) fn take_for(&mut self, path: &str, family: Family) -> Option<Fault> {
        self.take(|fault| match fault {
            Fault::TokenRevoked { path: None, .. } => needs_token(family),
            fault => fault.path() == Some(path),
        })
    }

    /// Uses up one time of the first fault that matches.
    pub(crate) fn take(&mut self, matches: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let position = self.0.iter().position(matches)?;
        let fault = self.0.get_mut(position)?;
        let taken = fault.clone();
        if let Some(times) = fault.times_mut() {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.0.remove(position);
            }
        }
        Some(taken)
    }
}

fn needs_token(family: Family) -> bool {
    matches!(family, Family::Token | Family::Picture)
}

fn once() -> u32 {
    1
}

/// An address that is nobody's.
fn documentation_address() -> String {
    "203.0.113.9".to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fault_is_used_up_after_its_times() {
        let mut faults = Faults::default();
        faults.add(Fault::Busy { path: "/sns/jscode2session".to_owned(), times: 2 });
        assert!(faults.take_for("/pay/orderquery", Family::Pay).is_none());
        assert!(faults.take_for("/sns/jscode2session", Family::Secret).is_some());
        assert_eq!(faults.active(), [Fault::Busy { path: "/sns/jscode2session".to_owned(), times: 1 }]);
        assert!(faults.take_for("/sns/jscode2session", Family::Secret).is_some());
        assert!(faults.take_for("/sns/jscode2session", Family::Secret).is_none());
    }

    #[test]
    fn one_fault_or_a_list_is_read_and_times_defaults_to_one() {
        let one = Fault::read(json!({"fault": "notice_lost"})).unwrap();
        assert_eq!(one, [Fault::NoticeLost { times: 1 }]);
        let list =
            json!([{"fault": "notice_forged", "times": 3}, {"fault": "garbage", "path": "/pay/orderquery"}]);
        assert_eq!(Fault::read(list).unwrap().len(), 2);
    }

    #[test]
    fn a_revocation_without_a_path_hits_whatever_is_called_with_a_token() {
        let mut faults = Faults::default();
        faults.add(Fault::TokenRevoked { path: None, stuck: false, times: 1 });
        assert!(faults.take_for("/cgi-bin/stable_token", Family::Secret).is_none());
        assert!(faults.take_for("/wxa/checksession", Family::Token).is_some());
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let error = Fault::read(json!({"fault": "bussy", "path": "/pay/orderquery"})).unwrap_err();
        assert!(error.to_string().contains("`timeout_before`"), "{error}");
    }

    #[test]
    fn an_unknown_path_is_refused_with_the_known_ones() {
        let error = Fault::read(json!({"fault": "busy", "path": "/pay/order"})).unwrap_err();
        assert!(error.to_string().contains("/pay/unifiedorder"), "{error}");
    }

    #[test]
    fn a_fault_that_could_never_happen_is_refused() {
        for json in [
            json!({"fault": "busy", "path": "/pay/orderquery", "times": 0}),
            json!({"fault": "busy"}),
            json!({"fault": "busy", "path": "/pay/orderquery", "tmies": 2}),
            json!({"fault": "errcode", "path": "/pay/orderquery", "errcode": 1}),
            json!({"fault": "bad_sign", "path": "/sns/jscode2session"}),
            json!({"fault": "http_status", "path": "/pay/orderquery", "status": 99}),
            json!({"fault": "quota", "path": "/pay/orderquery"}),
            json!({"fault": "token_revoked", "path": "/cgi-bin/token"}),
            json!({"fault": "ip_refused", "path": "/cgi-bin/token", "address": "somewhere"}),
            json!({"fault": "signature_probe", "path": "/pay/orderquery"}),
            json!({"fault": "clock_skew"}),
            json!({"fault": "key_rotation", "path": "/sns/jscode2session"}),
            json!({"fault": "errcode", "path": "/v3/certificates", "errcode": 1}),
            json!({"fault": "refund_outcome", "status": "PROCESSING"}),
            json!({"fault": "refund_outcome", "status": "CHANGE"}),
        ] {
            assert!(Fault::read(json.clone()).is_err(), "{json}");
        }
    }

    #[test]
    fn the_name_is_the_one_in_json() {
        for fault in [
            Fault::Errcode { path: String::new(), errcode: 1, times: 1 },
            Fault::ErrCode { path: String::new(), err_code: String::new(), times: 1 },
            Fault::NoticeDuplicate { copies: 1, times: 1 },
            Fault::LoginBlocked { openid: String::new() },
            Fault::TokenRevoked { path: None, stuck: true, times: 1 },
            Fault::IpRefused { path: String::new(), address: String::new(), times: 1 },
            Fault::Quota { path: String::new(), times: 1 },
            Fault::SignatureProbe { path: None, times: 1 },
            Fault::ClockSkew { path: None, seconds: -300, times: 1 },
            Fault::KeyRotation { path: None, times: 1 },
            Fault::RefundOutcome { status: RefundStatus::Closed, times: 1 },
            Fault::RefundStalled { times: 1 },
            Fault::RefundBalance { times: 1 },
            Fault::BillNotReady { times: 1 },
            Fault::BillCorrupt { times: 1 },
        ] {
            assert_eq!(serde_json::to_value(&fault).unwrap()["fault"], fault.name());
        }
    }
}
