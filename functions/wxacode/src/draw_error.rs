//! Maps WeChat's refusal to draw a code to an error that names the field at fault.

use shared::{
    api::{ApiError, Code},
    service::PlatformError,
};

use crate::body::Api;

/// The error for a refusal of `api`.
pub(crate) fn map_draw_error(api: Api, error: PlatformError) -> ApiError {
    let page_field = api.page_field();
    let answer = match error.errcode() {
        Some(41030) if page_field == "page" => {
            ApiError::invalid(page_field, "不存在或尚未发布；未发布的页面请将 check_path 设为 false")
        }
        Some(41030) => ApiError::invalid(page_field, "不存在或尚未发布"),
        Some(40129) => ApiError::invalid("scene", "含有微信不接受的字符"),
        Some(40169) => ApiError::invalid("scene", "须为 1 至 32 个字符"),
        Some(40159) => ApiError::invalid(page_field, "长度不被微信接受"),
        Some(40165) => ApiError::invalid(page_field, "不是有效的页面路径"),
        Some(40189) => ApiError::invalid("width", "须为 280 至 1280"),
        Some(85096) => ApiError::invalid(page_field, "不能含有 scancode_time"),
        // WeChat does not say which field.
        Some(40097) => ApiError::invalid("body", "含有微信不接受的参数"),
        Some(45029) => {
            ApiError::new(Code::Conflict).with_message("小程序码总数已用完，请改用 /api/wxacode/unlimited")
        }
        _ if api.is_for_operators() => return error.for_operator(),
        _ => return error.into(),
    };
    answer.with_cause(error)
}
