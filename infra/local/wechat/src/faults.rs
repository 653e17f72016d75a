//! What can be made to go wrong, by name.
//!
//! A fault waits for the next matching request (or payment notice) and is used up after `times` of them.
//! Where several wait for the same request, the one that was set first is used.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::upstream::{self, Family};

/// One thing that goes wrong. In JSON: `{"fault": "<name in snake case>", …fields}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// WeChat is busy: errcode -1, or SYSTEMERROR from Pay. Nothing happens upstream.
    Busy {
        /// The upstream path, for example `/sns/jscode2session`.
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
    /// WeChat Pay answers `result_code` FAIL with this code and does nothing.
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
    /// The notice of a payment never arrives, nor does any redelivery of it.
    NoticeLost {
        /// How many payments.
        #[serde(default = "once")]
        times: u32,
    },
    /// The notice of a payment arrives `copies` more times, all at once.
    NoticeDuplicate {
        /// How many copies beside the notice itself.
        #[serde(default = "once")]
        copies: u32,
        /// How many payments.
        #[serde(default = "once")]
        times: u32,
    },
    /// The first delivery of a notice waits.
    NoticeDelayed {
        /// How long, in real milliseconds.
        millis: u64,
        /// How many payments.
        #[serde(default = "once")]
        times: u32,
    },
    /// A copy with a wrong signature is sent before the genuine notice.
    NoticeForged {
        /// How many payments.
        #[serde(default = "once")]
        times: u32,
    },
    /// The notice is held back until the next payment's notice was delivered once.
    NoticeReordered {
        /// How many payments.
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
        "fault {fault} does not apply to {path}: errcode is the platform's, err_code and bad_sign are Pay's"
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
        let Some(path) = self.path() else { return Ok(()) };
        let Some(family) = upstream::family_of(path) else {
            return Err(FaultError::UnknownPath {
                path: path.to_owned(),
                known: upstream::known_paths().join(", "),
            });
        };
        let applies = match self {
            Self::Errcode { .. } => family == Family::Platform,
            Self::ErrCode { .. } | Self::BadSign { .. } => family == Family::Pay,
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
            | Self::BadSign { path, .. } => Some(path),
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
            | Self::NoticeLost { times }
            | Self::NoticeDuplicate { times, .. }
            | Self::NoticeDelayed { times, .. }
            | Self::NoticeForged { times }
            | Self::NoticeReordered { times } => Some(times),
            Self::LoginBlocked { .. } => None,
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
    pub(crate) fn take_for_path(&mut self, path: &str) -> Option<Fault> {
        self.take(|fault| fault.path() == Some(path))
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

fn once() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fault_is_used_up_after_its_times() {
        let mut faults = Faults::default();
        faults.add(Fault::Busy { path: "/sns/jscode2session".to_owned(), times: 2 });
        assert!(faults.take_for_path("/pay/orderquery").is_none());
        assert!(faults.take_for_path("/sns/jscode2session").is_some());
        assert_eq!(faults.active(), [Fault::Busy { path: "/sns/jscode2session".to_owned(), times: 1 }]);
        assert!(faults.take_for_path("/sns/jscode2session").is_some());
        assert!(faults.take_for_path("/sns/jscode2session").is_none());
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
        ] {
            assert_eq!(serde_json::to_value(&fault).unwrap()["fault"], fault.name());
        }
    }
}
