//! The closed table of error codes: name, HTTP status, log level and public message of each.

use http::StatusCode;

use crate::telemetry::Severity;

macro_rules! codes {
    ($($variant:ident $name:literal $status:literal $severity:ident $message:literal $when:literal;)+) => {
        /// Why a request was refused. Each code's status, public message and log level stand in one table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $when] $variant,)+
        }

        impl Code {
            /// Every code, in the table's order.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The code as callers see it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The HTTP status of the answer.
            #[must_use]
            pub fn status(self) -> StatusCode {
                let status = match self { $(Self::$variant => $status,)+ };
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }

            /// Short Chinese text, fit for `wx.showToast`.
            #[must_use]
            pub fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)+ }
            }

            /// When the code is answered, in English, for the table in `docs/api.md`.
            #[must_use]
            pub fn when(self) -> &'static str {
                match self { $(Self::$variant => $when,)+ }
            }

            /// The level of the log line.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)+ }
            }
        }
    };
}

codes! {
    InvalidInput "INVALID_INPUT" 400 Info "参数有误" "the request is malformed; the message names the field";
    CodeInvalid "CODE_INVALID" 400 Info "登录凭证已失效，请重试" "the code of `wx.login` is bad, used or expired: call `wx.login` again";
    WatermarkMismatch "WATERMARK_MISMATCH" 400 Warn "数据已过期，请重新获取" "open data of another app, of another user or stale";
    Unauthorized "UNAUTHORIZED" 401 Info "请先登录" "the token is missing, bad or expired: log in";
    SessionExpired "SESSION_EXPIRED" 401 Info "登录状态已过期，请重新登录" "the `session_key` is stale: `wx.login`, log in, then get the data again";
    Forbidden "FORBIDDEN" 403 Info "没有权限" "the caller may not do this";
    LoginBlocked "LOGIN_BLOCKED" 403 Warn "当前账号存在风险，暂时无法登录" "WeChat holds the user for high-risk (40226)";
    NotFound "NOT_FOUND" 404 Info "内容不存在" "there is no such thing, or it belongs to somebody else";
    Conflict "CONFLICT" 409 Info "操作冲突，请刷新后重试" "the state forbids it; also an `Idempotency-Key` used again with another request";
    OrderPaid "ORDER_PAID" 409 Info "订单已支付" "the order is paid";
    OrderClosed "ORDER_CLOSED" 409 Info "订单已关闭，请重新下单" "the order is closed, cancelled or expired";
    OutOfStock "OUT_OF_STOCK" 409 Info "库存不足" "fewer are left of a product than were ordered";
    TooManyUnpaid "TOO_MANY_UNPAID" 409 Info "未支付订单过多，请先支付或取消" "the user has as many unpaid orders as one can have: pay or cancel one";
    AmountMismatch "AMOUNT_MISMATCH" 409 Warn "订单金额有变，请刷新后重试" "`totalFee` is not the order's";
    ChallengeInvalid "CHALLENGE_INVALID" 409 Info "验证已失效，请重新发起" "the SOTER challenge is unknown, expired, used or another user's: get a new one";
    BalanceNotEnough "BALANCE_NOT_ENOUGH" 409 Info "余额不足，请更换支付方式" "WeChat Pay says that the user's balance is too low";
    AlreadyConsumed "ALREADY_CONSUMED" 409 Info "该券已核销" "the card was consumed before; the message says when and by whom, if it was here";
    NotSubscribed "NOT_SUBSCRIBED" 409 Info "用户未订阅该消息" "the user has no message of this template left: `wx.requestSubscribeMessage` asks for one";
    WindowClosed "WINDOW_CLOSED" 409 Info "暂时不能给该用户发消息" "WeChat takes no message of customer service to the user now; the message says which limit it is";
    Gone "GONE" 410 Info "该功能已下线" "WeChat has retired what is behind the route; the message names the successor";
    PayloadTooLarge "PAYLOAD_TOO_LARGE" 413 Info "提交的内容过大" "the body is larger than the route takes";
    RateLimited "RATE_LIMITED" 429 Warn "操作太频繁，请稍后再试" "too many requests; see `Retry-After`";
    Internal "INTERNAL_ERROR" 500 Error "服务异常，请稍后再试" "our fault: the log tells, under the same requestId";
    NotConfigured "NOT_CONFIGURED" 501 Warn "该功能暂未开通" "the operator has not configured what this needs";
    UpstreamBusy "UPSTREAM_BUSY" 503 Warn "系统繁忙，请稍后再试" "WeChat or the database is busy: repeat the request";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_an_error_status_and_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.status().is_client_error() || code.status().is_server_error(), "{code:?}");
            assert!(code.message().chars().count() <= 20, "{code:?} is too long for a toast");
        }
    }
}
