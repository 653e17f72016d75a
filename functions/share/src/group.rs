//! `POST /api/share/group`: the user has entered from a group, and is a member of it for 90 days.
//!
//! WeChat has two APIs: `wx.getShareInfo` names `openGId`; `wx.getGroupEnterInfo` names `opengid`, `open_single_roomid` and `chat_type`,
//! of which the ids that do not apply are empty.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{
    api::{ApiError, Code, request, response},
    runtime::{Body, Request, Response},
    store::{DatedSteps, Entrant, JoinOutcome, RankProfile, ShownUser},
    types::{Caller, Day, GroupId, IdError, UnixSeconds},
    wechat::loose_json,
};

use crate::ShareFunction;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupBody {
    encrypted_data: Option<String>,
    iv: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupAnswer<'a> {
    #[serde(rename = "openGId")]
    open_gid: &'a str,
    chat_type: u64,
}

/// The chat that WeChat names.
#[derive(Debug, PartialEq, Eq)]
struct EnteredChat {
    group_id: GroupId,
    /// WeChat's number: 1 two people, 2 with a contact of `WeCom`, 3 group, 4 group of `WeCom`.
    chat_type: u64,
}

impl ShareFunction {
    pub(crate) async fn enter_group(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        let body: GroupBody = request::json(request)?;
        let data = request::required("encryptedData", body.encrypted_data)?;
        let iv = request::required("iv", body.iv)?;
        let mut entrant = self.groups.get_entrant(&self.entry_tables, &caller).await?;
        let session = entrant.session.take().ok_or(Code::SessionExpired)?;
        let session = self.wechat_sessions.open(&caller, session).await?;
        let chat = read(&session.decrypt(&data, &iv)?)?;
        self.join(&caller, entrant, &chat.group_id).await?;
        Ok(response::success(&GroupAnswer { open_gid: chat.group_id.shown(), chat_type: chat.chat_type }))
    }

    /// Makes the user a member. If the user's profile was changed meanwhile, everything is read again.
    async fn join(&self, caller: &Caller, mut entrant: Entrant, group_id: &GroupId) -> Result<(), ApiError> {
        for _ in 0..MAX_ATTEMPTS {
            let now = self.host.now();
            let mut profile = profile(caller, entrant, now);
            if profile.join(group_id, now) == JoinOutcome::TooMany {
                return Err(ApiError::new(Code::Conflict).with_message("加入的群过多，请稍后再试"));
            }
            if self.groups.save(&mut profile).await? {
                return Ok(());
            }
            entrant = self.groups.get_entrant(&self.entry_tables, caller).await?;
        }
        Err(ApiError::new(Code::UpstreamBusy).with_cause("other writers were always quicker"))
    }
}

/// The profile with today's steps, and with the name and picture of the user's record, because a run that was to bring them may have been
/// killed.
fn profile(caller: &Caller, entrant: Entrant, now: UnixSeconds) -> RankProfile {
    let shown = entrant.user.as_ref().map(ShownUser::of).unwrap_or_default();
    let new = || RankProfile::new(caller.user_id.clone(), shown.clone());
    let mut profile = entrant.profile.unwrap_or_else(new);
    profile.set_shown(&shown);
    let today = Day::of(now);
    if let Some(steps) = entrant.steps.on(today) {
        profile.set_steps(DatedSteps { day: today, steps });
    }
    profile
}

fn read(data: &Map<String, Value>) -> Result<EnteredChat, ApiError> {
    let text = |name: &str| data.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let group = text("opengid").or_else(|| text("openGId"));
    let (group_id, usual_type) = match (group, text("open_single_roomid")) {
        (Some(group), _) => (GroupId::of_group(group), GROUP),
        (None, Some(room)) => (GroupId::of_single_chat(room), SINGLE),
        (None, None) => return Err(ApiError::invalid("encryptedData", "不是群信息")),
    };
    let wrong = |error: IdError| ApiError::invalid("encryptedData", "不是群信息").with_cause(error);
    let chat_type = data.get("chat_type").and_then(loose_json::whole_number).unwrap_or(usual_type);
    Ok(EnteredChat { group_id: group_id.map_err(wrong)?, chat_type })
}

