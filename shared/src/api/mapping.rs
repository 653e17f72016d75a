//! Which failure of the layers below becomes which error code: every `From<…> for ApiError` stands here.
//!
//! A handler that knows better, because the same failure means something else on its route, makes its own [`ApiError`].

use std::time::Duration;

use super::{ApiError, Code};
use crate::{
    host::HostError,
    pay::{NoticeError, PayError},
    secrets::SecretError,
    service::{
        AccessTokenError, ComplaintError, CustomerMessageError, MediaCheckError, PaymentServiceError,
        PlatformError, RefundOrderOutcome, RefundServiceError, SendError, SessionTokenError, StaffError,
        WeChatSessionError,
    },
    store::{
        CallerError, ConversationsError, InboxError, OrderDetailsError, RefundRefusal, SessionKeysError,
        StoreError, WindowLimit,
    },
    wechat::{
        Errcode, ErrcodeClass, LoginError, OpenDataError, WeChatError,
        customer_message::SendRefusal,
        push::{FormError, PushError},
        subscribe::DataError,
    },
};

impl From<Code> for ApiError {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

impl From<HostError> for ApiError {
    fn from(error: HostError) -> Self {
        Self::new(Code::Internal).with_cause(error)
    }
}

impl From<SecretError> for ApiError {
    fn from(error: SecretError) -> Self {
        let code = match &error {
            SecretError::Unavailable { .. } => Code::Internal,
            SecretError::Form { .. } => Code::NotConfigured,
        };
        Self::new(code).with_cause(error)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let code = if error.is_transient() { Code::UpstreamBusy } else { Code::Internal };
        Self::new(code).with_cause(error)
    }
}

impl From<CallerError> for ApiError {
    fn from(error: CallerError) -> Self {
        match error {
            CallerError::TokenVoid => Self::new(Code::Unauthorized).with_cause(error),
            CallerError::Store(error) => error.into(),
        }
    }
}

impl From<SessionKeysError> for ApiError {
    fn from(error: SessionKeysError) -> Self {
        Self::new(Code::Internal).with_cause(error)
    }
}

impl From<PayError> for ApiError {
    fn from(error: PayError) -> Self {
        let code = match error {
            PayError::Secret(error) => return error.into(),
            PayError::NotConfigured(_) => Code::NotConfigured,
            ref error if error.is_rate_limit() => Code::RateLimited,
            ref error if error.is_transient() => Code::UpstreamBusy,
            _ => Code::Internal,
        };
        Self::new(code).with_cause(error)
    }
}

impl From<NoticeError> for ApiError {
    fn from(error: NoticeError) -> Self {
        let code = match error {
            NoticeError::Unverifiable(error) => return error.into(),
            NoticeError::Malformed(_) | NoticeError::ReturnCode => Code::InvalidInput,
            NoticeError::Signature
            | NoticeError::V3Signature(_)
            | NoticeError::Probe
            | NoticeError::OtherApi => Code::Unauthorized,
            // WeChat Pay has signed the notice and it can't be read, so a setting is wrong or the protocol has changed. An operator
            // must look, because the notice is about money.
            NoticeError::Foreign(_) | NoticeError::Field(_) => Code::Internal,
        };
        Self::new(code).with_cause(error)
    }
}

impl From<PushError> for ApiError {
    fn from(error: PushError) -> Self {
        let code = match error {
            PushError::Secret(error) => return error.into(),
            PushError::Host(error) => return error.into(),
            PushError::NoEncodingAesKey => Code::NotConfigured,
            PushError::Form(FormError::TooLarge) => Code::PayloadTooLarge,
            PushError::Form(_) | PushError::Content(_) | PushError::Field(_) => Code::InvalidInput,
            PushError::Query(_)
            | PushError::Signature
            | PushError::Stale
            | PushError::Mode
            | PushError::ConsoleMode
            | PushError::Envelope(_) => Code::Forbidden,
        };
        Self::new(code).with_cause(error)
    }
}

impl From<InboxError> for ApiError {
    fn from(error: InboxError) -> Self {
        match error {
            InboxError::Secret(error) => error.into(),
            InboxError::Host(error) => error.into(),
            InboxError::Store(error) => error.into(),
            InboxError::Seal(_) => Self::new(Code::Internal).with_cause(error),
        }
    }
}

impl From<OrderDetailsError> for ApiError {
    fn from(error: OrderDetailsError) -> Self {
        match error {
            OrderDetailsError::Secret(error) => error.into(),
            OrderDetailsError::Host(error) => error.into(),
            OrderDetailsError::Seal(_) => Self::new(Code::Internal).with_cause(error),
        }
    }
}

impl From<PaymentServiceError> for ApiError {
    fn from(error: PaymentServiceError) -> Self {
        match error {
            PaymentServiceError::Pay(error) => error.into(),
            PaymentServiceError::Store(error) => error.into(),
            PaymentServiceError::NoProgress(_) => Self::new(Code::UpstreamBusy).with_cause(error),
        }
    }
}

impl From<RefundServiceError> for ApiError {
    fn from(error: RefundServiceError) -> Self {
        match error {
            RefundServiceError::Pay(error) => error.into(),
            RefundServiceError::Store(error) => error.into(),
        }
    }
}

/// For every outcome but a refund.
impl From<RefundOrderOutcome> for ApiError {
    fn from(outcome: RefundOrderOutcome) -> Self {
        let message = match outcome {
            RefundOrderOutcome::NoSuchOrder => return Code::NotFound.into(),
            RefundOrderOutcome::Refund(_) => return Code::Internal.into(),
            RefundOrderOutcome::NotPaid => "该订单未支付，无可退款项".to_owned(),
            RefundOrderOutcome::NumberTaken => "该请求编号已用于其他退款".to_owned(),
            RefundOrderOutcome::Refused(refusal) => match refusal {
                RefundRefusal::TooMuch { left: 0 } => "该笔支付已全部退款".to_owned(),
                RefundRefusal::TooMuch { left } => format!("退款金额超出可退金额，最多可退 {left} 分"),
                RefundRefusal::TooMany => "该笔支付的退款次数已达上限".to_owned(),
                RefundRefusal::Forbidden => "订单当前状态不能退款".to_owned(),
                RefundRefusal::RequestDecided => "该退款申请已处理".to_owned(),
            },
        };
        Self::new(Code::Conflict).with_message(message)
    }
}

impl From<ComplaintError> for ApiError {
    fn from(error: ComplaintError) -> Self {
        match error {
            ComplaintError::Pay(error) => error.into(),
            ComplaintError::Store(error) => error.into(),
        }
    }
}

impl From<LoginError> for ApiError {
    fn from(error: LoginError) -> Self {
        let code = match &error {
            LoginError::Code(_) => Code::CodeInvalid,
            LoginError::Blocked(_) => Code::LoginBlocked,
            LoginError::TooMany(_) => Code::RateLimited,
            LoginError::Busy(_) => Code::UpstreamBusy,
            LoginError::Config(_) => Code::Internal,
        };
        Self::new(code).with_cause(error)
    }
}

impl From<OpenDataError> for ApiError {
    fn from(error: OpenDataError) -> Self {
        match error {
            OpenDataError::Data => Self::invalid("encryptedData", "不是有效的加密数据").with_cause(error),
            OpenDataError::Iv => Self::invalid("iv", "不是有效的初始向量").with_cause(error),
            OpenDataError::Key => Self::new(Code::SessionExpired).with_cause(error),
            OpenDataError::AppId | OpenDataError::Stale | OpenDataError::OpenId => {
                Self::new(Code::WatermarkMismatch).with_cause(error)
            }
        }
    }
}

impl From<DataError> for ApiError {
    fn from(error: DataError) -> Self {
        let invalid = match &error {
            DataError::Count => Self::invalid("data", "须有 1 到 5 个关键词"),
            DataError::Key => Self::invalid("data", "含有不是关键词的字段"),
            DataError::Value { key, rule } => Self::invalid(&format!("data.{key}"), rule),
        };
        invalid.with_cause(error)
    }
}

impl From<AccessTokenError> for ApiError {
    fn from(error: AccessTokenError) -> Self {
        Self::new(Code::UpstreamBusy).with_cause(error)
    }
}

impl From<SessionTokenError> for ApiError {
    fn from(error: SessionTokenError) -> Self {
        let code = match error {
            SessionTokenError::Secret(error) => return error.into(),
            SessionTokenError::Missing => return Code::Unauthorized.into(),
            SessionTokenError::Invalid(_) => Code::Unauthorized,
            SessionTokenError::NotIssued(_) => Code::Internal,
        };
        Self::new(code).with_cause(error)
    }
}

impl From<WeChatSessionError> for ApiError {
    fn from(error: WeChatSessionError) -> Self {
        match error {
            WeChatSessionError::Missing => Code::SessionExpired.into(),
            WeChatSessionError::Revoked => Code::Unauthorized.into(),
            WeChatSessionError::Keys(error) => error.into(),
            WeChatSessionError::Store(error) => error.into(),
        }
    }
}

impl From<StaffError> for ApiError {
    fn from(error: StaffError) -> Self {
        match error {
            StaffError::Revoked => Code::Unauthorized.into(),
            StaffError::NotStaff => Code::Forbidden.into(),
            StaffError::Store(error) => error.into(),
        }
    }
}

/// For errcodes to which the handler gives no other meaning.
impl From<PlatformError> for ApiError {
    fn from(error: PlatformError) -> Self {
        let code = match &error {
            PlatformError::Token(_) => Code::UpstreamBusy,
            PlatformError::WeChat(error) => error.code(),
        };
        let answer = match error.errcode() {
            Some(errcode) if code == Code::Conflict => refused(Errcode(errcode)),
            _ => Self::new(code),
        };
        answer.with_cause(error)
    }
}

impl From<ConversationsError> for ApiError {
    fn from(error: ConversationsError) -> Self {
        match error {
            ConversationsError::Secret(error) => error.into(),
            ConversationsError::Host(error) => error.into(),
            ConversationsError::Store(error) => error.into(),
            ConversationsError::Seal(_) | ConversationsError::Content(_) => {
                Self::new(Code::Internal).with_cause(error)
            }
        }
    }
}

impl From<CustomerMessageError> for ApiError {
    fn from(error: CustomerMessageError) -> Self {
        match error {
            CustomerMessageError::WindowClosed { limit, cause } => {
                let message = match limit {
                    WindowLimit::Time => "用户 48 小时内没有发来消息，暂时不能回复",
                    WindowLimit::Count => "可回复的条数已用完，请等用户再次发来消息",
                };
                let answer = Self::new(Code::WindowClosed).with_message(message);
                match cause {
                    Some(cause) => answer.with_cause(cause),
                    None => answer,
                }
            }
            CustomerMessageError::KeyReused => {
                Self::new(Code::Conflict).with_message("该请求编号已用于其他消息")
            }
            CustomerMessageError::Refused { refusal, field, cause } => {
                let problem = match refusal {
                    SendRefusal::Media => "不存在或已过期",
                    SendRefusal::MediaKind => "不是图片",
                    SendRefusal::TooLong => "过长",
                    SendRefusal::OpenId
                    | SendRefusal::Kind
                    | SendRefusal::WindowClosed
                    | SendRefusal::CountUsed => "未被微信接受",
                };
                Self::invalid(field, problem).with_cause(cause)
            }
            CustomerMessageError::Platform(cause) => cause.for_operator(),
            CustomerMessageError::Store(error) => error.into(),
        }
    }
}

impl From<MediaCheckError> for ApiError {
    fn from(error: MediaCheckError) -> Self {
        match error {
            MediaCheckError::NoUpload => Self::new(Code::NotFound).with_message("文件未上传成功，请重新上传"),
            MediaCheckError::NoUser => Code::Unauthorized.into(),
            MediaCheckError::Host(error) => error.into(),
            MediaCheckError::Store(error) => error.into(),
            MediaCheckError::NoTraceId => Self::new(Code::UpstreamBusy).with_cause(error),
            MediaCheckError::Bucket(ref cause) => {
                let code = if cause.is_transient() { Code::UpstreamBusy } else { Code::Internal };
                Self::new(code).with_cause(error)
            }
            // WeChat checks nothing of a user who has not opened the mini program for two hours.
            MediaCheckError::Platform(cause) if matches!(cause.errcode(), Some(40003 | 43104 | 61010)) => {
                Self::new(Code::Conflict).with_message("请重新打开小程序后再试").with_cause(cause)
            }
            MediaCheckError::Platform(cause) => cause.into(),
        }
    }
}

impl From<SendError> for ApiError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::NotSubscribed(None) => Code::NotSubscribed.into(),
            SendError::NotSubscribed(Some(cause)) => Self::new(Code::NotSubscribed).with_cause(cause),
            SendError::Refused { field, cause } => Self::invalid(&field, "未被微信接受").with_cause(cause),
            // Another message is on its way to the same user.
            SendError::Platform(cause) if cause.errcode() == Some(43108) => {
                Self::new(Code::UpstreamBusy).retry_after(Duration::from_secs(1)).with_cause(cause)
            }
            SendError::Platform(cause) => cause.for_operator(),
            SendError::Store(cause) => cause.into(),
        }
    }
}

