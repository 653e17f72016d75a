//! `PUT /api/admin/users/{userId}/role`: an operator gives a user the role `staff` or `user`. API Gateway has authenticated the
//! operator.

use serde::{Deserialize, Serialize};
use shared::{
    api::{ApiError, Code, request, response},
    runtime::{Body, Request, Response},
    store::Role,
    types::{OperatorArn, UserId},
};

use crate::{UserFunction, view::UserView};

#[derive(Deserialize)]
struct RoleBody {
    role: Option<String>,
}

#[derive(Serialize)]
struct RoleAnswer {
    user: RoleView,
}

/// A user as operators see it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RoleView {
    #[serde(flatten)]
    user: UserView,
    role_set_by: Option<OperatorArn>,
    /// RFC 3339, UTC.
    role_set_at: Option<String>,
}

impl UserFunction {
    pub(crate) async fn set_role(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let user_id = UserId::parse(&request::path(request, "userId")?).map_err(|_| Code::NotFound)?;
        let role = parse(request::json(request)?)?;
        let operator = request::operator(request)?;
        let user = self.users.set_role(&user_id, role, &operator).await?.ok_or(Code::NotFound)?;
        let role_set_by = user.role_set_by.clone();
        let role_set_at = user.role_set_at.map(|at| at.to_rfc3339());
        Ok(response::success(&RoleAnswer {
            user: RoleView { user: UserView::shown(&user), role_set_by, role_set_at },
        }))
    }
}

fn parse(body: RoleBody) -> Result<Role, ApiError> {
    match request::required("role", body.role)?.as_str() {
        "user" => Ok(Role::User),
        "staff" => Ok(Role::Staff),
        _ => Err(ApiError::invalid("role", "须为 user 或 staff")),
    }
}
