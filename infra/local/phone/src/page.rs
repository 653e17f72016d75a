//! Serves the files of `page/`, the phone.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, State},
    response::{Redirect, Response},
    routing::get,
};

use crate::folder::Folder;

/// The routes `/phone`, `/phone/` and `/phone/{file}`, to be mounted at `/_wechat`. Pictures that users uploaded come from the origin
/// `uploads`.
pub(crate) fn router(uploads: &str) -> Router {
    // The redirect is needed because the page names its files relative to the folder.
    Router::new()
        .route("/phone", get(redirect_to_folder))
        .route("/phone/", get(serve_index))
        .route("/phone/{file}", get(serve_file))
        .with_state(Arc::from(uploads))
}

async fn redirect_to_folder() -> Redirect {
    Redirect::temporary("phone/")
}

async fn serve_index(State(uploads): State<Arc<str>>) -> Response {
    FOLDER.serve("index.html", &uploads)
}

async fn serve_file(State(uploads): State<Arc<str>>, Path(file): Path<String>) -> Response {
    FOLDER.serve(&file, &uploads)
}

const FOLDER: Folder = Folder {
    path: concat!(env!("CARGO_MANIFEST_DIR"), "/page"),
    files: include!(concat!(env!("OUT_DIR"), "/page_files.rs")),
};

#[cfg(test)]
mod tests {
    use std::fs;

    use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};

    use super::*;

    fn serve(name: &str) -> Response {
        FOLDER.serve(name, "http://192.168.1.7:9000")
    }

    #[tokio::test]
    async fn every_file_of_the_folder_is_served_as_what_it_is() {
        let in_folder = fs::read_dir(FOLDER.path).unwrap().count();
        assert_eq!(FOLDER.files.len(), in_folder, "the page has files only, and no folders");
        for (name, _) in FOLDER.files {
            let response = serve(name);
            assert_eq!(response.status(), 200, "{name} has no content type");
            let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
            assert_eq!(body.as_ref(), fs::read(format!("{}/{name}", FOLDER.path)).unwrap(), "{name}");
        }
    }

    #[test]
    fn the_page_is_not_kept_and_loads_nothing_from_elsewhere() {
        let response = serve("index.html");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(
            policy.starts_with(
                "default-src 'self'; img-src 'self' data: blob: http://192.168.1.7:9000; object"
            ),
            "{policy}"
        );
    }

    #[test]
    fn a_path_out_of_the_folder_is_not_found() {
        for name in ["../Cargo.toml", "..", "", "/etc/passwd", "missing.js"] {
            assert_eq!(serve(name).status(), 404, "{name}");
        }
    }
}
