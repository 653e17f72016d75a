//! What the members of a user's groups see of the user.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{DatedSteps, GroupMember, ShownUser};
use crate::types::{Board, BoardId, Day, GroupId, Score, UnixSeconds, UserId};

/// How long a user is a member after entering from a group. WeChat does not say who has left.
pub const MEMBERSHIP: Duration = Duration::from_secs(90 * DAY);

/// A user's profile for rankings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RankProfile {
    user_id: UserId,
    version: u64,
    #[serde(flatten)]
    shown: ShownUser,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    steps: Option<DatedSteps>,
    /// The best score on each board, of the period in which it was made.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    scores: BTreeMap<BoardId, Score>,
    /// When each membership ends.
    groups: BTreeMap<GroupId, UnixSeconds>,
}

/// What came of entering a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinOutcome {
    /// The user is a member.
    Joined,
    /// The user is in as many groups as one can be.
    TooMany,
}

/// What came of a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScoreOutcome {
    /// It is the best of the period, and is set.
    Best,
    /// The user has this better or equal score, which stays.
    NotBetter {
        /// The best score.
        best: i64,
    },
    /// The user has scores on as many boards as one can have.
    TooMany,
}

impl RankProfile {
    /// The profile of a user who is in no group yet.
    #[must_use]
    pub fn new(user_id: UserId, shown: ShownUser) -> Self {
        let (steps, scores, groups) = (None, BTreeMap::new(), BTreeMap::new());
        Self { user_id, version: 0, shown, steps, scores, groups }
    }

    /// Makes the user a member of the group until [`MEMBERSHIP`] from now.
    pub fn join(&mut self, group_id: &GroupId, now: UnixSeconds) -> JoinOutcome {
        self.forget_ended(now);
        if !self.groups.contains_key(group_id) && self.groups.len() >= MAX_GROUPS {
            return JoinOutcome::TooMany;
        }
        self.groups.insert(group_id.clone(), now.plus(MEMBERSHIP));
        JoinOutcome::Joined
    }

    /// Sets name and picture; whether that changes the profile.
    pub fn set_shown(&mut self, shown: &ShownUser) -> bool {
        let is_same = self.shown == *shown;
        self.shown.clone_from(shown);
        !is_same
    }

    /// Sets the steps of a day, unless steps of a later day or more steps of this day are known; whether that changes the profile.
    pub fn set_steps(&mut self, steps: DatedSteps) -> bool {
        let known = self.steps.map(|known| (known.day, known.steps));
        let is_newer = known.is_none_or(|known| known < (steps.day, steps.steps));
        if is_newer {
            self.steps = Some(steps);
        }
        is_newer
    }

    /// Removes the steps, because the user has withdrawn the consent; whether that changes the profile.
    pub fn remove_steps(&mut self) -> bool {
        self.steps.take().is_some()
    }

    /// Sets the score, if it is better than the best one of its period on this board. A score of before that does not count today is
    /// replaced by any.
    pub fn set_score(&mut self, board: &Board, score: Score, today: Day) -> ScoreOutcome {
        let known = self.scores.get(&board.board);
        let best = known.and_then(|known| board.current(known, today)).map(|best| best.score);
        if let Some(best) = best.filter(|best| board.merit(*best) >= board.merit(score.score)) {
            return ScoreOutcome::NotBetter { best };
        }
        if known.is_none() && self.scores.len() >= MAX_BOARDS {
            return ScoreOutcome::TooMany;
        }
        self.scores.insert(board.board.clone(), score);
        ScoreOutcome::Best
    }

