//! `GET /api/werun/rank?openGId=`: the ranking of a group by today's steps, for its members.
//!
//! One request reads a group of up to 500 members, because each row of the group has name, picture and steps of its member
//! (`shared/src/store/groups/`). Of a larger group 500 members are ranked, and the caller's rank is known only if the caller is one of
//! them. WeChat's groups have 500 people at most.

use serde::Serialize;
use shared::{
    api::{ApiError, Code, group_ranking, group_ranking::Place, response},
    runtime::{Body, Request, Response},
    types::{Caller, Day},
};

use crate::WerunFunction;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RankAnswer {
    /// `null` if the caller has not synced today.
    my_rank: Option<usize>,
    my_step: u32,
    rank_list: Vec<Row>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    rank: usize,
    nickname: String,
    avatar_url: String,
    step: u32,
    is_me: bool,
}

impl WerunFunction {
    pub(crate) async fn rank_group(
        &self,
        caller: &Caller,
        request: &Request,
    ) -> Result<Response<Body>, ApiError> {
        let group_id = group_ranking::group_id(request)?;
        let group = self.groups.members_for(&caller.user_id, &group_id).await?;
        let Some(group) = group else {
            // An erased user is in no group.
            self.session_rows.check(caller).await?;
            return Err(ApiError::new(Code::Forbidden).with_message("仅群成员可以查看排行"));
        };
        let today = Day::of(self.host.now());
        let ranking = group_ranking::rank(&group, &caller.user_id, |member| member.steps_on(today));
        Ok(response::success(&RankAnswer {
            my_rank: ranking.own.as_ref().and_then(|own| own.rank),
            my_step: ranking.own.map_or(0, |own| own.value),
            rank_list: ranking.places.into_iter().map(|place| self.row(place)).collect(),
        }))
    }

    fn row(&self, place: Place<'_, u32>) -> Row {
        Row {
            rank: place.rank,
            nickname: place.nickname(),
            avatar_url: place.avatar_url(&self.bucket),
            step: place.value,
            is_me: place.is_me,
        }
    }
}
