//! `GET /api/werun/rank?openGId=`: the ranking of a group, for its members.
//!
//! Who is a member is learned when a share is opened in the group. Until that is kept, nobody is known to be one, and the answer
//! to everybody is the one for those who are not.

use shared::{
    error::{ApiError, Code},
    http::extract,
    runtime::{Body, Request, Response},
};

use crate::WerunFunction;

impl WerunFunction {
    #[expect(clippy::unused_self, reason = "it will read the group's members")]
    pub(crate) fn rank(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let group = extract::required("openGId", extract::query(request, "openGId"))?;
        if group.is_empty() || group.len() > 128 || !group.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ApiError::invalid("openGId", "格式不正确"));
        }
        Err(ApiError::new(Code::Forbidden).saying("仅群成员可以查看排行"))
    }
}
