//! The scene, which all checks have.

use shared::{
    api::{ApiError, request},
    wechat::CheckScene,
};

/// # Errors
/// `INVALID_INPUT`: the scene is missing or unknown.
pub(crate) fn parse(number: Option<u64>) -> Result<CheckScene, ApiError> {
    let scene = CheckScene::from_number(request::required("scene", number)?);
    scene.ok_or_else(|| ApiError::invalid("scene", "须为 1 至 4"))
}
