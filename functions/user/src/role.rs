//! `PUT /api/admin/users/{userId}/role`: an operator makes a user staff, or a user again. API Gateway has checked the operator.

use serde::Deserialize;
use shared::{
    error::{ApiError, Code},
    http::{answer, extract},
    runtime::{Body, Request, Response},
    store::Role,
    types::UserId,
};

use crate::{UserAnswer, UserFunction};

#[derive(Deserialize)]
struct RoleBody {
    role: Option<String>,
}

impl UserFunction {
    pub(crate) async fn set_role(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let user_id = UserId::parse(&extract::path(request, "userId")?).map_err(|_| Code::NotFound)?;
        let role = parse(extract::json(request)?)?;
        let user = self.users.set_role(&user_id, role).await?.ok_or(Code::NotFound)?;
        Ok(answer::success(&UserAnswer { user: user.into() }))
    }
}

fn parse(body: RoleBody) -> Result<Role, ApiError> {
    match extract::required("role", body.role)?.as_str() {
        "user" => Ok(Role::User),
        "staff" => Ok(Role::Staff),
        _ => Err(ApiError::invalid("role", "须为 user 或 staff")),
    }
}
