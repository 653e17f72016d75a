//! The bodies of the requests, checked by WeChat's rules before WeChat is called.

use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    api::{ApiError, request},
    host::RetryPolicy,
};

/// A call of WeChat that draws a code.
pub(crate) struct DrawRequest {
    pub(crate) api: Api,
    pub(crate) body: Value,
    pub(crate) retry: RetryPolicy,
}

/// WeChat's three APIs that draw codes. WeChat's documentation calls them B, A and C, in this order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Unlimited,
    ByPath,
    QrCode,
}

impl Api {
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Unlimited => "/wxa/getwxacodeunlimit",
            Self::ByPath => "/wxa/getwxacode",
            Self::QrCode => "/cgi-bin/wxaapp/createwxaqrcode",
        }
    }

    /// Whether only operators may call it.
    pub(crate) fn is_for_operators(self) -> bool {
        self != Self::Unlimited
    }

    /// The field of the body that names the page.
    pub(crate) fn page_field(self) -> &'static str {
        match self {
            Self::Unlimited => "page",
            Self::ByPath | Self::QrCode => "path",
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct SceneBody {
    scene: Option<String>,
    page: Option<String>,
    width: Option<u32>,
    auto_color: Option<bool>,
    line_color: Option<LineColor>,
    is_hyaline: Option<bool>,
    check_path: Option<bool>,
    env_version: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct PathBody {
    path: Option<String>,
    width: Option<u32>,
    auto_color: Option<bool>,
    line_color: Option<LineColor>,
    is_hyaline: Option<bool>,
    env_version: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct QrCodeBody {
    path: Option<String>,
    width: Option<u32>,
}

#[derive(Deserialize)]
struct LineColor {
    r: ColorComponent,
    g: ColorComponent,
    b: ColorComponent,
}

/// A part of a color, 0 to 255. WeChat's documentation shows it as a number and as a text; WeChat gets a number.
#[derive(Deserialize)]
#[serde(try_from = "Value")]
struct ColorComponent(u8);

impl TryFrom<Value> for ColorComponent {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        let component = match value {
            Value::Number(number) => number.as_u64().and_then(|number| number.try_into().ok()),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        component.map(Self).ok_or("not a shade from 0 to 255")
    }
}

/// A code for a page and a scene.
pub(crate) fn by_scene(body: SceneBody) -> Result<DrawRequest, ApiError> {
    let fields = [
        ("scene", Some(scene(request::required("scene", body.scene)?)?.into())),
        ("page", page(body.page)?.map(Value::from)),
        ("width", width(body.width)?),
        ("auto_color", body.auto_color.map(Value::from)),
        ("line_color", body.line_color.map(color)),
        ("is_hyaline", body.is_hyaline.map(Value::from)),
        ("check_path", body.check_path.map(Value::from)),
        ("env_version", env_version(body.env_version)?),
    ];
    Ok(DrawRequest { api: Api::Unlimited, body: object(fields), retry: RetryPolicy::AnyFailure })
}

/// A code for a page with its query.
pub(crate) fn by_path(body: PathBody) -> Result<DrawRequest, ApiError> {
    let fields = [
        ("path", Some(path(request::required("path", body.path)?)?.into())),
        ("width", width(body.width)?),
        ("auto_color", body.auto_color.map(Value::from)),
        ("line_color", body.line_color.map(color)),
        ("is_hyaline", body.is_hyaline.map(Value::from)),
        ("env_version", env_version(body.env_version)?),
    ];
    // Each call counts towards the account's limit, so it is not sent again after a lost answer.
    Ok(DrawRequest { api: Api::ByPath, body: object(fields), retry: RetryPolicy::UnlessOutcomeUnknown })
}

/// A square QR code for a page with its query.
pub(crate) fn qr_code(body: QrCodeBody) -> Result<DrawRequest, ApiError> {
    let path = path(request::required("path", body.path)?)?;
    let fields = [("path", Some(path.into())), ("width", width(body.width)?)];
    Ok(DrawRequest { api: Api::QrCode, body: object(fields), retry: RetryPolicy::UnlessOutcomeUnknown })
}

fn scene(text: String) -> Result<String, ApiError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&'()*+,/:;=?@-._~".contains(&byte);
    if !(1..=32).contains(&text.chars().count()) {
        return Err(ApiError::invalid("scene", "须为 1 至 32 个字符"));
    }
    if !text.bytes().all(allowed) {
        return Err(ApiError::invalid("scene", "只能含字母、数字和 !#$&'()*+,/:;=?@-._~"));
    }
    refuse_reserved("scene", text)
}

fn page(text: Option<String>) -> Result<Option<String>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    if !is_path(&text) || text.starts_with('/') || text.contains(['?', '#']) {
        return Err(ApiError::invalid("page", "须为页面路径，不以 / 开头，不带参数"));
    }
    refuse_reserved("page", text).map(Some)
}

fn path(text: String) -> Result<String, ApiError> {
    if !is_path(&text) {
        return Err(ApiError::invalid("path", "须为 1 至 1024 个字符的页面路径"));
    }
    refuse_reserved("path", text)
}

fn is_path(text: &str) -> bool {
    (1..=1024).contains(&text.chars().count()) && !text.contains(|c: char| c.is_control() || c == ' ')
}

/// Refuses `scancode_time`, a parameter that WeChat adds itself.
fn refuse_reserved(field: &str, text: String) -> Result<String, ApiError> {
    if text.contains("scancode_time") {
        return Err(ApiError::invalid(field, "不能含有 scancode_time"));
    }
    Ok(text)
}

fn width(width: Option<u32>) -> Result<Option<Value>, ApiError> {
    match width {
        Some(width) if !(280..=1280).contains(&width) => Err(ApiError::invalid("width", "须为 280 至 1280")),
        width => Ok(width.map(Value::from)),
    }
}

fn env_version(name: Option<String>) -> Result<Option<Value>, ApiError> {
    match name.as_deref() {
        None | Some("release" | "trial" | "develop") => Ok(name.map(Value::from)),
        Some(_) => Err(ApiError::invalid("env_version", "须为 release、trial 或 develop")),
    }
}

fn color(LineColor { r, g, b }: LineColor) -> Value {
    json!({ "r": r.0, "g": g.0, "b": b.0 })
}

/// A JSON object of the fields that have a value.
fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(body: Value) -> Value {
        by_scene(serde_json::from_value(body).unwrap()).map(|draw| draw.body).unwrap()
    }

    #[test]
    fn absent_fields_are_not_sent_and_colors_are_sent_as_numbers() {
        assert_eq!(sent(json!({ "scene": "a=1" })), json!({ "scene": "a=1" }));
        let line_color = json!({ "r": "0", "g": 255, "b": "12" });
        assert_eq!(
            sent(json!({ "scene": "s", "line_color": line_color, "check_path": false })),
            json!({ "scene": "s", "line_color": { "r": 0, "g": 255, "b": 12 }, "check_path": false })
        );
    }

    #[test]
    fn a_color_component_is_a_whole_number_of_one_byte() {
        for shade in [json!(256), json!(-1), json!(1.5), json!("256"), json!("red"), json!(""), json!(null)] {
            assert!(ColorComponent::try_from(shade.clone()).is_err(), "{shade}");
        }
    }

    #[test]
    fn a_scene_has_only_the_characters_that_wechat_allows() {
        let allowed = "0123456789azAZ!#$&'()*+,/:;=?@-._~";
        for byte in 0..=u8::MAX {
            let text = char::from(byte).to_string();
            let is = byte.is_ascii_alphanumeric() || allowed.contains(&text);
            assert_eq!(scene(text.clone()).is_ok(), is, "{text:?}");
        }
        assert!(scene("s".repeat(32)).is_ok() && scene("s".repeat(33)).is_err());
    }
}
