//! Mini program codes: pictures that open a page.
//!
//! Documentation: "Get mini program code" (获取小程序码), "Get unlimited mini program code" (获取不限制的小程序码) and "Get
//! mini program QR code" (获取小程序二维码). A success is the picture itself; an error is JSON, so that only the
//! content tells one from the other. Here every picture is a QR code, also where WeChat draws its round one, and
//! its content is a link that names the page and the scene.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/qrcode-link/qr-code/getUnlimitedQRCode.html>

mod body;
mod picture;

use std::sync::{Arc, Mutex, MutexGuard};

use http::StatusCode;
use serde_json::json;

use self::body::{ByPath, ByScene, Look};
use crate::base::Base;
use crate::base::access;
use crate::base::pages::{PAGE_MISSING, is_missing};
use crate::base::platform::{BUSY, JSON, Refusal, failure, picture_route, success};
use crate::base::quota::Quota;
use crate::base::tokens::Owner;
use crate::core::exchange::{ApiRequest, ApiResponse, Route};
use crate::core::faults::Fault;
use crate::core::lock::lock;
use crate::core::percent;
use crate::core::service::Service;

/// Draws codes.
pub(crate) struct WxaCodeService {
    base: Arc<Base>,
    codes: Mutex<Codes>,
}

impl WxaCodeService {
    pub(crate) fn new(base: &Arc<Base>) -> Self {
        Self { base: Arc::clone(base), codes: Mutex::default() }
    }

    pub(crate) fn codes(&self) -> MutexGuard<'_, Codes> {
        lock(&self.codes)
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
fn get_wxacode(wxacode: &WxaCodeService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    let judged =
        access::read::<ByPath>(&wxacode.base.tokens, received, fault, Owner::MiniProgram).and_then(|body| {
            let path = body::path(&body.path)?;
            let look = body.appearance.look()?;
            wxacode.codes().count_forever()?;
            Ok((link(wxacode, &[("path", path), ("env_version", look.env_version)]), look))
        });
    draw(wxacode, fault, judged)
}

/// `POST /cgi-bin/wxaapp/createwxaqrcode`.
fn create_wxa_qrcode(wxacode: &WxaCodeService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    let judged =
        access::read::<ByPath>(&wxacode.base.tokens, received, fault, Owner::MiniProgram).and_then(|body| {
            let path = body::path(&body.path)?;
            let look = body.appearance.size_only()?;
            wxacode.codes().count_forever()?;
            Ok((link(wxacode, &[("path", path)]), look))
        });
    draw(wxacode, fault, judged)
}

/// `POST /wxa/getwxacodeunlimit`.
fn get_wxacode_unlimited(
    wxacode: &WxaCodeService,
    received: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    let judged =
        access::read::<ByScene>(&wxacode.base.tokens, received, fault, Owner::MiniProgram).and_then(|body| {
            let scene = body.scene()?;
            let page = body.page()?;
            let look = body.appearance.look()?;
            let now = wxacode.base.now();
            let context = &wxacode.base.context;
            if body.check_path != Some(false) && page.is_some_and(|page| is_missing(context, page)) {
                return Err(PAGE_MISSING);
            }
            if !wxacode.codes().take_scene(now) {
                return Err(TOO_OFTEN);
            }
            let fields =
                [("page", page.unwrap_or_default()), ("scene", scene), ("env_version", look.env_version)];
            Ok((link(wxacode, &fields), look))
        });
    draw(wxacode, fault, judged)
}

/// What is counted of the codes.
#[derive(Debug, Default)]
pub(crate) struct Codes {
    /// Of both APIs with a path, since ever.
    by_path: u32,
    by_minute: Quota,
}

impl Codes {
    /// Counts a code with a scene, unless there were too many within the minute.
    pub(crate) fn take_scene(&mut self, now: u64) -> bool {
        self.by_minute.take_in_minute(now, PER_MINUTE)
    }

    fn count_forever(&mut self) -> Result<(), Refusal> {
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

fn draw(
    wxacode: &WxaCodeService,
    fault: Option<&Fault>,
    judged: Result<(String, Look), Refusal>,
) -> ApiResponse {
    let drawn = judged.and_then(|(link, look)| picture::draw(&link, &look).ok_or(BUSY));
    let mut answer = match drawn {
        Ok(picture) => ApiResponse {
            status: StatusCode::OK,
            content_type: picture.content_type,
            headers: Vec::new(),
            body: picture.bytes.into(),
            outcome: "ok".to_owned(),
        },
        Err(refusal) => return ApiResponse { content_type: JSON, ..failure(&wxacode.base.context, refusal) },
    };
    match fault {
        Some(Fault::ImageAsTextPlain { .. }) => answer.content_type = "text/plain",
        Some(Fault::JsonInsteadOfImage { errcode, .. }) => {
            let errmsg = if *errcode == 0 { "ok" } else { "error" };
            let said = success(&json!({"errcode": errcode, "errmsg": errmsg}));
            answer = ApiResponse { body: said.body, outcome: errcode.to_string(), ..answer };
        }
        _ => {}
    }
    answer
}

const TOO_OFTEN: Refusal = Refusal::new(45009, "reach max api minute frequence limit");
const USED_UP: Refusal = Refusal::new(45029, "qrcode count out of limit");

/// Of the API with a scene.
const PER_MINUTE: u32 = 5000;

/// Of the two APIs with a path together.
const FOREVER: u32 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_with_a_path_are_used_up_for_ever() {
        let mut codes = Codes { by_path: FOREVER - 1, ..Codes::default() };
        assert_eq!(codes.count_forever(), Ok(()));
        assert_eq!(codes.count_forever(), Err(USED_UP));
    }
}
