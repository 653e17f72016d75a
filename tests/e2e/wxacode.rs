//! `POST /api/wxacode/unlimited`, `POST /api/admin/wxacode`, `POST /api/admin/wxaqrcode`

use std::time::Duration;

use e2e::{Requests, Response, World};
use futures_util::future::join_all;
use image::ImageFormat;
use insta::assert_snapshot;
use local_wechat::Fault;
use serde_json::{Value, json};
use shared::{host::RetryPolicy, service::PlatformClient, store::TokenName};

const UNLIMITED: &str = "/api/wxacode/unlimited";
const CODE: &str = "/api/admin/wxacode";
const QR_CODE: &str = "/api/admin/wxaqrcode";
const BY_SCENE: &str = "/wxa/getwxacodeunlimit";
const BY_PATH: &str = "/wxa/getwxacode";
const SQUARE: &str = "/cgi-bin/wxaapp/createwxaqrcode";

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// What a reader finds in the picture, and how wide it is.
#[track_caller]
fn read(answer: &Response, format: ImageFormat) -> (String, u32) {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(header(answer, "content-type"), format.to_mime_type());
    let picture = image::load_from_memory_with_format(&answer.bytes, format).expect("a picture").to_rgba8();
    let (width, height) = picture.dimensions();
    let size = |side: u32| usize::try_from(side).expect("a size");
    let shade = |x: usize, y: usize| {
        let at = |pixel: usize| u32::try_from(pixel).expect("a place");
        let [r, _, _, a] = picture.get_pixel(at(x), at(y)).0;
        if a == 0 { 255 } else { r }
    };
    let mut reader = rqrr::PreparedImage::prepare_from_greyscale(size(width), size(height), shade);
    (reader.detect_grids()[0].decode().expect("a code").1, width)
}

#[tokio::test]
async fn a_code_opens_the_page_with_the_scene() {
    let world = World::start().await;
    let phone = world.user().await;
    let body = json!({ "scene": "a=1&b=2", "page": "pages/index/index", "width": 280 });
    let answer = phone.post(UNLIMITED, &body).await;
    let (link, width) = read(&answer, ImageFormat::Jpeg);
    let app_id = &world.wechat().account().app_id;
    let query = "page=pages%2Findex%2Findex&scene=a%3D1%26b%3D2&env_version=release";
    assert_eq!(link, format!("https://mp.weixin.qq.com/a/{app_id}?{query}"));
    assert_eq!(width, 280);
    assert_eq!(header(&answer, "cache-control"), "public, max-age=86400, immutable");
}

#[tokio::test]
async fn a_transparent_code_is_a_png_in_the_colour_asked_for() {
    let world = World::start().await;
    let phone = world.user().await;
    let body = json!({ "scene": "s", "auto_color": false, "line_color": { "r": "10", "g": 20, "b": "30" },
                       "is_hyaline": true, "check_path": false, "env_version": "trial" });
    let answer = phone.post(UNLIMITED, &body).await;
    assert!(read(&answer, ImageFormat::Png).0.ends_with("env_version=trial"));
    let picture = image::load_from_memory(&answer.bytes).expect("a picture").to_rgba8();
    assert!(picture.pixels().any(|pixel| pixel.0 == [10, 20, 30, 255]));
    // As WeChat is asked: shades are numbers, and nothing that was not asked for.
    let calls = world.wechat().upstream_calls();
    let call = calls.iter().find(|call| call.path == BY_SCENE).expect("the call");
    assert_eq!(call.request["line_color"], json!({ "r": 10, "g": 20, "b": 30 }));
    assert_eq!(call.request.get("page"), None);
    assert_eq!(call.request.get("width"), None);
}

#[tokio::test]
async fn operators_choose_the_colour_and_the_width_too() {
    let world = World::start().await;
    let body = json!({ "path": "pages/index/index?id=1", "auto_color": false, "line_color": { "r": 10, "g": 20, "b": 30 },
                       "is_hyaline": true });
    let answer = world.operator("POST", CODE, &body).await;
    read(&answer, ImageFormat::Png);
    let picture = image::load_from_memory(&answer.bytes).expect("a picture").to_rgba8();
    assert!(picture.pixels().any(|pixel| pixel.0 == [10, 20, 30, 255]));
    let square = world.operator("POST", QR_CODE, &json!({ "path": "pages/index/index", "width": 300 })).await;
    assert_eq!(read(&square, ImageFormat::Jpeg).1, 300);
}

