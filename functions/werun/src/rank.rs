//! `GET /api/werun/rank?openGId=`: the ranking of a group, for its members.
//!
//! The members of a group become known when a shared message is opened in the group. That is not stored yet, so every caller gets the
//! answer for users who are no members.

use shared::{
    api::{ApiError, Code, request},
    runtime::{Body, Request, Response},
};

use crate::WerunFunction;

impl WerunFunction {
    #[expect(clippy::unused_self, reason = "it will read the group's members")]
    pub(crate) fn rank_group(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let group = request::required("openGId", request::query(request, "openGId"))?;
        if group.is_empty() || group.len() > 128 || !group.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ApiError::invalid("openGId", "格式不正确"));
        }
        Err(ApiError::new(Code::Forbidden).with_message("仅群成员可以查看排行"))
    }
}
