//! WeChat's refusals of a code, told by the field that is to blame.

use shared::{
    error::{ApiError, Code},
    wechat::PlatformError,
};

use crate::body::Api;

/// The answer to a refusal by `api`.
pub(crate) fn of(api: Api, error: PlatformError) -> ApiError {
    let page = api.names_page();
    let answer = match error.errcode() {
        Some(41030) if page == "page" => {
            ApiError::invalid(page, "不存在或尚未发布；未发布的页面请将 check_path 设为 false")
        }
        Some(41030) => ApiError::invalid(page, "不存在或尚未发布"),
        Some(40129) => ApiError::invalid("scene", "含有微信不接受的字符"),
        Some(40169) => ApiError::invalid("scene", "须为 1 至 32 个字符"),
        Some(40159) => ApiError::invalid(page, "长度不被微信接受"),
        Some(40165) => ApiError::invalid(page, "不是有效的页面路径"),
        Some(40189) => ApiError::invalid("width", "须为 280 至 1280"),
        Some(85096) => ApiError::invalid(page, "不能含有 scancode_time"),
        // WeChat does not say which.
        Some(40097) => ApiError::invalid("body", "含有微信不接受的参数"),
        Some(45029) => {
            ApiError::new(Code::Conflict).saying("小程序码总数已用完，请改用 /api/wxacode/unlimited")
        }
        _ if api.is_for_operators() => return error.for_operator(),
        _ => return error.into(),
    };
    answer.because(error)
}
