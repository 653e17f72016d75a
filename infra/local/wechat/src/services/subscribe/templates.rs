//! `/wxaapi/newtmpl/…`: the account chooses its templates from the library.
//!
//! Documentation: "Subscribe message management" (订阅消息管理).
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-message-management/subscribe-message/addMessageTemplate.html>

use serde::Deserialize;
use serde_json::json;

use super::account_templates::AccountTemplate;
use super::library::{CATEGORIES, Keyword, LIBRARY, LibraryTemplate};
use super::service::SubscribeService;
use crate::base::access;
use crate::base::platform::Errcode;
use crate::base::tokens::access_tokens::TokenOwner;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::core::random;

pub(crate) fn get_category(
    subscribe: &SubscribeService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::handle_get(&subscribe.base.tokens, request, fault, TokenOwner::MiniProgram, || {
        let data: Vec<_> = CATEGORIES.iter().map(|(id, name)| json!({"id": id, "name": name})).collect();
        Ok(json!({"data": data}))
    })
}

pub(crate) fn get_titles(
    subscribe: &SubscribeService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::handle_get(&subscribe.base.tokens, request, fault, TokenOwner::MiniProgram, || {
        let ids = request.query("ids").ok_or(IDS_MISSING)?;
        let ids: Vec<u32> =
            ids.split(',').map(str::parse).collect::<Result<_, _>>().map_err(|_| WRONG_IDS)?;
        let number = |name: &str| request.query(name)?.parse::<usize>().ok();
        let start = number("start").ok_or(WRONG_START)?;
        let limit = number("limit").filter(|limit| (1..=30).contains(limit)).ok_or(WRONG_LIMIT)?;
        let found: Vec<_> = LIBRARY.iter().filter(|template| ids.contains(&template.category_id)).collect();
        let data: Vec<_> =
            found.iter().skip(start).take(limit).map(|template| template.title_json()).collect();
        Ok(json!({"count": found.len(), "data": data}))
    })
}

pub(crate) fn get_keywords(
    subscribe: &SubscribeService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::handle_get(&subscribe.base.tokens, request, fault, TokenOwner::MiniProgram, || {
        let tid = request.query("tid").and_then(|tid| tid.parse().ok());
        let template = tid.and_then(LibraryTemplate::find).ok_or(WRONG_TID)?;
        let data: Vec<_> = template.keywords.iter().map(Keyword::to_json).collect();
        Ok(json!({"count": data.len(), "data": data}))
    })
}

pub(crate) fn add_template(
    subscribe: &SubscribeService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::handle_post(&subscribe.base.tokens, request, fault, TokenOwner::MiniProgram, |body: AddBody| {
        let tid = match body.tid {
            Some(Tid::Number(tid)) => Some(tid),
            Some(Tid::Text(tid)) => tid.parse().ok(),
            None => None,
        };
        let template = tid.and_then(LibraryTemplate::find).ok_or(WRONG_TID)?;
        let kids = body.kid_list.unwrap_or_default();
        let choose = |kid: &u32| template.keywords.iter().find(|keyword| keyword.kid == *kid);
        let keywords: Option<Vec<_>> = kids.iter().map(choose).collect();
        let keywords = keywords.filter(|chosen| (2..=5).contains(&chosen.len())).ok_or(WRONG_KEYWORDS)?;
        let scene = body.scene_desc.unwrap_or_default();
        if scene.is_empty() || scene.chars().count() > 15 {
            return Err(WRONG_SCENE);
        }
        let templates = &mut subscribe.state().templates;
        if templates.templates.len() >= MOST {
            return Err(TOO_MANY);
        }
        let id = random::template_id();
        templates.templates.push(AccountTemplate { id: id.clone(), title: template.title, keywords });
        Ok(json!({"priTmplId": id}))
    })
}

pub(crate) fn list_templates(
    subscribe: &SubscribeService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::handle_get(&subscribe.base.tokens, request, fault, TokenOwner::MiniProgram, || {
        let data: Vec<_> =
            subscribe.state().templates.templates.iter().map(AccountTemplate::to_json).collect();
        Ok(json!({"data": data}))
    })
}

pub(crate) fn delete_template(
    subscribe: &SubscribeService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::handle_post(
        &subscribe.base.tokens,
        request,
        fault,
        TokenOwner::MiniProgram,
        |body: DeleteBody| {
            let id = body.id.unwrap_or_default();
            let templates = &mut subscribe.state().templates;
            let at = templates.templates.iter().position(|template| template.id == id).ok_or(NOT_THERE)?;
            templates.templates.remove(at);
            templates.deleted.insert(id);
            Ok(json!({}))
        },
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AddBody {
    tid: Option<Tid>,
    kid_list: Option<Vec<u32>>,
    scene_desc: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Tid {
    Number(u32),
    Text(String),
}

#[derive(Deserialize)]
struct DeleteBody {
    #[serde(rename = "priTmplId")]
    id: Option<String>,
}

const NOT_THERE: Errcode = Errcode::new(20001, "system error: no such template");
const TOO_MANY: Errcode = Errcode::new(200_012, "private template number over limit");
const WRONG_TID: Errcode = Errcode::new(200_014, "invalid tid");
const WRONG_START: Errcode = Errcode::new(200_016, "invalid start");
const WRONG_LIMIT: Errcode = Errcode::new(200_017, "invalid limit");
const IDS_MISSING: Errcode = Errcode::new(200_018, "ids missing");
const WRONG_IDS: Errcode = Errcode::new(200_019, "invalid ids");
const WRONG_KEYWORDS: Errcode = Errcode::new(200_020, "invalid kidList");
const WRONG_SCENE: Errcode = Errcode::new(200_021, "invalid sceneDesc");

/// The number of templates that an account may have.
const MOST: usize = 50;
