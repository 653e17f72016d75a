//! Rankings of a group, as its members see them.

use std::cmp::Reverse;

use lambda_http::Request;

use crate::{
    api::{ApiError, request},
    host::UploadsBucket,
    store::{GroupMember, GroupMembers},
    types::{GroupId, UserId},
};

/// A ranking, as one member sees it.
pub struct Ranking<'g, V> {
    /// The first 100 places.
    pub places: Vec<Place<'g, V>>,
    /// The caller's own place; `None` if the caller has no value.
    pub own: Option<OwnPlace<V>>,
}

/// A place in the list. Members with equal values have the same rank, and the next rank counts them all: 1, 2, 2, 4.
pub struct Place<'g, V> {
    /// The rank, from 1.
    pub rank: usize,
    /// What the member is ranked by.
    pub value: V,
    /// Whether the caller is this member.
    pub is_me: bool,
    /// The member.
    pub member: &'g GroupMember,
}

/// The caller's own place.
pub struct OwnPlace<V> {
    /// The rank; `None` in a group of which not all members were read.
    pub rank: Option<usize>,
    /// What the caller is ranked by.
    pub value: V,
}

impl<V> Place<'_, V> {
    /// The member's name. A member who has chosen none has the name that WeChat shows then.
    #[must_use]
    pub fn nickname(&self) -> String {
        self.member.shown.nickname.clone().unwrap_or_else(|| "微信用户".to_owned())
    }

    /// The address of the member's picture, of `bucket` for [`UploadsBucket::MAX_URL_LIFETIME`] if the member has uploaded it; empty if the
    /// member has none.
    #[must_use]
    pub fn avatar_url(&self, bucket: &UploadsBucket) -> String {
        let shown = &self.member.shown;
        let uploaded =
            shown.avatar_key.as_ref().map(|key| bucket.presigned_get(key, UploadsBucket::MAX_URL_LIFETIME));
        uploaded.or_else(|| shown.avatar_url.clone()).unwrap_or_default()
    }
}

/// The group that the query's `openGId` names.
///
/// # Errors
/// `INVALID_INPUT`: it is missing or malformed.
pub fn group_id(request: &Request) -> Result<GroupId, ApiError> {
    let text = request::required("openGId", request::query(request, "openGId"))?;
    GroupId::parse(&text).map_err(|error| ApiError::invalid("openGId", "格式不正确").with_cause(error))
}

/// Ranks the members who have a value, the greatest first. Of members with equal values the caller stands first.
pub fn rank<'g, V: Copy + Ord>(
    group: &'g GroupMembers,
    caller: &UserId,
    value: impl Fn(&GroupMember) -> Option<V>,
) -> Ranking<'g, V> {
    let mut valued: Vec<_> =
        group.members.iter().filter_map(|member| Some((value(member)?, member))).collect();
    valued.sort_by_key(|(value, member)| (Reverse(*value), member.user_id != *caller));
    let mut places: Vec<Place<'g, V>> = Vec::with_capacity(valued.len());
    for (index, (value, member)) in valued.into_iter().enumerate() {
        let tied = places.last().filter(|last| last.value == value).map(|last| last.rank);
        let rank = tied.unwrap_or_else(|| index.saturating_add(1));
        places.push(Place { rank, value, is_me: member.user_id == *caller, member });
    }
    let own = places.iter().find(|place| place.is_me);
    let own = own.map(|own| OwnPlace { rank: group.is_whole.then_some(own.rank), value: own.value });
    places.truncate(MAX_PLACES);
    Ranking { places, own }
}

/// How many places a phone gets.
const MAX_PLACES: usize = 100;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn group(is_whole: bool, count: usize) -> GroupMembers {
        let member = |number: usize| {
            let row = json!({ "group_id": "group:t", "user_id": format!("u{number}"), "expires_at": 1 });
            serde_json::from_value(row).unwrap()
        };
        GroupMembers { members: (0..count).map(member).collect(), is_whole }
    }

    fn number(member: &GroupMember) -> u32 {
        member.user_id.as_str().trim_start_matches('u').parse().unwrap()
    }

    #[test]
    fn members_with_equal_values_share_a_rank() {
        let group = group(true, 4);
        let me = UserId::parse("u2").unwrap();
        let ranking = rank(&group, &me, |member| {
            [None, Some(5), Some(5), Some(1)].into_iter().nth(number(member).try_into().unwrap()).flatten()
        });
        let places: Vec<_> =
            ranking.places.iter().map(|place| (place.rank, place.value, place.is_me)).collect();
        assert_eq!(places, [(1, 5, true), (1, 5, false), (3, 1, false)]);
        assert_eq!(ranking.own.and_then(|own| own.rank), Some(1));
        assert_eq!(ranking.places[0].nickname(), "微信用户");
    }

    #[test]
    fn the_list_has_100_places_and_the_caller_any_rank() {
        let group = group(true, 500);
        let me = UserId::parse("u3").unwrap();
        let ranking = rank(&group, &me, |member| Some(number(member)));
        assert_eq!((ranking.places.len(), ranking.places[0].value), (100, 499));
        let own = ranking.own.unwrap();
        assert_eq!((own.rank, own.value), (Some(497), 3));
    }

    #[test]
    fn a_rank_among_a_part_of_the_group_is_not_given() {
        let group = group(false, 3);
        let me = UserId::parse("u0").unwrap();
        let own = rank(&group, &me, |member| Some(number(member))).own.unwrap();
        assert_eq!((own.rank, own.value), (None, 0));
        let without = rank(&group, &me, |member| Some(number(member)).filter(|value| *value > 0));
        assert!(without.own.is_none());
    }
}
