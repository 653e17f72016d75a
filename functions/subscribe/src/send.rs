//! `POST /api/admin/subscribe/send`: an operator sends one message to one user.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::{
    api::{ApiError, request, response},
    runtime::{Body, Request, Response},
    types::{OpenId, TemplateId},
    wechat::subscribe::{Data, Lang, Message, Page, State},
};

use crate::SubscribeFunction;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SendBody {
    openid: Option<String>,
    template_id: Option<String>,
    data: Option<BTreeMap<String, ValueBody>>,
    page: Option<String>,
    miniprogram_state: Option<String>,
    lang: Option<String>,
}

#[derive(Deserialize)]
struct ValueBody {
    value: String,
}

#[derive(Serialize)]
struct SendAnswer {
    message: &'static str,
}

impl SubscribeFunction {
    pub(crate) async fn send_message(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let message = parse(request::json(request)?)?;
        self.sender.send(&message).await?;
        Ok(response::success(&SendAnswer { message: "订阅消息已发送" }))
    }
}

fn parse(body: SendBody) -> Result<Message, ApiError> {
    let openid = request::required("openid", body.openid)?;
    let template_id = request::required("templateId", body.template_id)?;
    let data = request::required("data", body.data)?;
    let page =
        body.page.map(|page| Page::parse(&page).ok_or_else(|| ApiError::invalid("page", "不是页面路径")));
    let state = body.miniprogram_state.map(|state| {
        let problem = || ApiError::invalid("miniprogramState", "须为 developer、trial 或 formal");
        State::parse(&state).ok_or_else(problem)
    });
    let lang = body.lang.map(|lang| {
        let problem = || ApiError::invalid("lang", "须为 zh_CN、en_US、zh_HK 或 zh_TW");
        Lang::parse(&lang).ok_or_else(problem)
    });
    Ok(Message {
        openid: OpenId::parse(&openid)
            .map_err(|error| ApiError::invalid("openid", "格式不正确").with_cause(error))?,
        template_id: TemplateId::parse(&template_id)
            .map_err(|error| ApiError::invalid("templateId", "不是模板 ID").with_cause(error))?,
        data: Data::parse(data.into_iter().map(|(key, body)| (key, body.value)).collect())?,
        page: page.transpose()?,
        state: state.transpose()?.unwrap_or_default(),
        lang: lang.transpose()?.unwrap_or_default(),
    })
}
