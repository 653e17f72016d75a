//! Draws a QR code as JPEG, or as PNG if the request wants transparency.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageResult, RgbImage, RgbaImage};
use qrcode::{Color, EcLevel, QrCode};
use sha1::{Digest, Sha1};

use super::body::PictureStyle;
use crate::core::random;

pub(super) struct Picture {
    pub(super) content_type: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// Draws the link. `None` does not occur, because every link fits and writing to memory does not fail.
pub(super) fn draw(link: &str, style: &PictureStyle) -> Option<Picture> {
    let [r, g, b] = style.color;
    let code = encode(link)?;
    let is_dark = dark_pixels(&code, style.width)?;
    let mut bytes = Vec::new();
    let (content_type, written) = if style.transparent {
        let pixel = |x, y| image::Rgba(if is_dark(x, y) { [r, g, b, 255] } else { [255, 255, 255, 0] });
        let drawn = RgbaImage::from_fn(style.width, style.width, pixel);
        ("image/png", write(PngEncoder::new(&mut bytes), &drawn, style.width, ExtendedColorType::Rgba8))
    } else {
        let pixel = |x, y| image::Rgb(if is_dark(x, y) { [r, g, b] } else { [255; 3] });
        let drawn = RgbImage::from_fn(style.width, style.width, pixel);
        let encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
        ("image/jpeg", write(encoder, &drawn, style.width, ExtendedColorType::Rgb8))
    };
    written.ok()?;
    Some(Picture { content_type, bytes })
}

/// Encodes the link, or a short link with its digest if the link is too long for a QR code.
fn encode(link: &str) -> Option<QrCode> {
    let encode = |link: &str| {
        [EcLevel::M, EcLevel::L]
            .into_iter()
            .find_map(|level| QrCode::with_error_correction_level(link, level).ok())
    };
    encode(link).or_else(|| {
        let page = link.split('?').next().unwrap_or_default();
        encode(&format!("{page}?digest={}", random::hex(&Sha1::digest(link))))
    })
}

/// Returns whether a pixel is dark in a square picture of this width, with the code in the middle and a quiet zone around it.
fn dark_pixels(code: &QrCode, width: u32) -> Option<impl Fn(u32, u32) -> bool> {
    let modules = u32::try_from(code.width()).ok()?;
    let scale = width.checked_div(modules + 2 * QUIET)?.max(1);
    let margin = width.saturating_sub(scale * modules) / 2;
    let colors = code.to_colors();
    let module =
        move |pixel: u32| Some(pixel.checked_sub(margin)? / scale).filter(|module| *module < modules);
    Some(move |x, y| {
        let at = module(x).zip(module(y)).and_then(|(x, y)| usize::try_from(y * modules + x).ok());
        at.and_then(|at| colors.get(at)) == Some(&Color::Dark)
    })
}

fn write(encoder: impl ImageEncoder, pixels: &[u8], width: u32, color: ExtendedColorType) -> ImageResult<()> {
    encoder.write_image(pixels, width, width, color)
}

/// The width of the quiet zone, in modules.
const QUIET: u32 = 4;
