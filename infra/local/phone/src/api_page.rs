//! Serves the files of `api/`, a page that shows `docs/openapi.yaml`, and the description itself as JSON.

use std::fs;

use axum::{
    Router,
    extract::Path,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use http::StatusCode;
use local_template::TemplateError;

use crate::folder::{Folder, respond};

/// The routes `/api`, `/api/`, `/api/openapi.json` and `/api/{file}`, to be mounted at `/_wechat`.
pub(crate) fn router() -> Router {
    // The redirect is needed because the page names its files relative to the folder.
    Router::new()
        .route("/api", get(redirect_to_folder))
        .route("/api/", get(serve_index))
        .route("/api/openapi.json", get(serve_description))
        .route("/api/{file}", get(serve_file))
}

async fn redirect_to_folder() -> Redirect {
    Redirect::temporary("api/")
}

async fn serve_index() -> Response {
    FOLDER.serve("index.html", NO_PICTURES)
}

async fn serve_file(Path(file): Path<String>) -> Response {
    FOLDER.serve(&file, NO_PICTURES)
}

async fn serve_description() -> Response {
    match description() {
        Ok(json) => respond("application/json", json.into_bytes(), NO_PICTURES),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// The description as JSON. A debug build prefers the file of the workspace, as it does for the files of the page.
fn description() -> Result<String, TemplateError> {
    let edited = cfg!(debug_assertions).then(|| fs::read_to_string(FILE).ok()).flatten();
    Ok(local_template::parse_yaml(edited.as_deref().unwrap_or(COMPILED))?.to_string())
}

/// The page shows no pictures but its own.
const NO_PICTURES: &str = "";
const FOLDER: Folder = Folder {
    path: concat!(env!("CARGO_MANIFEST_DIR"), "/api"),
    files: include!(concat!(env!("OUT_DIR"), "/api_files.rs")),
};
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/openapi.yaml");
const COMPILED: &str = include_str!("../../../../docs/openapi.yaml");

#[cfg(test)]
mod tests {
    use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_served_and_loads_nothing_from_elsewhere() {
        assert_eq!(FOLDER.files.len(), fs::read_dir(FOLDER.path).unwrap().count());
        for (name, content) in FOLDER.files {
            let response = FOLDER.serve(name, NO_PICTURES);
            assert_eq!(response.status(), 200, "{name} has no content type");
            let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.starts_with("default-src 'self'"), "{policy}");
            let text = String::from_utf8(content.to_vec()).unwrap().replace("http://www.w3.org/2000/svg", "");
            for forbidden in ["http://", "https://", "innerHTML", "<style", "style=", "onclick"] {
                assert!(!text.contains(forbidden), "{name} has {forbidden}");
            }
        }
    }

    #[tokio::test]
    async fn the_description_is_served_as_json() {
        let response = serve_description().await;
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        for part in [r#""openapi":"3.1.0""#, r#""/api/login":"#, r#""operationId":"placeOrder""#] {
            assert!(text.contains(part), "{part}");
        }
    }
}