#[tokio::test]
async fn the_picture_comes_through_the_gateway_byte_for_byte() {
    let world = World::start().await;
    let phone = world.user().await;
    let host = world.bundle().host("wxacode").expect("a function");
    let wechat = PlatformClient::new(&host, TokenName::MiniProgram).expect("its settings");
    for hyaline in [false, true] {
        let body = json!({ "scene": "byte-for-byte", "is_hyaline": hyaline });
        let drawn =
            wechat.post_for_bytes(BY_SCENE, &body, |_| true, RetryPolicy::AnyFailure).await.expect("bytes");
        let answer = phone.post(UNLIMITED, &body).await;
        assert!(answer.bytes == drawn && drawn.len() > 1000, "{} and {}", answer.bytes.len(), drawn.len());
    }
}

#[tokio::test]
async fn a_code_costs_one_request_to_wechat_and_none_to_the_database() {
    let world = World::start().await;
    let phone = world.user().await;
    let body = json!({ "scene": "s" });
    phone.post(UNLIMITED, &body).await;
    let (answer, cost) = world.count_requests(phone.post(UNLIMITED, &body)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(cost, Requests { dynamodb: 0, wechat: 1 });
    let (answer, cost) = world.count_requests(phone.post(UNLIMITED, &json!({ "scene": "a b" }))).await;
    assert_eq!(answer.status, 400);
    assert_eq!(cost, Requests { dynamodb: 0, wechat: 0 });
}

#[tokio::test]
async fn a_body_that_wechat_would_refuse_is_refused_without_a_request() {
    let world = World::start().await;
    let phone = world.user().await;
    let colour = |shade: Value| json!({ "line_color": { "r": shade, "g": 0, "b": 0 } });
    for (changes, field) in [
        (json!({ "scene": null }), "scene"),
        (json!({ "scene": "" }), "scene"),
        (json!({ "scene": 1 }), "scene"),
        (json!({ "scene": "s".repeat(33) }), "scene"),
        (json!({ "scene": "a%20b" }), "scene"),
        (json!({ "scene": "a b" }), "scene"),
        (json!({ "scene": "场景" }), "scene"),
        (json!({ "scene": "scancode_time=1" }), "scene"),
        (json!({ "page": "" }), "page"),
        (json!({ "page": "/pages/index" }), "page"),
        (json!({ "page": "pages/index?a=1" }), "page"),
        (json!({ "page": "pages/scancode_time" }), "page"),
        (json!({ "page": "p".repeat(1025) }), "page"),
        (json!({ "width": 279 }), "width"),
        (json!({ "width": 1281 }), "width"),
        (json!({ "width": -1 }), "width"),
        (json!({ "width": "430" }), "width"),
        (json!({ "width": 430.5 }), "width"),
        (colour(json!(256)), "line_color.r"),
        (colour(json!(-1)), "line_color.r"),
        (colour(json!("red")), "line_color.r"),
        (json!({ "line_color": { "r": 1, "g": 2 } }), "line_color"),
        (json!({ "line_color": { "r": 1, "g": 2, "b": 3, "a": 4 } }), "line_color.a"),
        (json!({ "auto_color": "true" }), "auto_color"),
        (json!({ "is_hyaline": 1 }), "is_hyaline"),
        (json!({ "check_path": "false" }), "check_path"),
        (json!({ "env_version": "beta" }), "env_version"),
        (json!({ "path": "pages/index" }), "path"),
    ] {
        let mut body = json!({ "scene": "s" });
        body.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        let answer = phone.post(UNLIMITED, &body).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{changes}");
        assert!(answer.text("/message").contains(&format!("：{field} ")), "{changes} {}", answer.body);
    }
    assert_eq!(world.calls_to(BY_SCENE), 0);
}

#[tokio::test]
async fn a_missing_page_is_refused_with_a_hint_and_drawn_if_it_is_not_checked() {
    let world = World::start().await;
    let phone = world.user().await;
    world.wechat().set_fault(Fault::PageMissing { page: "pages/new".to_owned() });
    let mut body = json!({ "scene": "s", "page": "pages/new" });
    let refused = phone.post(UNLIMITED, &body).await;
    assert_snapshot!(refused.snapshot(), @r#"400 {"success":false,"code":"INVALID_INPUT","message":"参数有误：page 不存在或尚未发布；未发布的页面请将 check_path 设为 false","requestId":"…"}"#);
    body["check_path"] = json!(false);
    read(&phone.post(UNLIMITED, &body).await, ImageFormat::Jpeg);
}

#[tokio::test]
async fn each_refusal_of_wechat_s_has_its_answer() {
    let world = World::start().await;
    let phone = world.user().await;
    for (errcode, outcome, word) in [
        (40129, "400 INVALID_INPUT", "scene"),
        (40169, "400 INVALID_INPUT", "scene"),
        (40165, "400 INVALID_INPUT", "page"),
        (40189, "400 INVALID_INPUT", "width"),
        (85096, "400 INVALID_INPUT", "scancode_time"),
        (40097, "400 INVALID_INPUT", "body"),
        (45009, "429 RATE_LIMITED", ""),
        (45011, "429 RATE_LIMITED", ""),
        (48001, "500 INTERNAL_ERROR", ""),
    ] {
        world.wechat().set_fault(Fault::Errcode { path: BY_SCENE.to_owned(), errcode, times: 1 });
        let answer = phone.post(UNLIMITED, &json!({ "scene": "s" })).await;
        assert_eq!(answer.outcome(), outcome, "{errcode}");
        assert!(answer.text("/message").contains(word), "{errcode} {}", answer.body);
        assert_eq!(!header(&answer, "retry-after").is_empty(), answer.status == 429, "{errcode}");
    }
    for path in [BY_PATH, SQUARE] {
        for (errcode, outcome, word) in [
            (40159, "400 INVALID_INPUT", "path"),
            (41030, "400 INVALID_INPUT", "path"),
            (45029, "409 CONFLICT", "/api/wxacode/unlimited"),
        ] {
            world.wechat().set_fault(Fault::Errcode { path: path.to_owned(), errcode, times: 1 });
            let route = if path == BY_PATH { CODE } else { QR_CODE };
            let answer = world.operator("POST", route, &json!({ "path": "pages/index" })).await;
            assert_eq!(answer.outcome(), outcome, "{errcode}");
            assert!(answer.text("/message").contains(word), "{errcode} {}", answer.body);
        }
    }
}

#[tokio::test]
async fn json_is_never_answered_as_a_picture_whatever_its_type_says() {
    let world = World::start().await;
    let phone = world.user().await;
    let (path, body) = (BY_SCENE.to_owned(), json!({ "scene": "s" }));
    let fault = |errcode, times| Fault::JsonInsteadOfImage { path: path.clone(), errcode, times };
    world.wechat().set_fault(fault(0, 3));
    let answer = phone.post(UNLIMITED, &body).await;
    assert_eq!(answer.outcome().as_str(), "503 UPSTREAM_BUSY");
    assert_eq!(header(&answer, "cache-control"), "no-store");
    world.wechat().set_fault(fault(40129, 1));
    assert_eq!(phone.post(UNLIMITED, &body).await.outcome(), "400 INVALID_INPUT");
    for fault in [
        Fault::Garbage { path: path.clone(), times: 3 },
        Fault::HttpStatus { path: path.clone(), status: 502, times: 3 },
        Fault::TimeoutAfter { path: path.clone(), millis: 0, times: 3 },
        Fault::Busy { path: path.clone(), times: 3 },
    ] {
        world.wechat().set_fault(fault);
        assert_eq!(phone.post(UNLIMITED, &body).await.outcome(), "503 UPSTREAM_BUSY");
    }
    world.wechat().set_fault(Fault::ImageAsTextPlain { path: path.clone(), times: 1 });
    read(&phone.post(UNLIMITED, &body).await, ImageFormat::Jpeg);
    world.wechat().set_fault(Fault::TimeoutBefore { path, millis: 0, times: 1 });
    read(&phone.post(UNLIMITED, &body).await, ImageFormat::Jpeg);
}

#[tokio::test]
async fn a_revoked_token_is_replaced_and_the_code_drawn() {
    let world = World::start().await;
    let phone = world.user().await;
    phone.post(UNLIMITED, &json!({ "scene": "s" })).await;
    world.wechat().revoke_tokens();
    read(&phone.post(UNLIMITED, &json!({ "scene": "s" })).await, ImageFormat::Jpeg);
}

#[tokio::test]
async fn one_user_gets_thirty_codes_a_minute_and_others_are_not_limited() {
    let world = World::start().await;
    let (greedy, modest) = (world.user().await, world.user().await);
    // The minute that begins now is whole.
    world.clock.advance(Duration::from_secs(60 - world.now() % 60));
    let body = json!({ "scene": "s", "width": 280 });
    let answers = join_all((0..31).map(|_| greedy.post(UNLIMITED, &body))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 30);
    let refused = answers.iter().find(|answer| answer.status != 200).expect("one too many");
    assert_eq!(refused.outcome().as_str(), "429 RATE_LIMITED");
    assert_eq!(header(refused, "retry-after"), "60");
    assert_eq!(world.calls_to(BY_SCENE), 30);
    assert_eq!(modest.post(UNLIMITED, &body).await.status, 200);
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(greedy.post(UNLIMITED, &body).await.status, 200);
}

#[tokio::test]
async fn an_operator_has_a_code_drawn_for_a_page_with_its_query() {
    let world = World::start().await;
    let app_id = world.wechat().account().app_id.clone();
    let path = "pages/index?id=1";
    let body = json!({ "path": path, "width": 1280, "is_hyaline": true, "env_version": "develop" });
    let (link, width) = read(&world.operator("POST", CODE, &body).await, ImageFormat::Png);
    assert_eq!(width, 1280);
    assert_eq!(
        link,
        format!("https://mp.weixin.qq.com/a/{app_id}?path=pages%2Findex%3Fid%3D1&env_version=develop")
    );
    let (link, _) = read(&world.operator("POST", QR_CODE, &json!({ "path": path })).await, ImageFormat::Jpeg);
    assert_eq!(link, format!("https://mp.weixin.qq.com/a/{app_id}?path=pages%2Findex%3Fid%3D1"));
}

#[tokio::test]
async fn a_path_that_wechat_would_refuse_is_refused_without_a_request() {
    let world = World::start().await;
    for route in [CODE, QR_CODE] {
        for (body, field) in [
            (json!({}), "path"),
            (json!({ "path": "" }), "path"),
            (json!({ "path": "p".repeat(1025) }), "path"),
            (json!({ "path": "pages/index?scancode_time=1" }), "path"),
            (json!({ "path": "pages/\nindex" }), "path"),
            (json!({ "path": "pages/index", "width": 0 }), "width"),
            (json!({ "path": "pages/index", "scene": "s" }), "scene"),
            (json!({ "path": "pages/index", "check_path": false }), "check_path"),
        ] {
            let answer = world.operator("POST", route, &body).await;
            assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{route} {body}");
            assert!(answer.text("/message").contains(field), "{route} {body} {}", answer.body);
        }
        let longest = world.operator("POST", route, &json!({ "path": "页".repeat(1024) })).await;
        read(&longest, ImageFormat::Jpeg);
    }
    let appearance = json!({ "path": "pages/index", "is_hyaline": true });
    assert_eq!(world.operator("POST", QR_CODE, &appearance).await.outcome(), "400 INVALID_INPUT");
}

#[tokio::test]
async fn a_permanent_code_is_not_requested_again_after_a_lost_answer() {
    let world = World::start().await;
    for (route, path) in [(CODE, BY_PATH), (QR_CODE, SQUARE)] {
        world.wechat().set_fault(Fault::TimeoutAfter { path: path.to_owned(), millis: 0, times: 1 });
        let answer = world.operator("POST", route, &json!({ "path": "pages/index" })).await;
        assert_eq!(answer.outcome(), "503 UPSTREAM_BUSY");
        assert_eq!(world.calls_to(path), 1);
    }
}

#[tokio::test]
async fn codes_are_for_users_and_permanent_codes_for_operators() {
    let world = World::start().await;
    let phone = world.user().await;
    assert_eq!(world.post(UNLIMITED, &json!({ "scene": "s" })).await.outcome(), "401 UNAUTHORIZED");
    for route in [CODE, QR_CODE] {
        let request = world.request("POST", route).bearer_auth(&phone.token);
        let request = request.json(&json!({ "path": "pages/index" }));
        assert_eq!(request.send().await.expect("an answer").status().as_u16(), 403, "{route}");
    }
    assert_eq!(world.calls_to(BY_SCENE) + world.calls_to(BY_PATH) + world.calls_to(SQUARE), 0);
}
