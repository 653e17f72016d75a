//! Tests of mini program codes: the content of the picture, and errors in JSON.

use image::{DynamicImage, ImageFormat, Rgba};
use serde_json::{Value, json};

use super::fixture::Fixture;
use crate::base::tokens::access_tokens::TokenOwner::MiniProgram;
use crate::core::clock::MINUTE;

const BY_PATH: &str = "/wxa/getwxacode";
const BY_SCENE: &str = "/wxa/getwxacodeunlimit";
const QR_CODE: &str = "/cgi-bin/wxaapp/createwxaqrcode";

struct Got {
    content_type: String,
    body: Vec<u8>,
}

impl Got {
    fn errcode(&self) -> i64 {
        assert_eq!(self.content_type, "application/json; encoding=utf-8");
        serde_json::from_slice::<Value>(&self.body).unwrap()["errcode"].as_i64().unwrap()
    }

    fn image(&self, format: ImageFormat) -> DynamicImage {
        assert_eq!(self.content_type, format.to_mime_type(), "{}", String::from_utf8_lossy(&self.body));
        image::load_from_memory_with_format(&self.body, format).unwrap()
    }
}

async fn ask(fixture: &Fixture, path: &str, body: Value) -> Got {
    let token = fixture.token_of(MiniProgram).await;
    let answer = fixture.post(&format!("{path}?access_token={token}"), body).await.unwrap();
    assert_eq!(answer.status(), 200);
    let content_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
    Got { content_type, body: answer.bytes().await.unwrap().to_vec() }
}

/// Decodes the QR code in the picture, on a white background.
fn read(image: &DynamicImage) -> String {
    let pixels = image.to_rgba8();
    let size = |side: u32| usize::try_from(side).unwrap();
    let shade = |x: usize, y: usize| {
        let Rgba([r, _, _, a]) = *pixels.get_pixel(x.try_into().unwrap(), y.try_into().unwrap());
        if a == 0 { 255 } else { r }
    };
    let (width, height) = (size(image.width()), size(image.height()));
    let mut reader = rqrr::PreparedImage::prepare_from_greyscale(width, height, shade);
    reader.detect_grids()[0].decode().unwrap().1
}

#[tokio::test]
async fn a_qr_reader_finds_page_and_scene() {
    let fixture = Fixture::new().await;
    let app_id = &fixture.wechat.account().app_id;
    let body = json!({"scene": "a=1&b=2", "page": "pages/index/index", "path": "ignored"});
    let image = ask(&fixture, BY_SCENE, body).await.image(ImageFormat::Jpeg);
    assert_eq!((image.width(), image.height()), (430, 430));
    let query = "page=pages%2Findex%2Findex&scene=a%3D1%26b%3D2&env_version=release";
    assert_eq!(read(&image), format!("https://mp.weixin.qq.com/a/{app_id}?{query}"));
    for (path, query) in [
        (BY_PATH, "path=pages%2Findex%3Fid%3D1&env_version=release"),
        (QR_CODE, "path=pages%2Findex%3Fid%3D1"),
    ] {
        let image = ask(&fixture, path, json!({"path": "pages/index?id=1", "width": 280})).await;
        let image = image.image(ImageFormat::Jpeg);
        assert_eq!(image.width(), 280);
        assert_eq!(read(&image), format!("https://mp.weixin.qq.com/a/{app_id}?{query}"));
    }
}

#[tokio::test]
async fn a_transparent_code_is_a_png_in_the_given_colour() {
    let fixture = Fixture::new().await;
    let body = json!({
        "scene": "s",
        "is_hyaline": true,
        "line_color": {"r": "10", "g": 20, "b": 30},
        "env_version": "trial",
    });
    let image = ask(&fixture, BY_SCENE, body).await.image(ImageFormat::Png);
    assert!(read(&image).ends_with("env_version=trial"));
    let pixels = image.to_rgba8();
    assert_eq!(pixels.get_pixel(0, 0)[3], 0);
    assert!(pixels.pixels().any(|pixel| pixel.0 == [10, 20, 30, 255]));
}

#[tokio::test]
async fn the_longest_path_is_drawn() {
    let fixture = Fixture::new().await;
    for path in ["p".repeat(1024), "页".repeat(1024)] {
        let got = ask(&fixture, BY_PATH, json!({"path": path})).await;
        assert!(read(&got.image(ImageFormat::Jpeg)).starts_with("https://mp.weixin.qq.com/a/wx"));
    }
}

