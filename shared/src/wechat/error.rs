//! WeChat's error numbers, and what each one says about repeating the call.

use crate::{host::FailureKind, types::BoxError};

/// A global return code of the open platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errcode(pub i64);

/// What an errcode says about repeating the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrcodeClass {
    /// The platform is busy. Repeat the call a few times.
    Busy,
    /// A setting or the account is wrong. Repeating does not help; an operator must correct it.
    Config,
    /// The `access_token` is void. Replace it, and repeat the call once.
    Token,
    /// A quota is used up. Repeating uses up more of it.
    Quota,
    /// The request is wrong, and the errcode says in which way. Repeating does not help.
    Request,
}

impl Errcode {
    /// The class of this errcode.
    #[must_use]
    pub fn class(self) -> ErrcodeClass {
        match self.0 {
            -1 => ErrcodeClass::Busy,
            // Wrong AppSecret, appid or grant_type; an address that is not on the list; a frozen account, or one whose administrator
            // must confirm first.
            40001 | 40002 | 40013 | 40125 | 40164 | 40243 | 41002 | 41004 | 48001 | 48004 | 50002 => {
                ErrcodeClass::Config
            }
            89501 | 89503 | 89506 | 89507 => ErrcodeClass::Config,
            45009 | 45011 => ErrcodeClass::Quota,
            40014 | 42001 => ErrcodeClass::Token,
            _ => ErrcodeClass::Request,
        }
    }

    /// Whether WeChat has retired the API.
    #[must_use]
    pub fn is_retired(self) -> bool {
        matches!(self.0, 45103 | 45109)
    }

    /// The cause in Chinese, if the caller of our API can understand it: the state of the account, of a template or of a card.
    /// `None` for faults of our request.
    #[must_use]
    pub fn cause(self) -> Option<&'static str> {
        Some(match self.0 {
            40037 => "模板不存在",
            40165 => "页面路径无效",
            40212 => "页面参数无效",
            41030 => "页面不存在或尚未发布",
            43009 | 43011 | 45030 => "账号没有卡券接口权限",
            43010 => "账号没有储值权限",
            43101 => "用户未订阅该消息",
            43107 => "订阅消息能力已被封禁",
            43116 => "该模板因滥用被限制下发",
            45021 => "字段过长",
            45029 => "小程序码总数已用完",
            45031 => "卡券库存不足",
            45033 => "用户领取次数已达上限",
            45168 => "内容含有微信不允许的词",
            48006 => "清零次数已用完",
            85079 => "小程序尚未发布",
            85096 => "页面路径不能含有 scancode_time",
            200_011 => "账号已被封禁，无法使用该功能",
            200_012 => "模板数量已达上限",
            200_013 => "该模板已被封禁",
            200_014 => "模板编号不存在",
            _ => return None,
        })
    }
}

impl WeChatError {
    /// Whether the call may have taken effect although it failed.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::Gateway { .. } | Self::OutcomeUnknown { .. })
    }

    /// The kind of the failure, by which a [`RetryPolicy`](crate::host::RetryPolicy) decides about another attempt.
    pub(super) fn failure_kind(&self) -> FailureKind {
        match self {
            Self::Refused { errcode, .. } if errcode.class() == ErrcodeClass::Busy => FailureKind::Busy,
            Self::Refused { .. } => FailureKind::Permanent,
            Self::Unreachable { .. } => FailureKind::NotReached,
            Self::Gateway { .. } => FailureKind::Gateway,
            Self::OutcomeUnknown { .. } => FailureKind::OutcomeUnknown,
        }
    }

    /// Whether the error says that the `access_token` is void. Call it only for APIs that take an `access_token`, because APIs that
    /// take an AppSecret answer 40001 when the AppSecret is wrong.
    #[must_use]
    pub fn is_about_token(&self) -> bool {
        matches!(self, Self::Refused { errcode: Errcode(40001 | 40014 | 42001), .. })
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
    /// WeChat answered with an error number. The call had no effect.
    #[error("{path} answered errcode {errcode} (rid {})", .rid.as_deref().unwrap_or("-"))]
    Refused {
        /// The path called, without its query.
        path: &'static str,
        /// WeChat's error number.
        errcode: Errcode,
        /// WeChat's id of the request, which its support asks for.
        rid: Option<String>,
        /// The part of WeChat's message that the number does not say: the refused address (40164), the wrong key (47003).
        detail: Option<String>,
    },
    /// No connection was made, so the request was not sent. Repeating it is safe.
    #[error("{path} can't be reached")]
    Unreachable {
        /// The path called, without its query.
        path: &'static str,
        /// The failure of the HTTP client.
        #[source]
        cause: BoxError,
    },
    /// A gateway in front of WeChat answered (502, 503 or 504). The request may have taken effect, or may not have reached WeChat.
    #[error("{path} was called and a gateway answered HTTP status {status}")]
    Gateway {
        /// The path called, without its query.
        path: &'static str,
        /// The gateway's status.
        status: u16,
    },
    /// The request may have taken effect; no usable answer came.
    #[error("{path} was called and its answer was lost")]
    OutcomeUnknown {
        /// The path called, without its query.
        path: &'static str,
        /// The failure of the HTTP client.
        #[source]
        cause: BoxError,
    },
}
