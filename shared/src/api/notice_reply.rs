//! The answers to WeChat Pay's notices, in the format of the API version that a notice came by.
//!
//! WeChat Pay: 支付结果通知 and 退款结果通知, of APIv2 and APIv3.

use http::{Response, StatusCode};
use lambda_http::Body;
use serde_json::json;

use super::{ApiError, Code, FailureContext, FailureFormat, response};
use crate::pay::ApiVersion;

impl ApiVersion {
    /// The answer that makes WeChat Pay stop repeating the notice.
    #[must_use]
    pub fn acknowledge_notice(self) -> Response<Body> {
        match self {
            Self::V2 => response::with_content_type(StatusCode::OK, XML, SUCCESS),
            Self::V3 => response::empty(StatusCode::NO_CONTENT),
        }
    }

    /// The format of the answer that makes WeChat Pay send the notice again.
    #[must_use]
    pub fn failure_format(self) -> FailureFormat {
        match self {
            Self::V2 => refuse_by_xml,
            Self::V3 => refuse_by_status,
        }
    }
}

fn refuse_by_xml(_: &ApiError, _: &FailureContext) -> Response<Body> {
    response::with_content_type(StatusCode::OK, XML, FAIL)
}

/// APIv3 looks at the status alone, and every [`Code`] has a status of 4xx or 5xx.
fn refuse_by_status(error: &ApiError, _: &FailureContext) -> Response<Body> {
    let message =
        if error.code() == Code::Unauthorized { "验签失败" } else { "处理失败，请重试" };
    let body = json!({ "code": "FAIL", "message": message }).to_string();
    response::with_content_type(error.code().status(), "application/json; charset=utf-8", body)
}

const XML: &str = "text/xml; charset=utf-8";
const SUCCESS: &str =
    "<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>";
const FAIL: &str =
    "<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[REFUSED]]></return_msg></xml>";

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(api: ApiVersion, code: Code) -> Response<Body> {
        let context = FailureContext { route: String::new(), request_id: String::new() };
        api.failure_format()(&code.into(), &context)
    }

    #[test]
    fn a_refusal_of_apiv3_is_never_an_acknowledgement() {
        for code in Code::ALL {
            assert!(!refusal(ApiVersion::V3, *code).status().is_success(), "{code:?}");
            assert_eq!(refusal(ApiVersion::V2, *code).status(), StatusCode::OK, "{code:?}");
        }
    }
}