    /// The groups with a copy of this profile, also those whose membership has ended lately.
    pub(super) fn group_ids(&self) -> impl Iterator<Item = &GroupId> {
        self.groups.keys()
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Counts the version on, for a write at `now`; returns the version that was read.
    pub(super) fn next_version(&mut self, now: UnixSeconds) -> u64 {
        self.forget_ended(now);
        let read = self.version;
        self.version = read.saturating_add(1);
        read
    }

    /// The copies for the groups whose membership lasts.
    pub(super) fn copies(&self, now: UnixSeconds) -> impl Iterator<Item = GroupMember> {
        let active = self.groups.iter().filter(move |(_, ends_at)| **ends_at > now);
        active.map(|(group_id, ends_at)| GroupMember {
            group_id: group_id.clone(),
            user_id: self.user_id.clone(),
            shown: self.shown.clone(),
            steps: self.steps,
            scores: self.scores.clone(),
            expires_at: *ends_at,
        })
    }

    /// Forgets groups whose copy DynamoDB has deleted by now. Until then an erasure must find the copy.
    fn forget_ended(&mut self, now: UnixSeconds) {
        self.groups.retain(|_, ends_at| ends_at.plus(DELETED_AFTER) > now);
    }
}

const DAY: u64 = 24 * 60 * 60;
/// DynamoDB deletes an expired row within a few days.
const DELETED_AFTER: Duration = Duration::from_secs(14 * DAY);
/// A transaction has 100 parts at most, and each group is one.
const MAX_GROUPS: usize = 50;
/// A copy must stay below 2 KB, so that 500 of them fit into an answer.
const MAX_BOARDS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{BoardOrder, BoardPeriod, OperatorArn};

    const NOW: UnixSeconds = UnixSeconds::new(1_700_000_000);

    fn profile() -> RankProfile {
        RankProfile::new(UserId::parse("u1").unwrap(), ShownUser::default())
    }

    fn group(number: usize) -> GroupId {
        GroupId::of_group(&format!("t{number}")).unwrap()
    }

    #[test]
    fn a_membership_ends_after_90_days_and_each_entry_renews_it() {
        let mut profile = profile();
        assert_eq!(profile.join(&group(1), NOW), JoinOutcome::Joined);
        let later = NOW.plus(Duration::from_secs(60 * DAY));
        assert_eq!(profile.join(&group(1), later), JoinOutcome::Joined);
        let count = |at: UnixSeconds| profile.copies(at).count();
        assert_eq!(count(later.plus(Duration::from_secs(90 * DAY - 1))), 1);
        assert_eq!(count(later.plus(Duration::from_secs(90 * DAY))), 0);
    }

    #[test]
    fn a_user_is_in_50_groups_at_most() {
        let mut profile = profile();
        for number in 0..50 {
            assert_eq!(profile.join(&group(number), NOW), JoinOutcome::Joined);
        }
        assert_eq!(profile.join(&group(50), NOW), JoinOutcome::TooMany);
        assert_eq!(profile.join(&group(7), NOW), JoinOutcome::Joined);
        // The copies of the old ones are gone by then.
        assert_eq!(profile.join(&group(50), NOW.plus(Duration::from_secs(105 * DAY))), JoinOutcome::Joined);
    }

    #[test]
    fn the_better_score_of_a_period_stays_in_either_order() {
        let today = Day::of(NOW);
        let changed_by = OperatorArn::parse("arn:aws:iam::1:user/ops").unwrap();
        for (order, worse, better) in [(BoardOrder::Desc, 1, 9), (BoardOrder::Asc, 9, 1)] {
            let (board, period) = (BoardId::parse("b").unwrap(), BoardPeriod::Day);
            let board = Board { board, order, period, min: 0, max: 10, changed_by: changed_by.clone() };
            let mut profile = profile();
            let mut set = |score, day| {
                profile.set_score(&board, Score { period: board.period_of(day), score, level: None }, day)
            };
            assert_eq!(set(worse, today), ScoreOutcome::Best);
            assert_eq!(set(better, today), ScoreOutcome::Best);
            assert_eq!(set(worse, today), ScoreOutcome::NotBetter { best: better });
            assert_eq!(set(better, today), ScoreOutcome::NotBetter { best: better });
            assert_eq!(set(worse, today.after(1)), ScoreOutcome::Best);
        }
    }

    #[test]
    fn steps_of_a_day_only_grow_and_a_new_day_begins_anew() {
        let mut profile = profile();
        let today = Day::of(NOW);
        let steps = |day, steps| DatedSteps { day, steps };
        assert!(profile.set_steps(steps(today, 100)));
        assert!(!profile.set_steps(steps(today, 100)));
        assert!(!profile.set_steps(steps(today, 99)));
        assert!(profile.set_steps(steps(today.after(1), 3)));
        assert!(!profile.set_steps(steps(today, 5000)));
        assert!(profile.remove_steps());
        assert!(!profile.remove_steps());
    }
}
