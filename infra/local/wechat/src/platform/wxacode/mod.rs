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

use http::StatusCode;
use serde_json::json;

use self::body::{ByPath, ByScene, Look};
use super::quota::Quota;
use super::{JSON, Owner, Refusal, access, failure, success};
use crate::faults::Fault;
use crate::state::State;
use crate::upstream::{Answer, Received};
use crate::wechat::WeChat;

/// `POST /wxa/getwxacode`.
pub(crate) fn get_wxacode(wechat: &WeChat, received: &Received, fault: Option<&Fault>) -> Answer {
    let judged = access::read::<ByPath>(wechat, received, fault, Owner::MiniProgram).and_then(|body| {
        let path = body::path(&body.path)?;
        let look = body.appearance.look()?;
        wechat.state().codes.count_forever()?;
        Ok((link(wechat, &[("path", path), ("env_version", look.env_version)]), look))
    });
    draw(wechat, fault, judged)
}

/// `POST /cgi-bin/wxaapp/createwxaqrcode`.
pub(crate) fn create_wxa_qrcode(wechat: &WeChat, received: &Received, fault: Option<&Fault>) -> Answer {
    let judged = access::read::<ByPath>(wechat, received, fault, Owner::MiniProgram).and_then(|body| {
        let path = body::path(&body.path)?;
        let look = body.appearance.size_only()?;
        wechat.state().codes.count_forever()?;
        Ok((link(wechat, &[("path", path)]), look))
    });
    draw(wechat, fault, judged)
}

/// `POST /wxa/getwxacodeunlimit`.
pub(crate) fn get_wxacode_unlimited(wechat: &WeChat, received: &Received, fault: Option<&Fault>) -> Answer {
    let judged = access::read::<ByScene>(wechat, received, fault, Owner::MiniProgram).and_then(|body| {
        let scene = body.scene()?;
        let page = body.page()?;
        let look = body.appearance.look()?;
        let now = wechat.now();
        let state = &mut *wechat.state();
        if body.check_path != Some(false) && page.is_some_and(|page| is_missing(state, page)) {
            return Err(PAGE_MISSING);
        }
        if !state.codes.take_scene(now) {
            return Err(TOO_OFTEN);
        }
        let fields =
            [("page", page.unwrap_or_default()), ("scene", scene), ("env_version", look.env_version)];
        Ok((link(wechat, &fields), look))
    });
    draw(wechat, fault, judged)
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

/// Whether a fault says that the released mini program has no such page.
pub(crate) fn is_missing(state: &State, page: &str) -> bool {
    let path = page.split('?').next().unwrap_or_default().trim_start_matches('/');
    let says_so = |fault: &Fault| matches!(fault, Fault::PageMissing { page } if page == path);
    state.faults.active().iter().any(says_so)
}

fn link(wechat: &WeChat, fields: &[(&str, &str)]) -> String {
    let query: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", super::percent::encode(value))).collect();
    format!("https://mp.weixin.qq.com/a/{}?{}", wechat.account().app_id, query.join("&"))
}

fn draw(wechat: &WeChat, fault: Option<&Fault>, judged: Result<(String, Look), Refusal>) -> Answer {
    let drawn = judged.and_then(|(link, look)| picture::draw(&link, &look).ok_or(super::BUSY));
    let mut answer = match drawn {
        Ok(picture) => Answer {
            status: StatusCode::OK,
            content_type: picture.content_type,
            headers: Vec::new(),
            body: picture.bytes.into(),
            outcome: "ok".to_owned(),
        },
        Err(refusal) => return Answer { content_type: JSON, ..failure(wechat, refusal) },
    };
    match fault {
        Some(Fault::ImageAsTextPlain { .. }) => answer.content_type = "text/plain",
        Some(Fault::JsonInsteadOfImage { errcode, .. }) => {
            let errmsg = if *errcode == 0 { "ok" } else { "error" };
            let said = success(&json!({"errcode": errcode, "errmsg": errmsg}));
            answer = Answer { body: said.body, outcome: errcode.to_string(), ..answer };
        }
        _ => {}
    }
    answer
}

pub(crate) const PAGE_MISSING: Refusal = Refusal::new(41030, "invalid page");
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
