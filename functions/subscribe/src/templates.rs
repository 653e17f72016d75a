//! `/api/admin/subscribe/templates`: lists, adds and deletes the account's own templates.
//!
//! WeChat: 获取个人模板列表 (`gettemplate`), 选用模板 (`addtemplate`), 删除模板 (`deltemplate`). Fields that are passed
//! through keep WeChat's names.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shared::{
    api::{ApiError, Code, request, response},
    host::RetryPolicy,
    runtime::{Body, Request, Response},
    service::PlatformError,
    types::TemplateId,
};

use crate::{
    SubscribeFunction,
    library::{ListAnswer, is_tid},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AddBody {
    tid: Option<TidBody>,
    kid_list: Option<Vec<u32>>,
    scene_desc: Option<String>,
}

/// WeChat's list has the `tid` as a number, and its call to add a template takes it as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum TidBody {
    Number(u32),
    Text(String),
}

struct TemplateSelection {
    tid: String,
    keyword_ids: Vec<u32>,
    scene: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AddAnswer {
    template_id: TemplateId,
}

impl SubscribeFunction {
    pub(crate) async fn list_templates(&self) -> Result<Response<Body>, ApiError> {
        let answer = self.platform.get(LIST, &[]).await.map_err(PlatformError::for_operator)?;
        Ok(response::success(&ListAnswer::read(answer)?))
    }

    pub(crate) async fn add_template(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let TemplateSelection { tid, keyword_ids, scene } = parse(request::json(request)?)?;
        let body = json!({ "tid": tid, "kidList": keyword_ids, "sceneDesc": scene });
        // Each call adds a template, so it is not sent again after a lost answer. The list shows whether it was added.
        let answer =
            self.platform.post(ADD, &body, RetryPolicy::UnlessOutcomeUnknown).await.map_err(map_add_error)?;
        Ok(response::success(&AddAnswer { template_id: template_id(&answer)? }))
    }

    pub(crate) async fn delete_template(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let id = TemplateId::parse(&request::path(request, "templateId")?).map_err(|_| Code::NotFound)?;
        let body = json!({ "priTmplId": id });
        self.platform
            .post(DELETE, &body, RetryPolicy::UnlessOutcomeUnknown)
            .await
            .map_err(map_delete_error)?;
        Ok(response::success(&Map::new()))
    }
}

fn parse(body: AddBody) -> Result<TemplateSelection, ApiError> {
    let tid = match request::required("tid", body.tid)? {
        TidBody::Number(number) => number.to_string(),
        TidBody::Text(text) => text,
    };
    if !is_tid(&tid) {
        return Err(ApiError::invalid("tid", "不是模板库中的编号"));
    }
    let keyword_ids = request::required("kidList", body.kid_list)?;
    if !(2..=5).contains(&keyword_ids.len()) {
        return Err(ApiError::invalid("kidList", "须为 2 到 5 个关键词"));
    }
    if keyword_ids.iter().collect::<BTreeSet<_>>().len() < keyword_ids.len() {
        return Err(ApiError::invalid("kidList", "有重复的关键词"));
    }
    let scene = request::required("sceneDesc", body.scene_desc)?;
    if scene.trim().is_empty() || scene.chars().count() > 15 || scene.chars().any(char::is_control) {
        return Err(ApiError::invalid("sceneDesc", "须为 1 到 15 个字"));
    }
    Ok(TemplateSelection { tid, keyword_ids, scene })
}

fn template_id(answer: &Map<String, Value>) -> Result<TemplateId, ApiError> {
    let id = answer.get("priTmplId").and_then(Value::as_str).unwrap_or_default();
    TemplateId::parse(id).map_err(|error| ApiError::new(Code::Internal).with_cause(error))
}

fn map_add_error(error: PlatformError) -> ApiError {
    let answer = match error.errcode() {
        Some(200_012) => ApiError::new(Code::Conflict).with_message("模板数量已达上限"),
        Some(200_013) => ApiError::new(Code::Conflict).with_message("该模板已被封禁"),
        Some(200_014) => ApiError::invalid("tid", "未被微信接受"),
        Some(200_020) => ApiError::invalid("kidList", "未被微信接受"),
        Some(200_021) => ApiError::invalid("sceneDesc", "未被微信接受"),
        _ => return error.for_operator(),
    };
    answer.with_cause(error)
}

fn map_delete_error(error: PlatformError) -> ApiError {
    match error.errcode() {
        // 20001 is WeChat's "system error", and also what it says of a template that the account does not have.
        Some(20001 | 20002 | 40037) => ApiError::new(Code::NotFound).with_cause(error),
        _ => error.for_operator(),
    }
}

const LIST: &str = "/wxaapi/newtmpl/gettemplate";
const ADD: &str = "/wxaapi/newtmpl/addtemplate";
const DELETE: &str = "/wxaapi/newtmpl/deltemplate";