impl PlatformError {
    /// The failure for a caller who is an operator. An operator gets every errcode that is about the request, also an unknown one,
    /// because an operator can look it up. A user gets only causes that a user can understand.
    #[must_use]
    pub fn for_operator(self) -> ApiError {
        match self.errcode().map(Errcode) {
            Some(errcode) if errcode.class() == ErrcodeClass::Request && !errcode.is_retired() => {
                refused(errcode).with_cause(self)
            }
            _ => self.into(),
        }
    }
}

/// `CONFLICT` with WeChat's cause and errcode as its message.
fn refused(errcode: Errcode) -> ApiError {
    let cause = errcode.cause().unwrap_or("微信拒绝了该请求");
    ApiError::new(Code::Conflict).with_message(format!("{cause}（微信错误码 {errcode}）"))
}

impl WeChatError {
    /// The error code for the caller, unless the handler has another one for this errcode.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Unreachable { .. } | Self::Gateway { .. } | Self::OutcomeUnknown { .. } => {
                Code::UpstreamBusy
            }
            Self::Refused { errcode, .. } if errcode.is_retired() => Code::Gone,
            Self::Refused { errcode, .. } if errcode.cause().is_some() => Code::Conflict,
            Self::Refused { errcode, .. } => match errcode.class() {
                ErrcodeClass::Busy | ErrcodeClass::Token => Code::UpstreamBusy,
                ErrcodeClass::Quota => Code::RateLimited,
                ErrcodeClass::Config | ErrcodeClass::Request => Code::Internal,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retired_api_of_wechat_is_gone_for_users_and_operators() {
        for errcode in [45103, 45109] {
            let refused = || WeChatError::Refused {
                path: "/cgi-bin/message/wxopen/template/send",
                errcode: Errcode(errcode),
                rid: None,
                detail: None,
            };
            assert_eq!(ApiError::from(PlatformError::WeChat(refused())).code(), Code::Gone);
            assert_eq!(PlatformError::WeChat(refused()).for_operator().code(), Code::Gone);
        }
    }

    #[test]
    fn a_wrong_keyword_is_named_to_the_caller() {
        let error = DataError::Value { key: "phrase2".to_owned(), rule: "须为 5 个以内汉字" };
        assert_eq!(ApiError::from(error).message(), "参数有误：data.phrase2 须为 5 个以内汉字");
    }
}
