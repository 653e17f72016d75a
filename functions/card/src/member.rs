//! `GET /api/cards/member/activation` and `POST /api/cards/member/activate`: activates a member card by WeChat's own form.
//!
//! WeChat: 小程序打通会员卡 (一键激活). The phone opens WeChat's mini program with the data of `geturl`, the user fills in the form, and the
//! phone comes back with a ticket. The ticket proves that a user filled in the form. It does not prove who owns the code that comes
//! with it: the owner is the user who reported the card's sealed code. If no user has reported it, WeChat is asked for whom
//! the card was requested.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::{
    api::{ApiError, Code, request, response},
    host::RetryPolicy,
    runtime::{Body, Request, Response},
    service::PlatformError,
    store::{CodeOwnership, UserCard},
    telemetry,
    types::{Caller, CardCode, CardId},
};

use crate::{CardFunction, card_id, code, percent};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ActivationAnswer {
    app_id: &'static str,
    extra_data: ExtraData,
}

/// WeChat's mini program reads this, so the names are WeChat's.
#[derive(Serialize)]
struct ExtraData {
    encrypt_card_id: String,
    outer_str: String,
    biz: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ActivateBody {
    activate_ticket: Option<String>,
    card_id: Option<String>,
    code: Option<String>,
}

struct ActivationInput {
    ticket: String,
    card_id: CardId,
    code: CardCode,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ActivateAnswer {
    membership_number: String,
}

impl CardFunction {
    pub(crate) async fn start_activation(
        &self,
        caller: &Caller,
        request: &Request,
    ) -> Result<Response<Body>, ApiError> {
        let card_id = card_id("cardId", request::query(request, "cardId"))?;
        // WeChat keeps `outer_str` with the code, and `is_asker` reads it.
        let body = json!({ "card_id": card_id.as_str(), "outer_str": caller.user_id.as_str() });
        let answer =
            self.platform.post("/card/membercard/activate/geturl", &body, RetryPolicy::AnyFailure).await;
        let answer = answer.map_err(map_platform_error)?;
        let extra_data = answer.get("url").and_then(Value::as_str).and_then(extra_data);
        let extra_data = extra_data
            .ok_or_else(|| ApiError::new(Code::Internal).with_cause("the answer has no such url"))?;
        Ok(response::success(&ActivationAnswer { app_id: MEMBER_CARD_APP, extra_data }))
    }

    pub(crate) async fn activate_card(
        &self,
        caller: &Caller,
        request: &Request,
    ) -> Result<Response<Body>, ApiError> {
        let input = parse(request::json(request)?)?;
        let membership = self.cards.membership(&input.code).await?;
        let claim = membership.ownership_of(&caller.user_id);
        let membership_number = match (claim, membership.activated_number()) {
            (CodeOwnership::Foreign, _) => return Err(Code::NotFound.into()),
            (CodeOwnership::Owner | CodeOwnership::Member, Some(number)) => number.to_owned(),
            _ => self.activate_membership(caller, &input, claim).await?,
        };
        Ok(response::success(&ActivateAnswer { membership_number }))
    }

    /// Gives the member a number, first in our table and then at WeChat.
    async fn activate_membership(
        &self,
        caller: &Caller,
        input: &ActivationInput,
        claim: CodeOwnership,
    ) -> Result<String, ApiError> {
        self.check_ticket(&input.ticket).await?;
        let is_asker = claim != CodeOwnership::Owner && self.is_asker(caller, input).await?;
        let number = self.cards.claim_number(&input.code, caller, is_asker, &self.random_digits()?).await?;
        let number = number.ok_or(Code::NotFound)?;
        let body = json!({ "membership_number": number, "code": input.code.as_str(),
                           "card_id": input.card_id.as_str() });
        // The number of a code stays the same, so sending the call again changes nothing.
        if let Err(error) =
            self.platform.post("/card/membercard/activate", &body, RetryPolicy::AnyFailure).await
        {
            self.resolve_refused_activation(caller, input, &number, error).await?;
        }
        let card = UserCard {
            card_id: input.card_id.clone(),
            code: input.code.clone(),
            sealed: None,
            consumed_at: None,
        };
        if !self.cards.record_activation(&caller.user_id, &card, is_asker).await? {
            return Err(Code::NotFound.into());
        }
        Ok(number)
    }

