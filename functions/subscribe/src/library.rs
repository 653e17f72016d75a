//! `/api/admin/subscribe/categories`, `/api/admin/subscribe/library`: lists the library from which the account can choose templates.
//!
//! WeChat: 获取类目 (`getcategory`), 获取所属类目下的公共模板 (`getpubtemplatetitles`), 获取关键词列表
//! (`getpubtemplatekeywords`). Fields that are passed through keep WeChat's names.

use serde::Serialize;
use serde_json::{Map, Value};
use shared::{
    api::{ApiError, Code, request, response},
    runtime::{Body, Request, Response},
    service::PlatformError,
};

use crate::SubscribeFunction;

/// A list as WeChat answers it.
#[derive(Serialize)]
pub(crate) struct ListAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<Value>,
    data: Vec<Value>,
}

impl ListAnswer {
    pub(crate) fn read(mut answer: Map<String, Value>) -> Result<Self, ApiError> {
        let data = match answer.remove("data") {
            Some(Value::Array(data)) => data,
            // WeChat leaves `data` out when the list is empty.
            None | Some(Value::Null) => Vec::new(),
            Some(_) => return Err(ApiError::new(Code::Internal).with_cause("the answer's data are no list")),
        };
        Ok(Self { count: answer.remove("count"), data })
    }
}

impl SubscribeFunction {
    pub(crate) async fn list_categories(&self) -> Result<Response<Body>, ApiError> {
        let answer = self.platform.get(CATEGORIES, &[]).await.map_err(PlatformError::for_operator)?;
        Ok(response::success(&ListAnswer::read(answer)?))
    }

    pub(crate) async fn list_library(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let ids = request::required("ids", request::query(request, "ids"))?;
        if ids.len() > 200 || !ids.split(',').all(is_tid) {
            return Err(ApiError::invalid("ids", "须为类目编号，以逗号分隔"));
        }
        let start = number(request, "start", 0)?;
        let limit = number(request, "limit", MAX_LIMIT)?;
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(ApiError::invalid("limit", "须为 1 到 30"));
        }
        let (start, limit) = (start.to_string(), limit.to_string());
        let query = [("ids", ids.as_str()), ("start", &start), ("limit", &limit)];
        let answer = self.platform.get(TITLES, &query).await.map_err(map_list_error)?;
        Ok(response::success(&ListAnswer::read(answer)?))
    }

    pub(crate) async fn list_keywords(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let tid = request::path(request, "tid")?;
        if !is_tid(&tid) {
            return Err(Code::NotFound.into());
        }
        let answer =
            self.platform.get(KEYWORDS, &[("tid", &tid)]).await.map_err(|error| match error.errcode() {
                Some(200_014) => ApiError::new(Code::NotFound).with_cause(error),
                _ => error.for_operator(),
            })?;
        Ok(response::success(&ListAnswer::read(answer)?))
    }
}

/// Whether the text can be WeChat's number of a template of the library, or of a category.
pub(crate) fn is_tid(text: &str) -> bool {
    (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn number(request: &Request, name: &str, default: u32) -> Result<u32, ApiError> {
    let Some(text) = request::query(request, name) else { return Ok(default) };
    let number = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    number.ok_or_else(|| ApiError::invalid(name, "须为数字"))
}

fn map_list_error(error: PlatformError) -> ApiError {
    let field = match error.errcode() {
        Some(200_016) => "start",
        Some(200_017) => "limit",
        Some(200_018 | 200_019) => "ids",
        _ => return error.for_operator(),
    };
    ApiError::invalid(field, "未被微信接受").with_cause(error)
}

const CATEGORIES: &str = "/wxaapi/newtmpl/getcategory";
const TITLES: &str = "/wxaapi/newtmpl/getpubtemplatetitles";
const KEYWORDS: &str = "/wxaapi/newtmpl/getpubtemplatekeywords";
const MAX_LIMIT: u32 = 30;
