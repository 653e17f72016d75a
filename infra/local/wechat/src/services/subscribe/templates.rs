//! `/wxaapi/newtmpl/…`: the account chooses its templates from the library.
//!
//! Documentation: "Subscribe message management" (订阅消息管理).
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-message-management/subscribe-message/addMessageTemplate.html>

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::SubscribeService;
use super::library::{CATEGORIES, Keyword, LIBRARY, ONE_TIME, Public};
use crate::base::access;
use crate::base::platform::Refusal;
use crate::base::tokens::Owner;
use crate::core::context::Context;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::core::random;

pub(crate) fn get_category(
    subscribe: &SubscribeService,
    received: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::get(&subscribe.base.tokens, received, fault, Owner::MiniProgram, || {
        let data: Vec<_> = CATEGORIES.iter().map(|(id, name)| json!({"id": id, "name": name})).collect();
        Ok(json!({"data": data}))
    })
}

pub(crate) fn get_titles(
    subscribe: &SubscribeService,
    received: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::get(&subscribe.base.tokens, received, fault, Owner::MiniProgram, || {
        let ids = received.query("ids").ok_or(IDS_MISSING)?;
        let ids: Vec<u32> =
            ids.split(',').map(str::parse).collect::<Result<_, _>>().map_err(|_| WRONG_IDS)?;
        let number = |name: &str| received.query(name)?.parse::<usize>().ok();
        let start = number("start").ok_or(WRONG_START)?;
        let limit = number("limit").filter(|limit| (1..=30).contains(limit)).ok_or(WRONG_LIMIT)?;
        let found: Vec<_> = LIBRARY.iter().filter(|public| ids.contains(&public.category_id)).collect();
        let data: Vec<_> = found.iter().skip(start).take(limit).map(|public| public.title_json()).collect();
        Ok(json!({"count": found.len(), "data": data}))
    })
}

pub(crate) fn get_keywords(
    subscribe: &SubscribeService,
    received: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::get(&subscribe.base.tokens, received, fault, Owner::MiniProgram, || {
        let tid = received.query("tid").and_then(|tid| tid.parse().ok());
        let public = tid.and_then(Public::find).ok_or(WRONG_TID)?;
        let data: Vec<_> = public.keywords.iter().map(Keyword::to_json).collect();
        Ok(json!({"count": data.len(), "data": data}))
    })
}

pub(crate) fn add(subscribe: &SubscribeService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    access::post(&subscribe.base.tokens, received, fault, Owner::MiniProgram, |body: AddBody| {
        let tid = match body.tid {
            Some(Tid::Number(tid)) => Some(tid),
            Some(Tid::Text(tid)) => tid.parse().ok(),
            None => None,
        };
        let public = tid.and_then(Public::find).ok_or(WRONG_TID)?;
        let kids = body.kid_list.unwrap_or_default();
        let choose = |kid: &u32| public.keywords.iter().find(|keyword| keyword.kid == *kid);
        let keywords: Option<Vec<_>> = kids.iter().map(choose).collect();
        let keywords = keywords.filter(|chosen| (2..=5).contains(&chosen.len())).ok_or(WRONG_KEYWORDS)?;
        let scene = body.scene_desc.unwrap_or_default();
        if scene.is_empty() || scene.chars().count() > 15 {
            return Err(WRONG_SCENE);
        }
        let templates = &mut subscribe.state().templates;
        if templates.private.len() >= MOST {
            return Err(TOO_MANY);
        }
        let id = random::template_id();
        templates.private.push(Private { id: id.clone(), title: public.title, keywords });
        Ok(json!({"priTmplId": id}))
    })
}

pub(crate) fn list(
    subscribe: &SubscribeService,
    received: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::get(&subscribe.base.tokens, received, fault, Owner::MiniProgram, || {
        let data: Vec<_> = subscribe.state().templates.private.iter().map(Private::to_json).collect();
        Ok(json!({"data": data}))
    })
}

pub(crate) fn delete(
    subscribe: &SubscribeService,
    received: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::post(&subscribe.base.tokens, received, fault, Owner::MiniProgram, |body: DeleteBody| {
        let id = body.id.unwrap_or_default();
        let templates = &mut subscribe.state().templates;
        let at = templates.private.iter().position(|private| private.id == id).ok_or(NOT_THERE)?;
        templates.private.remove(at);
        templates.deleted.insert(id);
        Ok(json!({}))
    })
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

/// The account's templates.
#[derive(Debug, Default)]
pub(super) struct Templates {
    private: Vec<Private>,
    deleted: HashSet<String>,
}

/// A template of the account.
#[derive(Debug)]
pub(super) struct Private {
    id: String,
    title: &'static str,
    keywords: Vec<&'static Keyword>,
}

impl Templates {
    /// The template, if it was added.
    pub(super) fn private(&self, id: &str) -> Option<&Private> {
        self.private.iter().find(|private| private.id == id)
    }

    /// Whether the account has the template: any id that was not deleted, as nobody adds templates to a simulator,
    /// unless a fault says otherwise.
    pub(super) fn is_known(&self, id: &str, context: &Context) -> bool {
        let says_no =
            |fault: &Fault| matches!(fault, Fault::TemplateUnknown { template_id } if template_id == id);
        !self.deleted.contains(id) && !context.has_fault(says_no)
    }
}

impl Private {
    /// The names its data needs.
    pub(super) fn keywords(&self) -> Vec<String> {
        self.keywords.iter().map(|keyword| keyword.key()).collect()
    }

    /// What the enumeration allows; empty if it is none.
    pub(super) fn enum_values(&self, key: &str) -> &'static [&'static str] {
        self.keywords.iter().find(|keyword| keyword.key() == key).map_or(&[], |keyword| keyword.values)
    }

    fn to_json(&self) -> Value {
        let content: String = self
            .keywords
            .iter()
            .map(|keyword| format!("{}:{{{{{}.DATA}}}}\n", keyword.name, keyword.key()))
            .collect();
        let example: String =
            self.keywords.iter().map(|keyword| format!("{}:{}\n", keyword.name, keyword.example)).collect();
        let enums: Vec<_> = self
            .keywords
            .iter()
            .filter(|keyword| !keyword.values.is_empty())
            .map(|keyword| json!({"keywordCode": format!("{}.DATA", keyword.key()), "enumValueList": keyword.values}))
            .collect();
        let mut fields = json!({
            "priTmplId": self.id,
            "title": self.title,
            "content": content,
            "example": example,
            "type": ONE_TIME,
        });
        if let Some(fields) = fields.as_object_mut().filter(|_| !enums.is_empty()) {
            fields.insert("keywordEnumValueList".to_owned(), enums.into());
        }
        fields
    }
}

const NOT_THERE: Refusal = Refusal::new(20001, "system error: no such template");
const TOO_MANY: Refusal = Refusal::new(200_012, "private template number over limit");
const WRONG_TID: Refusal = Refusal::new(200_014, "invalid tid");
const WRONG_START: Refusal = Refusal::new(200_016, "invalid start");
const WRONG_LIMIT: Refusal = Refusal::new(200_017, "invalid limit");
const IDS_MISSING: Refusal = Refusal::new(200_018, "ids missing");
const WRONG_IDS: Refusal = Refusal::new(200_019, "invalid ids");
const WRONG_KEYWORDS: Refusal = Refusal::new(200_020, "invalid kidList");
const WRONG_SCENE: Refusal = Refusal::new(200_021, "invalid sceneDesc");

/// Templates an account may have.
const MOST: usize = 50;
