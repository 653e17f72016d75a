//! `GET /api/cards/member/activation` and `POST /api/cards/member/activate`: a member card, by WeChat's own form.
//!
//! WeChat: 小程序打通会员卡 (一键激活). The phone goes to WeChat's mini program with what `geturl` gives, the user fills in the form, and
//! the phone comes back with a ticket. The ticket says that somebody filled in the form, and not whose the code is that comes with it:
//! a card is its owner's, who reported its sealed code. Of a code that nobody reported, WeChat is asked who wanted the card.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::{
    error::{ApiError, Code},
    http::{answer, extract},
    runtime::{Body, Request, Response},
    session::Caller,
    store::{CodeClaim, HeldCard},
    telemetry,
    types::{CardCode, CardId},
    wechat::{Class, Errcode, PlatformError, Repeat},
};

use crate::{CardFunction, card_id, code, percent};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ActivationAnswer {
    app_id: &'static str,
    extra_data: ExtraData,
}

/// In WeChat's spelling: its mini program reads it.
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

struct Filled {
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
    pub(crate) async fn activation(
        &self,
        caller: &Caller,
        request: &Request,
    ) -> Result<Response<Body>, ApiError> {
        let card_id = card_id("cardId", extract::query(request, "cardId"))?;
        // Comes back in the events about the card.
        let body = json!({ "card_id": card_id.as_str(), "outer_str": caller.user_id.as_str() });
        let answer = self.platform.post("/card/membercard/activate/geturl", &body, Repeat::Always).await;
        let answer = answer.map_err(refused)?;
        let extra_data = answer.get("url").and_then(Value::as_str).and_then(extra_data);
        let extra_data =
            extra_data.ok_or_else(|| ApiError::new(Code::Internal).because("the answer has no such url"))?;
        Ok(answer::success(&ActivationAnswer { app_id: MEMBER_CARD_APP, extra_data }))
    }

    pub(crate) async fn activate(
        &self,
        caller: &Caller,
        request: &Request,
    ) -> Result<Response<Body>, ApiError> {
        let filled = parse(extract::json(request)?)?;
        let membership = self.cards.membership(&filled.code).await?;
        let claim = membership.claim_of(&caller.user_id);
        let membership_number = match (claim, membership.activated()) {
            (CodeClaim::Foreign, _) => return Err(Code::NotFound.into()),
            (CodeClaim::Owner | CodeClaim::Member, Some(number)) => number.to_owned(),
            _ => self.join(caller, &filled, claim).await?,
        };
        Ok(answer::success(&ActivateAnswer { membership_number }))
    }

    /// A number of ours for the member, known to WeChat and to us.
    async fn join(&self, caller: &Caller, filled: &Filled, claim: CodeClaim) -> Result<String, ApiError> {
        self.check(&filled.ticket).await?;
        let is_asker = claim != CodeClaim::Owner && self.is_asker(caller, filled).await?;
        let number = self.cards.join(&filled.code, &caller.user_id, is_asker, &self.digits()?).await?;
        let number = number.ok_or(Code::NotFound)?;
        let body = json!({ "membership_number": number, "code": filled.code.as_str(),
                           "card_id": filled.card_id.as_str() });
        // The same number for the same code: a repetition changes nothing.
        if let Err(error) = self.platform.post("/card/membercard/activate", &body, Repeat::Always).await {
            self.not_activated(caller, filled, &number, error).await?;
        }
        let card = HeldCard {
            card_id: filled.card_id.clone(),
            code: filled.code.clone(),
            sealed: None,
            consumed_at: None,
        };
        if !self.cards.activated(&caller.user_id, &card, is_asker).await? {
            return Err(Code::NotFound.into());
        }
        Ok(number)
    }

    /// Whether the card was asked for in the caller's name: `geturl` was called with it, and WeChat keeps it with the code.
    async fn is_asker(&self, caller: &Caller, filled: &Filled) -> Result<bool, ApiError> {
        let body = json!({ "code": filled.code.as_str(), "card_id": filled.card_id.as_str(),
                           "check_consume": false });
        match self.platform.post("/card/code/get", &body, Repeat::Always).await {
            Ok(card) => Ok(card.get("outer_str").and_then(Value::as_str) == Some(caller.user_id.as_str())),
            // What WeChat does not know, it won't activate either, and says why.
            Err(error) if is_about_request(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// A refusal can be of a code that an earlier try activated. Else the number is forgotten: the code may be anybody's.
    async fn not_activated(
        &self,
        caller: &Caller,
        filled: &Filled,
        number: &str,
        error: PlatformError,
    ) -> Result<(), ApiError> {
        if !is_about_request(&error) {
            return Err(refused(error));
        }
        let body = json!({ "card_id": filled.card_id.as_str(), "code": filled.code.as_str() });
        match self.platform.post("/card/membercard/userinfo/get", &body, Repeat::Always).await {
            Ok(member) if member.get("membership_number").and_then(Value::as_str) == Some(number) => {
                return Ok(());
            }
            Err(unknown) if !is_about_request(&unknown) => return Err(refused(unknown)),
            _ => {}
        }
        if let Err(error) = self.cards.forget_member(&filled.code, &caller.user_id).await {
            telemetry::survived("forget-member", &error);
        }
        Err(refused(error))
    }

    /// Whether the user did fill in the form. What they wrote is not for us to keep.
    async fn check(&self, ticket: &str) -> Result<(), ApiError> {
        let body = json!({ "activate_ticket": ticket });
        let path = "/card/membercard/activatetempinfo/get";
        match self.platform.post(path, &body, Repeat::Always).await {
            Ok(_) => Ok(()),
            Err(error) if is_about_request(&error) => {
                Err(ApiError::new(Code::CodeInvalid).saying("激活凭证已失效，请重新激活").because(error))
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn parse(body: ActivateBody) -> Result<Filled, ApiError> {
    let ticket = extract::required("activateTicket", body.activate_ticket)?;
    if ticket.is_empty() || ticket.len() > 512 || !ticket.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ApiError::invalid("activateTicket", "格式不正确"));
    }
    Ok(Filled { ticket, card_id: card_id("cardId", body.card_id)?, code: code("code", body.code)? })
}

/// Whether WeChat refuses what it was asked, and not merely now.
fn is_about_request(error: &PlatformError) -> bool {
    error.errcode().is_some_and(|errcode| Errcode(errcode).class() == Class::Request)
}

/// What the caller is told of WeChat's refusal.
fn refused(error: PlatformError) -> ApiError {
    let code = match error.errcode() {
        Some(40056 | 40071 | 40073 | 40107) => Code::NotFound,
        Some(40078 | 40127) => Code::Conflict,
        Some(40146) => Code::Forbidden,
        _ => return error.into(),
    };
    ApiError::new(code).because(error)
}

/// The three parameters of the URL, decoded once.
fn extra_data(url: &str) -> Option<ExtraData> {
    let (_, query) = url.split_once('?')?;
    let query = query.split('#').next().unwrap_or_default();
    let parameter = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(given, _)| *given == name).map(|(_, value)| percent::decode(value))
    };
    Some(ExtraData {
        encrypt_card_id: parameter("encrypt_card_id")?,
        outer_str: parameter("outer_str").unwrap_or_default(),
        biz: parameter("biz")?,
    })
}

/// WeChat's mini program for member cards.
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
