//! The members of a group.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Groups, ShownUser};
use crate::{
    store::{StoreError, item},
    types::{BoardId, Day, GroupId, Score, UnixSeconds, UserId},
};

/// The steps of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatedSteps {
    /// The day.
    pub day: Day,
    /// The number of steps.
    pub steps: u32,
}

/// A copy of a member's profile.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GroupMember {
    /// The group.
    pub group_id: GroupId,
    /// The member.
    pub user_id: UserId,
    /// What others may see.
    #[serde(flatten)]
    pub shown: ShownUser,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) steps: Option<DatedSteps>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) scores: BTreeMap<BoardId, Score>,
    /// When the membership ends.
    pub expires_at: UnixSeconds,
}

impl GroupMember {
    /// The steps on `day`; `None` if the member has not synced on it.
    #[must_use]
    pub fn steps_on(&self, day: Day) -> Option<u32> {
        self.steps.filter(|steps| steps.day == day).map(|steps| steps.steps)
    }

    /// The best score on the board, of whatever period; `None` if the member has none.
    #[must_use]
    pub fn score_on(&self, board: &BoardId) -> Option<&Score> {
        self.scores.get(board)
    }
}

/// The members of a group, as one of them sees them.
#[derive(Debug)]
pub struct GroupMembers {
    /// Up to [`GroupMembers::MAX`] members, and always the one who asks.
    pub members: Vec<GroupMember>,
    /// Whether these are all, so that ranks among them are ranks in the group.
    pub is_whole: bool,
}

impl GroupMembers {
    /// The most members that are read. WeChat's groups have 500 people at most.
    pub const MAX: usize = 500;
}

impl Groups {
    /// The members of the group; `None` if the user is not one of them.
    ///
    /// Makes one request, because 500 rows of at most 2 KB fit into the one megabyte of an answer. In a larger group a second request
    /// finds the user who is not among the first 500.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn members_for(
        &self,
        user_id: &UserId,
        group_id: &GroupId,
    ) -> Result<Option<GroupMembers>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.groups)
            .key_condition_expression("group_id = :group")
            .expression_attribute_values(":group", item::s(group_id))
            .consistent_read(true)
            .limit(LIMIT);
        let answer = query.send().await.map_err(|error| StoreError::from_sdk(LISTING, error))?;
        let is_whole = answer.last_evaluated_key.is_none_or(|key| key.is_empty());
        let now = self.host.now();
        let is_current = |member: &GroupMember| member.expires_at > now;
        let members = answer.items.unwrap_or_default().into_iter().map(item::read::<GroupMember>);
        let mut members = members.collect::<Result<Vec<_>, _>>()?;
        members.retain(is_current);
        if members.iter().any(|member| member.user_id == *user_id) {
            return Ok(Some(GroupMembers { members, is_whole }));
        }
        if is_whole {
            return Ok(None);
        }
        let Some(own) = self.get_member(user_id, group_id).await?.filter(is_current) else { return Ok(None) };
        members.push(own);
        Ok(Some(GroupMembers { members, is_whole }))
    }

    async fn get_member(
        &self,
        user_id: &UserId,
        group_id: &GroupId,
    ) -> Result<Option<GroupMember>, StoreError> {
        let request = self.client.get_item().table_name(&self.groups).key("group_id", item::s(group_id));
        let answer = request.key("user_id", item::s(user_id)).consistent_read(true).send().await;
        let answer = answer.map_err(|error| StoreError::from_sdk(LISTING, error))?;
        answer.item.map(item::read).transpose()
    }
}

const LISTING: &str = "listing a group's members";
/// [`GroupMembers::MAX`], and one that shows that there are more.
const LIMIT: i32 = 501;
