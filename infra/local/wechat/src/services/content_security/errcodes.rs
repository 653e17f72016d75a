//! The errcodes of content security.

use crate::base::platform::{Errcode, INVALID_OPENID};
use crate::base::users::UserService;

pub(super) const RISKY_CONTENT: Errcode = Errcode::new(87014, "risky content");
pub(super) const POST_REQUIRED: Errcode = Errcode::new(43302, "require POST method");
const INVALID_SCENE: Errcode = Errcode::new(40129, "invalid scene");
const OPENID_MISMATCH: Errcode = Errcode::new(43104, "appid and openid not match");

/// Replaces the errcode of a wrong method, which is another one in this family.
pub(super) fn with_own_method_errcode(error: Errcode) -> Errcode {
    if error == crate::base::platform::POST_REQUIRED { POST_REQUIRED } else { error }
}

/// Checks the fields that all checks of version 2 have. Returns the openid.
pub(super) fn check_author(
    users: &UserService,
    scene: Option<i64>,
    openid: Option<String>,
) -> Result<String, Errcode> {
    if !scene.is_some_and(|scene| (1..=4).contains(&scene)) {
        return Err(INVALID_SCENE);
    }
    match openid {
        Some(openid) if users.has_openid(&openid) => Ok(openid),
        Some(openid) if users.has_official_openid(&openid) => Err(OPENID_MISMATCH),
        _ => Err(INVALID_OPENID),
    }
}