    /// Whether the caller asked for the card: `start_activation` passed the caller's user id to `geturl`, and WeChat keeps it with
    /// the code.
    async fn is_asker(&self, caller: &Caller, input: &ActivationInput) -> Result<bool, ApiError> {
        let body = json!({ "code": input.code.as_str(), "card_id": input.card_id.as_str(),
                           "check_consume": false });
        match self.platform.post("/card/code/get", &body, RetryPolicy::AnyFailure).await {
            Ok(card) => Ok(card.get("outer_str").and_then(Value::as_str) == Some(caller.user_id.as_str())),
            // WeChat does not know the code. It will refuse the activation as well, and say why.
            Err(error) if error.is_request_refused() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// WeChat has not activated the card. If it refused because an earlier request activated the code with this number, the card
    /// is active. Otherwise the number is deleted, so that another user can activate the code.
    async fn resolve_refused_activation(
        &self,
        caller: &Caller,
        input: &ActivationInput,
        number: &str,
        error: PlatformError,
    ) -> Result<(), ApiError> {
        if !error.is_request_refused() {
            return Err(map_platform_error(error));
        }
        let body = json!({ "card_id": input.card_id.as_str(), "code": input.code.as_str() });
        match self.platform.post("/card/membercard/userinfo/get", &body, RetryPolicy::AnyFailure).await {
            Ok(member) if member.get("membership_number").and_then(Value::as_str) == Some(number) => {
                return Ok(());
            }
            Err(unknown) if !unknown.is_request_refused() => return Err(map_platform_error(unknown)),
            _ => {}
        }
        if let Err(error) = self.cards.forget_activation(&input.code, &caller.user_id).await {
            telemetry::handled_error("forget-member", &error);
        }
        Err(map_platform_error(error))
    }

    /// Checks that the user has filled in the form. The form's content is not kept.
    async fn check_ticket(&self, ticket: &str) -> Result<(), ApiError> {
        let body = json!({ "activate_ticket": ticket });
        let path = "/card/membercard/activatetempinfo/get";
        match self.platform.post(path, &body, RetryPolicy::AnyFailure).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_request_refused() => Err(ApiError::new(Code::CodeInvalid)
                .with_message("激活凭证已失效，请重新激活")
                .with_cause(error)),
            Err(error) => Err(error.into()),
        }
    }
}

fn parse(body: ActivateBody) -> Result<ActivationInput, ApiError> {
    let ticket = request::required("activateTicket", body.activate_ticket)?;
    if ticket.is_empty() || ticket.len() > 512 || !ticket.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ApiError::invalid("activateTicket", "格式不正确"));
    }
    Ok(ActivationInput { ticket, card_id: card_id("cardId", body.card_id)?, code: code("code", body.code)? })
}

fn map_platform_error(error: PlatformError) -> ApiError {
    let code = match error.errcode() {
        Some(40056 | 40071 | 40073 | 40107) => Code::NotFound,
        Some(40078 | 40127) => Code::Conflict,
        Some(40146) => Code::Forbidden,
        _ => return error.into(),
    };
    ApiError::new(code).with_cause(error)
}

/// The three parameters of WeChat's URL, percent-decoded once.
fn extra_data(url: &str) -> Option<ExtraData> {
    let (_, query) = url.split_once('?')?;
    let query = query.split('#').next().unwrap_or_default();
    let parameter = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| percent::decode(value))
    };
    Some(ExtraData {
        encrypt_card_id: parameter("encrypt_card_id")?,
        outer_str: parameter("outer_str").unwrap_or_default(),
        biz: parameter("biz")?,
    })
}

/// The appid of WeChat's mini program for member cards.
const MEMBER_CARD_APP: &str = "wxeb490c6f9b154ef9";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_of_the_url_are_decoded_once() {
        let url = "https://mp.weixin.qq.com/bizmall/activatemembercard?action=preshow&encrypt_card_id=a%2Fb%252B\
                   &outer_str=1%262&biz=MzA%3D%3D#wechat_redirect";
        let data = extra_data(url).unwrap();
        assert_eq!(
            (data.encrypt_card_id.as_str(), data.outer_str.as_str(), data.biz.as_str()),
            ("a/b%2B", "1&2", "MzA==")
        );
        assert!(extra_data("https://mp.weixin.qq.com/?biz=1").is_none());
    }
}
