//! The bodies of requests for codes.

use serde::Deserialize;

use crate::base::platform::{Errcode, INVALID_ARGUMENT};

/// A request for a code that opens a page with its query.
#[derive(Deserialize)]
pub(super) struct CodeByPathBody {
    pub(super) path: Option<String>,
    #[serde(flatten)]
    pub(super) appearance: Appearance,
}

/// A request for a code that opens a page with a scene. A field `path` is ignored.
#[derive(Deserialize)]
pub(super) struct CodeBySceneBody {
    scene: Option<String>,
    page: Option<String>,
    pub(super) check_path: Option<bool>,
    #[serde(flatten)]
    pub(super) appearance: Appearance,
}

#[derive(Deserialize)]
pub(super) struct Appearance {
    env_version: Option<String>,
    width: Option<i64>,
    auto_color: Option<bool>,
    line_color: Option<LineColor>,
    is_hyaline: Option<bool>,
}

#[derive(Deserialize)]
struct LineColor {
    r: Shade,
    g: Shade,
    b: Shade,
}

/// A colour value. The documentation shows both types.
#[derive(Deserialize)]
#[serde(untagged)]
enum Shade {
    Number(i64),
    Text(String),
}

/// The look of the picture.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PictureStyle {
    pub(super) width: u32,
    pub(super) color: [u8; 3],
    pub(super) transparent: bool,
    pub(super) env_version: &'static str,
}

pub(super) fn check_path(path: &Option<String>) -> Result<&str, Errcode> {
    let path = path.as_deref().unwrap_or_default();
    if !(1..=1024).contains(&path.chars().count()) {
        return Err(INVALID_PATH_LENGTH);
    }
    check_not_reserved(path)
}

impl CodeBySceneBody {
    pub(super) fn scene(&self) -> Result<&str, Errcode> {
        let scene = self.scene.as_deref().unwrap_or_default();
        if !(1..=32).contains(&scene.chars().count()) {
            return Err(INVALID_SCENE_LENGTH);
        }
        if !scene.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&'()*+,/:;=?@-._~".contains(&b)) {
            return Err(INVALID_SCENE);
        }
        check_not_reserved(scene)
    }

    /// The page; `None` for the home page.
    pub(super) fn page(&self) -> Result<Option<&str>, Errcode> {
        let Some(page) = self.page.as_deref().filter(|page| !page.is_empty()) else { return Ok(None) };
        check_not_reserved(page)?;
        if page.starts_with('/') || page.contains('?') {
            return Err(INVALID_PAGE);
        }
        Ok(Some(page))
    }
}

impl Appearance {
    /// The style, with all options.
    pub(super) fn style(&self) -> Result<PictureStyle, Errcode> {
        let named = self.env_version.as_deref().unwrap_or("release");
        let env_version = ["release", "trial", "develop"]
            .into_iter()
            .find(|known| *known == named)
            .ok_or(INVALID_ARGUMENT)?;
        let shades = match &self.line_color {
            Some(LineColor { r, g, b }) => [r.value()?, g.value()?, b.value()?],
            None => BLACK,
        };
        // With `auto_color` WeChat chooses the colour; the simulator chooses black.
        let color = if self.auto_color == Some(true) { BLACK } else { shades };
        let transparent = self.is_hyaline == Some(true);
        Ok(PictureStyle { env_version, color, transparent, ..self.size_only()? })
    }

    /// The style of an API in which a request can choose the width only.
    pub(super) fn size_only(&self) -> Result<PictureStyle, Errcode> {
        let width = self.width.unwrap_or(430);
        let width =
            u32::try_from(width).ok().filter(|width| (280..=1280).contains(width)).ok_or(INVALID_WIDTH)?;
        Ok(PictureStyle { width, color: BLACK, transparent: false, env_version: "release" })
    }
}

impl Shade {
    fn value(&self) -> Result<u8, Errcode> {
        let shade = match self {
            Self::Number(number) => u8::try_from(*number).ok(),
            Self::Text(text) => text.parse().ok(),
        };
        shade.ok_or(INVALID_ARGUMENT)
    }
}

/// Refuses `scancode_time`, because WeChat adds this parameter itself.
fn check_not_reserved(text: &str) -> Result<&str, Errcode> {
    if text.contains("scancode_time") { Err(RESERVED) } else { Ok(text) }
}

const BLACK: [u8; 3] = [0; 3];

const INVALID_SCENE: Errcode = Errcode::new(40129, "invalid scene");
const INVALID_PATH_LENGTH: Errcode =
    Errcode::new(40159, "invalid length for path, or the data is not json string");
const INVALID_PAGE: Errcode = Errcode::new(40165, "invalid weapp pagepath");
const INVALID_SCENE_LENGTH: Errcode =
    Errcode::new(40169, "invalid length for scene, or the data is not json string");
const INVALID_WIDTH: Errcode = Errcode::new(40189, "invalid width");
const RESERVED: Errcode = Errcode::new(85096, "not allow include scancode_time field");