#[tokio::test]
async fn each_wrong_parameter_has_its_errcode() {
    let fixture = Fixture::new().await;
    for (changes, errcode) in [
        (json!({"scene": null}), 40169),
        (json!({"scene": ""}), 40169),
        (json!({"scene": "s".repeat(33)}), 40169),
        (json!({"scene": "场景"}), 40129),
        (json!({"scene": "a b"}), 40129),
        (json!({"scene": "a%20b"}), 40129),
        (json!({"scene": 1}), 47001),
        (json!({"scene": "scancode_time=1"}), 85096),
        (json!({"page": "/pages/index"}), 40165),
        (json!({"page": "pages/index?a=1"}), 40165),
        (json!({"page": "pages/scancode_time"}), 85096),
        (json!({"width": 279}), 40189),
        (json!({"width": 1281}), 40189),
        (json!({"width": -1}), 40189),
        (json!({"width": "430"}), 47001),
        (json!({"env_version": "beta"}), 40097),
        (json!({"line_color": {"r": 256, "g": 0, "b": 0}}), 40097),
        (json!({"line_color": {"r": 1}}), 47001),
        (json!({"check_path": "false"}), 47001),
    ] {
        let mut body = json!({"scene": "s"});
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        assert_eq!(ask(&fixture, BY_SCENE, body).await.errcode(), errcode, "{changes}");
    }
    for path in [BY_PATH, QR_CODE] {
        for (body, errcode) in [
            (json!({}), 40159),
            (json!({"path": ""}), 40159),
            (json!({"path": "p".repeat(1025)}), 40159),
            (json!({"path": "pages/index?scancode_time=1"}), 85096),
            (json!({"path": "pages/index", "width": 0}), 40189),
            (json!({"path": 1}), 47001),
        ] {
            assert_eq!(ask(&fixture, path, body.clone()).await.errcode(), errcode, "{path} {body}");
        }
    }
}

#[tokio::test]
async fn a_missing_page_is_refused_unless_it_is_not_checked() {
    let fixture = Fixture::new().await;
    fixture.add_faults(json!({"fault": "page_missing", "page": "pages/new"})).await;
    let body = json!({"scene": "s", "page": "pages/new"});
    assert_eq!(ask(&fixture, BY_SCENE, body.clone()).await.errcode(), 41030);
    let mut unchecked = body;
    unchecked["check_path"] = false.into();
    ask(&fixture, BY_SCENE, unchecked).await.image(ImageFormat::Jpeg);
    ask(&fixture, BY_SCENE, json!({"scene": "s", "page": "pages/old"})).await.image(ImageFormat::Jpeg);
}

#[tokio::test]
async fn a_fault_changes_the_pictures_content_type_or_sends_json() {
    let fixture = Fixture::new().await;
    let body = json!({"scene": "s"});
    let faults = json!([
        {"fault": "image_as_text_plain", "path": BY_SCENE},
        {"fault": "json_instead_of_image", "path": BY_SCENE},
        {"fault": "json_instead_of_image", "path": BY_SCENE, "errcode": 45009},
        {"fault": "errcode", "path": BY_SCENE, "errcode": 45009},
    ]);
    fixture.add_faults(faults).await;
    let got = ask(&fixture, BY_SCENE, body.clone()).await;
    assert_eq!((got.content_type.as_str(), &got.body[..3]), ("text/plain", &b"\xFF\xD8\xFF"[..]));
    for errcode in [0, 45009] {
        let got = ask(&fixture, BY_SCENE, body.clone()).await;
        assert_eq!(got.content_type, "image/jpeg");
        assert_eq!(serde_json::from_slice::<Value>(&got.body).unwrap()["errcode"], errcode);
    }
    assert_eq!(ask(&fixture, BY_SCENE, body).await.errcode(), 45009);
    let wrong = json!({"fault": "image_as_text_plain", "path": "/cgi-bin/token"});
    assert_eq!(fixture.post("/_wechat/faults", wrong).await.unwrap().status(), 400);
}

#[tokio::test]
async fn five_thousand_scenes_a_minute_are_drawn() {
    let fixture = Fixture::new().await;
    for _ in 0..5000 {
        let now = fixture.now();
        assert!(fixture.wechat.wxacode().counts().count_scene_code(now));
    }
    assert_eq!(ask(&fixture, BY_SCENE, json!({"scene": "s"})).await.errcode(), 45009);
    fixture.advance(MINUTE);
    ask(&fixture, BY_SCENE, json!({"scene": "s"})).await.image(ImageFormat::Jpeg);
}
