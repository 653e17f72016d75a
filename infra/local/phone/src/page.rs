//! Serves the files of `page/`.
//!
//! `build.rs` lists them, so that a new file needs no change here. A content security policy keeps the page from loading anything from
//! elsewhere; pictures may come from this machine too, because the local S3 has a port of its own.

use std::{borrow::Cow, fs};

use axum::{
    Router,
    extract::Path,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use http::{
    StatusCode,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
};

/// The routes `/phone`, `/phone/` and `/phone/{file}`, to be mounted at `/_wechat`.
pub fn router() -> Router {
    // The redirect is needed because the page names its files relative to the folder.
    Router::new()
        .route("/phone", get(redirect_to_folder))
        .route("/phone/", get(serve_index))
        .route("/phone/{file}", get(serve_file))
}

async fn redirect_to_folder() -> Redirect {
    Redirect::temporary("phone/")
}

async fn serve_index() -> Response {
    serve("index.html")
}

async fn serve_file(Path(file): Path<String>) -> Response {
    serve(&file)
}

fn serve(name: &str) -> Response {
    let Some((name, bytes)) = FILES.iter().find(|(known, _)| *known == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Some(content_type) = content_type(name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, content(name, bytes).into_owned()).into_response()
}

/// The content of a file. A debug build prefers the file of the workspace, so that an edit shows when the page is loaded again.
fn content(name: &str, compiled: &'static [u8]) -> Cow<'static, [u8]> {
    let edited = cfg!(debug_assertions).then(|| fs::read(format!("{FOLDER}/{name}")).ok()).flatten();
    edited.map_or(Cow::Borrowed(compiled), Cow::Owned)
}

/// The content type of a file; `None` for a kind that the page may not have.
fn content_type(name: &str) -> Option<&'static str> {
    Some(match name.rsplit_once('.')?.1 {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        _ => return None,
    })
}

/// The files of the page with their content.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/page_files.rs"));
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/page");
const POLICY: &str = "default-src 'self'; img-src 'self' data: blob: http://127.0.0.1:*; object-src 'none'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_file_of_the_folder_is_served_as_what_it_is() {
        let in_folder = fs::read_dir(FOLDER).unwrap().count();
        assert_eq!(FILES.len(), in_folder, "the page has files only, and no folders");
        for (name, _) in FILES {
            let response = serve(name);
            assert_eq!(response.status(), 200, "{name} has no content type");
            let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
            assert_eq!(body.as_ref(), fs::read(format!("{FOLDER}/{name}")).unwrap(), "{name}");
        }
    }

    #[test]
    fn the_page_is_not_kept_and_loads_nothing_from_elsewhere() {
        let response = serve("index.html");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
        assert!(
            response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().starts_with("default-src 'self'")
        );
    }

    #[test]
    fn a_path_out_of_the_folder_is_not_found() {
        for name in ["../Cargo.toml", "..", "", "/etc/passwd", "missing.js"] {
            assert_eq!(serve(name).status(), 404, "{name}");
        }
    }
}
