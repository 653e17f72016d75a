//! WeChat's error numbers, and what each one calls for.

use crate::error::{BoxError, Code};

/// A global return code of the open platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errcode(pub i64);

/// What to do about an errcode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The platform is busy: repeat, a few times.
    Busy,
    /// Our settings or our account are wrong: repeating can't help, an operator must look.
    Config,
    /// The `access_token` is void: replace it, and repeat once.
    Token,
    /// A quota is used up: repeating makes it worse.
    Quota,
    /// The request is wrong, in the way that this number tells.
    Request,
}

impl Errcode {
    /// What it calls for.
    #[must_use]
    pub fn class(self) -> Class {
        match self.0 {
            -1 => Class::Busy,
            // AppSecret, appid, grant_type, address not on the list, frozen or awaiting the administrator's word.
            40001 | 40002 | 40013 | 40125 | 40164 | 40243 | 41002 | 41004 | 48001 | 48004 | 50002 => {
                Class::Config
            }
            89501 | 89503 | 89506 | 89507 => Class::Config,
            45009 | 45011 => Class::Quota,
            40014 | 42001 => Class::Token,
            _ => Class::Request,
        }
    }
}

impl WeChatError {
    /// Whether it says that the `access_token` is void. Of APIs that take an AppSecret, 40001 says something else.
    #[must_use]
    pub fn is_about_token(&self) -> bool {
        matches!(self, Self::Refused { errcode: Errcode(40001 | 40014 | 42001), .. })
    }

    /// What a caller is told, if the API has no answer of its own for it.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Unreachable { .. } | Self::Lost { .. } => Code::UpstreamBusy,
            Self::Refused { errcode, .. } => match errcode.class() {
                Class::Busy | Class::Token => Code::UpstreamBusy,
                Class::Quota => Code::RateLimited,
                Class::Config | Class::Request => Code::Internal,
            },
        }
    }
}

impl std::fmt::Display for Errcode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A call to WeChat failed.
#[derive(Debug, thiserror::Error)]
pub enum WeChatError {
    /// WeChat answered with an error number. `rid` is what its support asks for.
    #[error("{path} answered errcode {errcode} (rid {})", .rid.as_deref().unwrap_or("-"))]
    Refused {
        /// The path called, without its query.
        path: &'static str,
        /// The number.
        errcode: Errcode,
        /// WeChat's id of the request.
        rid: Option<String>,
        /// What the message tells and the number does not: the refused address (40164), the wrong key (47003).
        detail: Option<String>,
    },
    /// The request never left: repeating it is safe.
    #[error("{path} can't be reached")]
    Unreachable {
        /// The path called, without its query.
        path: &'static str,
        /// Why.
        #[source]
        cause: BoxError,
    },
    /// The request may have taken effect; no usable answer came.
    #[error("{path} was called and its answer was lost")]
    Lost {
        /// The path called, without its query.
        path: &'static str,
        /// Why.
        #[source]
        cause: BoxError,
    },
}
