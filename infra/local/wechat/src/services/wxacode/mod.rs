//! Mini program codes: pictures whose scan opens a page.
//!
//! Documentation: "Get mini program code" (获取小程序码), "Get unlimited mini program code" (获取不限制的小程序码) and "Get mini program QR code"
//! (获取小程序二维码). A success is the picture itself and an error is JSON, both with HTTP 200. The simulator always draws a QR code,
//! also where WeChat draws its round code, and its content is a link with the page and the scene.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/qrcode-link/qr-code/getUnlimitedQRCode.html>

mod body;
mod picture;

use std::sync::{Arc, Mutex, MutexGuard};

use http::StatusCode;
use serde_json::json;

use self::body::{CodeByPathBody, CodeBySceneBody, PictureStyle};
use crate::base::Base;
use crate::base::access;
use crate::base::pages::{PAGE_MISSING, is_page_missing};
use crate::base::platform::{BUSY, Errcode, JSON, error_response, json_response, picture_route};
use crate::base::quota::Quota;
use crate::base::tokens::access_tokens::TokenOwner;
use crate::core::exchange::{ApiRequest, ApiResponse, Route};
use crate::core::faults::Fault;
use crate::core::lock::lock;
use crate::core::percent;
use crate::core::service::Service;

/// Draws codes and counts them.
pub(crate) struct WxaCodeService {
    base: Arc<Base>,
    counts: Mutex<CodeCounts>,
}

impl WxaCodeService {
    pub(crate) fn new(base: &Arc<Base>) -> Self {
        Self { base: Arc::clone(base), counts: Mutex::default() }
    }

    pub(crate) fn counts(&self) -> MutexGuard<'_, CodeCounts> {
        lock(&self.counts)
    }
}

impl Service for WxaCodeService {
    fn server_routes(self: Arc<Self>) -> Vec<Route> {
        vec![
            picture_route("/wxa/getwxacode", &self, get_wxacode),
            picture_route("/wxa/getwxacodeunlimit", &self, get_wxacode_unlimited),
            picture_route("/cgi-bin/wxaapp/createwxaqrcode", &self, create_wxa_qrcode),
        ]
    }
}

/// `POST /wxa/getwxacode`.
fn get_wxacode(wxacode: &WxaCodeService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    let result =
        access::read_body::<CodeByPathBody>(&wxacode.base.tokens, request, fault, TokenOwner::MiniProgram)
            .and_then(|body| {
                let path = body::check_path(&body.path)?;
                let style = body.appearance.style()?;
                wxacode.counts().count_path_code()?;
                Ok((link(wxacode, &[("path", path), ("env_version", style.env_version)]), style))
            });
    picture_response(wxacode, fault, result)
}

/// `POST /cgi-bin/wxaapp/createwxaqrcode`.
fn create_wxa_qrcode(wxacode: &WxaCodeService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    let result =
        access::read_body::<CodeByPathBody>(&wxacode.base.tokens, request, fault, TokenOwner::MiniProgram)
            .and_then(|body| {
                let path = body::check_path(&body.path)?;
                let style = body.appearance.size_only()?;
                wxacode.counts().count_path_code()?;
                Ok((link(wxacode, &[("path", path)]), style))
            });
    picture_response(wxacode, fault, result)
}

/// `POST /wxa/getwxacodeunlimit`.
fn get_wxacode_unlimited(
    wxacode: &WxaCodeService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    let result =
        access::read_body::<CodeBySceneBody>(&wxacode.base.tokens, request, fault, TokenOwner::MiniProgram)
            .and_then(|body| {
                let scene = body.scene()?;
                let page = body.page()?;
                let style = body.appearance.style()?;
                let now = wxacode.base.now();
                let context = &wxacode.base.context;
                if body.check_path != Some(false) && page.is_some_and(|page| is_page_missing(context, page)) {
                    return Err(PAGE_MISSING);
                }
                if !wxacode.counts().count_scene_code(now) {
                    return Err(TOO_OFTEN);
                }
                let fields = [
                    ("page", page.unwrap_or_default()),
                    ("scene", scene),
                    ("env_version", style.env_version),
                ];
                Ok((link(wxacode, &fields), style))
            });
    picture_response(wxacode, fault, result)
}

/// The counts of codes that WeChat limits.
#[derive(Debug, Default)]
pub(crate) struct CodeCounts {
    /// The codes with a path that were ever made, of both APIs.
    by_path: u32,
    by_minute: Quota,
}

impl CodeCounts {
    /// Counts a code with a scene; `false` if the quota of this minute is used up.
    pub(crate) fn count_scene_code(&mut self, now: u64) -> bool {
        self.by_minute.try_count_in_minute(now, PER_MINUTE)
    }

    fn count_path_code(&mut self) -> Result<(), Errcode> {
        if self.by_path >= FOREVER {
            return Err(USED_UP);
        }
        self.by_path += 1;
        Ok(())
    }
}

fn link(wxacode: &WxaCodeService, fields: &[(&str, &str)]) -> String {
    let query: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", percent::encode(value))).collect();
    format!("https://mp.weixin.qq.com/a/{}?{}", wxacode.base.account().app_id, query.join("&"))
}

fn picture_response(
    wxacode: &WxaCodeService,
    fault: Option<&Fault>,
    result: Result<(String, PictureStyle), Errcode>,
) -> ApiResponse {
    let drawn = result.and_then(|(link, style)| picture::draw(&link, &style).ok_or(BUSY));
    let mut answer = match drawn {
        Ok(picture) => ApiResponse {
            status: StatusCode::OK,
            content_type: picture.content_type,
            headers: Vec::new(),
            body: picture.bytes.into(),
            outcome: "ok".to_owned(),
        },
        Err(error) => {
            return ApiResponse { content_type: JSON, ..error_response(&wxacode.base.context, error) };
        }
    };
    match fault {
        Some(Fault::ImageAsTextPlain { .. }) => answer.content_type = "text/plain",
        Some(Fault::JsonInsteadOfImage { errcode, .. }) => {
            let errmsg = if *errcode == 0 { "ok" } else { "error" };
            let json = json_response(&json!({"errcode": errcode, "errmsg": errmsg}));
            answer = ApiResponse { body: json.body, outcome: errcode.to_string(), ..answer };
        }
        _ => {}
    }
    answer
}

const TOO_OFTEN: Errcode = Errcode::new(45009, "reach max api minute frequence limit");
const USED_UP: Errcode = Errcode::new(45029, "qrcode count out of limit");

/// The quota per minute of the API with a scene.
const PER_MINUTE: u32 = 5000;

/// The number of codes that the two APIs with a path can make in total.
const FOREVER: u32 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_with_a_path_are_used_up_for_ever() {
        let mut codes = CodeCounts { by_path: FOREVER - 1, ..CodeCounts::default() };
        assert_eq!(codes.count_path_code(), Ok(()));
        assert_eq!(codes.count_path_code(), Err(USED_UP));
    }
}
