//! `wx.uploadFile`: the phone posts one file, with further fields, to a server of the mini program.
//!
//! Documentation: "wx.uploadFile", "Network usage notes". The body is multipart: the fields of `formData` come first and the file is last,
//! under the field name `name`. The file's name is one that the client makes up. The success callback runs whatever the server's
//! status is.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/api/network/upload/wx.uploadFile.html>

mod multipart;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt as _;
use reqwest::Client;
use serde_json::Value;

use self::multipart::{File, form_body};
use crate::core::notices;
use crate::core::random;
use crate::core::service::Service;
use crate::core::wx_api::{WxApi, WxArguments, WxFailure, text_argument};

/// Uploads files of the phone.
pub(crate) struct UploadFileService {
    client: Result<Client, String>,
}

impl UploadFileService {
    pub(crate) fn new() -> Self {
        Self { client: notices::client() }
    }

    async fn upload(&self, arguments: &WxArguments) -> Result<WxArguments, WxFailure> {
        let url = text_argument(arguments, "url")?;
        let name = text_argument(arguments, "name")?;
        let path = text_argument(arguments, "filePath")?;
        let fields = text_members(arguments, "formData")?;
        let headers = text_members(arguments, "header")?;
        let file = File { field: name, file_name: &file_name(path), bytes: &file_content(arguments)? };
        let boundary = format!("----{}", random::hex(&random::bytes::<16>()));
        let client = self.client.as_ref().map_err(WxFailure::new)?;
        let mut request = client.post(url).timeout(timeout(arguments)?);
        for (header, value) in &headers {
            // WeChat's client sets these itself.
            if !["referer", "content-type"].contains(&header.to_lowercase().as_str()) {
                request = request.header(header, value);
            }
        }
        let response = request
            .header("content-type", format!("multipart/form-data; boundary={boundary}"))
            .body(form_body(&boundary, &fields, &file))
            .send()
            .await
            .map_err(network_failure)?;
        let status = response.status().as_u16();
        let data = response.text().await.map_err(network_failure)?;
        Ok(WxArguments::from_iter([
            ("statusCode".to_owned(), Value::from(status)),
            ("data".to_owned(), Value::from(data)),
        ]))
    }
}

impl Service for UploadFileService {
    fn wx_apis(self: Arc<Self>) -> Vec<WxApi> {
        vec![WxApi::over_network("uploadFile", &self, |service, arguments| {
            async move { service.upload(&arguments).await }.boxed()
        })]
    }
}

/// What the file at `filePath` contains. The simulated phone has no files, so the caller says it, in Base64.
fn file_content(arguments: &WxArguments) -> Result<Vec<u8>, WxFailure> {
    let content = STANDARD.decode(text_argument(arguments, "fileContent")?);
    content.map_err(|_| WxFailure::parameter("parameter.fileContent should be Base64;"))
}

/// The made-up name of a temporary file; the extension is the real one.
fn file_name(path: &str) -> String {
    let extension = path.rsplit(['/', '.']).next().filter(|_| path.contains('.')).unwrap_or("tmp");
    format!("tmp_{}.{extension}", random::hex(&random::bytes::<16>()))
}

/// The members of an object whose values are texts. WeChat's client turns numbers and booleans into texts.
fn text_members(arguments: &WxArguments, name: &str) -> Result<Vec<(String, String)>, WxFailure> {
    let members = match arguments.get(name) {
        None => return Ok(Vec::new()),
        Some(Value::Object(members)) => members,
        Some(_) => return Err(WxFailure::parameter(&format!("parameter.{name} should be Object;"))),
    };
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Ok(members.iter().map(|(member, value)| (member.clone(), text(value))).collect())
}

fn timeout(arguments: &WxArguments) -> Result<Duration, WxFailure> {
    match arguments.get("timeout") {
        None => Ok(DEFAULT_TIMEOUT),
        Some(value) => value
            .as_u64()
            .map(Duration::from_millis)
            .ok_or_else(|| WxFailure::parameter("parameter.timeout should be Number;")),
    }
}

fn network_failure(error: reqwest::Error) -> WxFailure {
    WxFailure::new(if error.is_timeout() { "timeout".to_owned() } else { error.without_url().to_string() })
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
