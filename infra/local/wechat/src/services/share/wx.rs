//! What a user does with cards, and the two APIs that tell the mini program from which chat the user came.
//!
//! Documentation: "wx.getShareInfo" and "wx.getGroupEnterInfo".
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/api/open-api/group/wx.getGroupEnterInfo.html>

use axum::extract::Query;
use http::{StatusCode, Uri};
use serde_json::{Map, Value, json};

use super::chats::{CardEntry, ChatRefusal, ChatType, EnteredChat};
use super::service::ShareService;
use crate::base::encrypted_data;
use crate::core::clock;
use crate::core::user::User;
use crate::core::wx_api::{WxArguments, WxFailure, text_argument};

/// The user sends a page into a chat, and opens it there: `{group?, chatType?, path?}`.
pub(super) fn share_to_group(
    share: &ShareService,
    user: &User,
    arguments: &WxArguments,
) -> Result<WxArguments, WxFailure> {
    let group = optional_text(arguments, "group")?.unwrap_or("group");
    let path = optional_text(arguments, "path")?.unwrap_or(HOME);
    let chat_type = match arguments.get("chatType") {
        None => Some(ChatType::Group),
        Some(number) => number.as_u64().and_then(ChatType::from_number),
    };
    let chat_type = chat_type.ok_or_else(|| WxFailure::parameter("chatType is 1, 2, 3 or 4"))?;
    let today = clock::day(share.base.now());
    let mut state = share.state();
    let card = state.chats.share(group, chat_type, &user.openid, path);
    let card = card.ok_or_else(|| WxFailure::parameter("this chat is of another type or of other people"))?;
    state.figures.count_share(today, path, &user.openid);
    let entry = state.chats.enter(&user.openid, &card);
    let ticket = entry.and_then(|entry| entry.share_ticket);
    Ok([("shareCard", Some(card)), ("shareTicket", ticket)]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?))))
        .collect())
}

/// The user shares a page in Moments: `{path?, query?}`.
pub(super) fn share_to_timeline(
    share: &ShareService,
    user: &User,
    arguments: &WxArguments,
) -> Result<WxArguments, WxFailure> {
    let mut path = optional_text(arguments, "path")?.unwrap_or(HOME).to_owned();
    if let Some(query) = optional_text(arguments, "query")? {
        path = format!("{path}?{query}");
    }
    let today = clock::day(share.base.now());
    let mut state = share.state();
    state.figures.count_share(today, &path, &user.openid);
    let card = state.chats.share_to_timeline(&path);
    Ok(WxArguments::from_iter([("shareCard".to_owned(), Value::from(card))]))
}

/// The user opens a card: `{shareCard}`. The answer is what `wx.getEnterOptionsSync` gives to the page.
pub(super) fn enter_by_share(
    share: &ShareService,
    user: &User,
    arguments: &WxArguments,
) -> Result<WxArguments, WxFailure> {
    let card = text_argument(arguments, "shareCard")?;
    let today = clock::day(share.base.now());
    let mut state = share.state();
    let entry = state.chats.enter(&user.openid, card);
    let CardEntry { path, scene, share_ticket } = entry
        .ok_or_else(|| WxFailure::parameter("there is no such card, or its chat is of two other people"))?;
    state.figures.count_visit(today, &path, &user.openid);
    let (path, query) = path.split_once('?').unwrap_or((&path, ""));
    let mut options = json!({"scene": scene, "path": path, "query": parse_query(query)});
    if let (Some(options), Some(ticket)) = (options.as_object_mut(), share_ticket) {
        options.insert("shareTicket".to_owned(), Value::from(ticket));
    }
    Ok(options.as_object().cloned().unwrap_or_default())
}

/// The id of the group from which the user has entered with this ticket.
pub(super) fn get_share_info(
    share: &ShareService,
    user: &User,
    arguments: &WxArguments,
) -> Result<WxArguments, WxFailure> {
    let ticket = text_argument(arguments, "shareTicket")?;
    let group = share.state().chats.group_of_ticket(&user.openid, ticket).map(str::to_owned);
    let group = group.ok_or_else(|| WxFailure::new("invalid shareTicket"))?;
    encrypted_data::encrypt_for_user(&share.base.sessions, user, json!({"openGId": group}))
}

/// The chat from which the user has entered. All four ids are there; those that do not apply, or were not asked for, are empty.
pub(super) fn get_group_enter_info(
    share: &ShareService,
    user: &User,
    arguments: &WxArguments,
) -> Result<WxArguments, WxFailure> {
    let allow_single_chat = flag(arguments, "allowSingleChat")?;
    let need_group_openid = flag(arguments, "needGroupOpenID")?;
    let EnteredChat { id, chat_type, group_openid } =
        share.state().chats.entered_chat(&user.openid).map_err(|refusal| match refusal {
            ChatRefusal::NotEntered => NOT_FROM_A_GROUP.failure(),
            ChatRefusal::Left => NOT_IN_THE_GROUP.failure(),
        })?;
    if chat_type.is_single() && !allow_single_chat {
        return Err(NOT_FROM_A_GROUP.failure());
    }
    let (group, room) = if chat_type.is_single() { ("", id.as_str()) } else { (id.as_str(), "") };
    let fields = json!({
        "opengid": group,
        "open_single_roomid": room,
        "group_openid": if need_group_openid { group_openid.as_str() } else { "" },
        "chat_type": chat_type.number(),
    });
    encrypted_data::encrypt_for_user(&share.base.sessions, user, fields)
}

/// The query's parameters, decoded; the last one of a name counts.
fn parse_query(query: &str) -> Map<String, Value> {
    let uri = Uri::try_from(format!("/?{query}")).unwrap_or_default();
    let Query(parameters) = Query::<Vec<(String, String)>>::try_from_uri(&uri).unwrap_or_default();
    parameters.into_iter().map(|(name, value)| (name, Value::from(value))).collect()
}

fn optional_text<'a>(arguments: &'a WxArguments, name: &str) -> Result<Option<&'a str>, WxFailure> {
    arguments.get(name).map(|_| text_argument(arguments, name)).transpose()
}

fn flag(arguments: &WxArguments, name: &str) -> Result<bool, WxFailure> {
    match arguments.get(name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(WxFailure::parameter(&format!("parameter.{name} should be Boolean;"))),
    }
}

/// A failure of `wx.getGroupEnterInfo`, with WeChat's code.
struct GroupFailure(i64, &'static str);

impl GroupFailure {
    fn failure(&self) -> WxFailure {
        WxFailure { status: StatusCode::BAD_REQUEST, err_msg: self.1.to_owned(), err_code: self.0 }
    }
}

const NOT_FROM_A_GROUP: GroupFailure = GroupFailure(40097, "invalid args, not entered from a group");
const NOT_IN_THE_GROUP: GroupFailure = GroupFailure(65206, "user is not in the group");

/// The page that is shared if none is named.
const HOME: &str = "pages/index/index";