const SINGLE: u64 = 1;
const GROUP: u64 = 3;
const MAX_ATTEMPTS: u32 = 5;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use shared::{
        types::{AppId, SessionKey},
        wechat::{Watermark, decrypt},
    };

    use super::*;

    fn chat(data: Value) -> Option<(String, u64)> {
        let chat = read(data.as_object().unwrap()).ok()?;
        Some((chat.group_id.as_str().to_owned(), chat.chat_type))
    }

    #[test]
    fn both_spellings_name_the_same_group() {
        let id = "tGEmahu4JpymxRTthEQ87E0R2Ul4";
        let expected = Some((format!("group:{id}"), 3));
        assert_eq!(chat(json!({ "openGId": id })), expected);
        let entered =
            json!({ "opengid": id, "open_single_roomid": "", "group_openid": "oG", "chat_type": 3 });
        assert_eq!(chat(entered), expected);
        let wecom = json!({ "opengid": id, "open_single_roomid": "", "chat_type": "4" });
        assert_eq!(chat(wecom), Some((format!("group:{id}"), 4)));
    }

    #[test]
    fn a_single_chat_has_a_name_space_of_its_own() {
        let room =
            json!({ "opengid": "", "open_single_roomid": "sR4tYu8Io2Pq6Ws0Ed5Rf9Tg3Hy7", "chat_type": 1 });
        assert_eq!(chat(room), Some(("single:sR4tYu8Io2Pq6Ws0Ed5Rf9Tg3Hy7".to_owned(), 1)));
    }

    #[test]
    fn other_data_are_refused() {
        for data in [
            json!({}),
            json!({ "opengid": "", "open_single_roomid": "" }),
            json!({ "opengid": 7 }),
            json!({ "opengid": "群" }),
            json!({ "stepInfoList": [] }),
        ] {
            assert_eq!(chat(data.clone()), None, "{data}");
        }
    }

    /// Data that were encrypted by another program.
    const VECTORS: [(&str, &str, &str, u64); 3] = [
        (
            "jPIREPN7VsSBT4zRRup4kA==",
            "d6JHoWIpw4g4m2q13+nd74HSlgxRLSwUdSVVSkm6cqex6Dn5nsCVgUZEqX9qnXOeWC8XCX9XFo7srPMFLcCfR9vteSJ7RAC9RirX0VmDiD61zUCL9jO6sUtA4O+DOtG6lqhcMTtfOGZ98DaqG/OV7FpHOK0NBWVLqBVOhpyX3faFqXKcFK0ldKCg3Q8SgQbr2ttz8SUFQ6bRWpMYpxQ2EwWFgC099UNJD1m87pUeD+JnRt+06+v8Mbs8tWKIzZgQIv5Zix8ebwi9NAVfemGQSQ==",
            "group:tGEmahu4JpymxRTthEQ87E0R2Ul4",
            3,
        ),
        (
            "NogxRqAo+VYqJAwUl3COqQ==",
            "kTFJlKlIqizuNliHDwJiInW6UG2URczp+OuUWhy1KCYmzajFvBzBPXZY19RXgEev+ieB/O3xZuq0tTfzoEl+JSk/xwGzcNw7iy0Xpbk336Xm96yz4a4wYtewtFXTkjOMigT+nQVx8gop6qsFrR2/imXB/WT1NgHl5aUNU03Wu8lsGqWBy63eubTVoNapuLemlmbrLRPkCQ8HJ/3tJG+Fead4yiNZiHAPecYwBeS+rHK/O7r838XyfN2jXOxtOSbtSmrk6Kvaj2DLyB7YDkK2Wg==",
            "single:sR4tYu8Io2Pq6Ws0Ed5Rf9Tg3Hy7",
            1,
        ),
        (
            "g2sdrGoJexF9LJDhxrDvuA==",
            "Omq1mJlU9lZL9Hu3gpw4uqsIus9Zvq6TYSOFgWQdn7T9O5VnPWmiVSdGPhB7GbOS8bS+gf+XLQMWdQID8F8yhA/BQO5VY+W1bTKV6wrwkRwScHXuIJ+jAhW1JDX158/FLlXXcqXqpDutLodWrwjIMw==",
            "group:tGEmahu4JpymxRTthEQ87E0R2Ul4",
            3,
        ),
    ];

    #[test]
    fn data_of_another_program_name_the_chat() {
        let key = SessionKey::parse("0DcDwiDekHEtMhXgEbBewA==").unwrap();
        let app_id = AppId::parse("wx95e6095a537e33b4").unwrap();
        let now = UnixSeconds::new(1_700_000_007);
        let watermark = Watermark { app_id: &app_id, now, max_age: Duration::from_secs(300) };
        for (iv, data, group_id, chat_type) in VECTORS {
            let data = decrypt(data, iv, [&key], &watermark).unwrap();
            assert_eq!(chat(Value::Object(data)), Some((group_id.to_owned(), chat_type)));
        }
    }
}
