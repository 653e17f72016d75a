//! Serves the files of a folder that is compiled into the program.

use std::{borrow::Cow, fs};

use axum::response::{IntoResponse, Response};
use http::{
    StatusCode,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
};

/// A folder of a page. `build.rs` lists its files, so that a new file needs no change of Rust code.
pub(crate) struct Folder {
    /// Where the folder is in the workspace.
    pub(crate) path: &'static str,
    /// The files with their content.
    pub(crate) files: &'static [(&'static str, &'static [u8])],
}

impl Folder {
    /// The file with this name, on a page that may also show pictures of the origin `pictures`.
    pub(crate) fn serve(&self, name: &str, pictures: &str) -> Response {
        let Some((name, bytes)) = self.files.iter().find(|(known, _)| *known == name) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let Some(content_type) = content_type(name) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        respond(content_type, self.content(name, bytes).into_owned(), pictures)
    }

    /// The content of a file. A debug build prefers the file of the workspace, so that an edit shows when the page is loaded again.
    fn content(&self, name: &str, compiled: &'static [u8]) -> Cow<'static, [u8]> {
        let edited = cfg!(debug_assertions).then(|| fs::read(format!("{}/{name}", self.path)).ok()).flatten();
        edited.map_or(Cow::Borrowed(compiled), Cow::Owned)
    }
}

/// An answer that no cache keeps, and a page that loads nothing from elsewhere but pictures of the origin `pictures`, which may be empty.
pub(crate) fn respond(content_type: &'static str, content: Vec<u8>, pictures: &str) -> Response {
    let policy = format!(
        "default-src 'self'; img-src 'self' data: blob: {pictures}; object-src 'none'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    let headers = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, &policy),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, content).into_response()
}

/// The content type of a file; `None` for a kind that a page may not have.
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
