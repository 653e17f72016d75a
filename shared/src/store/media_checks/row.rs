//! A row: a check, another number of one, or a verdict whose check is not known yet.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    store::StoreError,
    types::{ObjectKey, OpenId, TraceId, UnixSeconds, UserId},
    wechat::{CheckScene, Suggestion, Verdict, push::MediaVerdictKind},
};

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum MediaCheckState {
    /// No verdict came, or WeChat could not read the file.
    Error,
    /// WeChat passes it.
    Pass,
    /// The verdict is to come.
    Pending,
    /// A person must look first.
    Review,
    /// It must not be shown.
    Risky,
}

impl MediaCheckState {
    /// The name that is stored and answered.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Pass => "PASS",
            Self::Pending => "PENDING",
            Self::Review => "REVIEW",
            Self::Risky => "RISKY",
        }
    }
}

/// A state with WeChat's label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaCheckResult {
    /// How far the check is.
    pub state: MediaCheckState,
    /// Why WeChat judged so; `None` if it did not say.
    pub label: Option<i64>,
}

impl MediaCheckResult {
    /// Of a check whose verdict is to come.
    pub const PENDING: Self = Self { state: MediaCheckState::Pending, label: None };
    /// Of a check to which no verdict will come.
    pub const ERROR: Self = Self { state: MediaCheckState::Error, label: None };
}

impl From<Verdict> for MediaCheckResult {
    fn from(verdict: Verdict) -> Self {
        let state = match verdict.suggestion {
            Suggestion::Pass => MediaCheckState::Pass,
            Suggestion::Review => MediaCheckState::Review,
            Suggestion::Risky => MediaCheckState::Risky,
        };
        Self { state, label: verdict.label }
    }
}

impl From<MediaVerdictKind> for MediaCheckResult {
    fn from(kind: MediaVerdictKind) -> Self {
        match kind {
            MediaVerdictKind::Judged(verdict) => verdict.into(),
            MediaVerdictKind::NotRead(_) => Self::ERROR,
        }
    }
}

/// What else follows from a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckPurpose {
    /// The picture becomes the one that its user shows, once WeChat has passed it.
    Avatar,
}

/// A check of a picture or a sound.
#[derive(Debug, Clone)]
pub struct MediaCheck {
    /// The number that the first call was answered with, which is the key.
    pub trace_id: TraceId,
    /// Who asked.
    pub user_id: UserId,
    /// The openid of who asked, for asking again; `None` when the check has ended.
    pub openid: Option<OpenId>,
    /// The copy that WeChat judges.
    pub object_key: ObjectKey,
    /// Where it is to be shown.
    pub scene: CheckScene,
    /// What else follows from the verdict.
    pub purpose: Option<CheckPurpose>,
    /// How far it is.
    pub result: MediaCheckResult,
    /// How often WeChat was asked, once or twice.
    pub attempts: u8,
    /// Objects that are to be deleted.
    pub discard: Vec<ObjectKey>,
    /// When the schedule looks at it; `None` when nothing is left to do.
    pub next_query_at: Option<UnixSeconds>,
}

/// What a verdict changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdictEffect {
    /// WeChat could not read the file, and is asked again.
    AskAgain,
    /// The check ends with this result.
    End(MediaCheckResult),
    /// Nothing.
    Nothing,
}

impl MediaCheck {
    /// What a verdict changes that was pushed for the first call, or for the second one. The first verdict stands, but any verdict is better
    /// than [`MediaCheckState::Error`]. A file that could not be read at the first call is no end while the second call is on its way.
    #[must_use]
    pub fn effect_of(&self, verdict: MediaCheckResult, is_of_second_call: bool) -> VerdictEffect {
        match (self.result.state, verdict.state) {
            (MediaCheckState::Pending, MediaCheckState::Error) if self.attempts < 2 => {
                VerdictEffect::AskAgain
            }
            (MediaCheckState::Pending, MediaCheckState::Error) if !is_of_second_call => {
                VerdictEffect::Nothing
            }
            (MediaCheckState::Error, MediaCheckState::Error) => VerdictEffect::Nothing,
            (MediaCheckState::Error | MediaCheckState::Pending, _) => VerdictEffect::End(verdict),
            _ => VerdictEffect::Nothing,
        }
    }
}

/// What is stored under a number of WeChat's.
#[derive(Debug, Clone)]
pub enum MediaCheckLookup {
    /// A check, under the number of its first call.
    Check(Box<MediaCheck>),
    /// The number of the second call of the check with this number.
    SecondCall(TraceId),
    /// A verdict that came before its check was written, or whose call had a lost answer.
    Unclaimed(MediaCheckResult),
}

/// As it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::store) struct Row {
    pub(in crate::store) trace_id: TraceId,
    /// Absent in the row of a second call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store) state: Option<MediaCheckState>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store) label: Option<i64>,
    /// Absent in the row of an unclaimed verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store) user_id: Option<UserId>,
    /// Absent when the check has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store) openid: Option<OpenId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store) object_key: Option<ObjectKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store) scene: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store) purpose: Option<CheckPurpose>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store) attempts: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store) asked_at: Option<UnixSeconds>,
    /// Present in the row of a second call only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store) first_trace_id: Option<TraceId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::store) discard: Vec<ObjectKey>,
    /// Absent when nothing is left to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store) due_shard: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store) next_query_at: Option<UnixSeconds>,
    pub(in crate::store) expires_at: UnixSeconds,
}

impl Row {
    /// A row with its key and its end alone.
    pub(in crate::store) fn new(trace_id: TraceId, expires_at: UnixSeconds) -> Self {
        Self {
            trace_id,
            state: None,
            label: None,
            user_id: None,
            openid: None,
            object_key: None,
            scene: None,
            purpose: None,
            attempts: None,
            asked_at: None,
            first_trace_id: None,
            discard: Vec::new(),
            due_shard: None,
            next_query_at: None,
            expires_at,
        }
    }

    /// The result that the row has.
    pub(in crate::store) fn result(&self) -> Option<MediaCheckResult> {
        self.state.map(|state| MediaCheckResult { state, label: self.label })
    }

    /// What the row is.
    pub(in crate::store) fn into_lookup(self) -> Result<MediaCheckLookup, StoreError> {
        let broken = || StoreError::new("reading a media check", "an attribute is missing");
        if let Some(first_trace_id) = self.first_trace_id {
            return Ok(MediaCheckLookup::SecondCall(first_trace_id));
        }
        let result = self.result().ok_or_else(broken)?;
        let Some(user_id) = self.user_id else { return Ok(MediaCheckLookup::Unclaimed(result)) };
        let scene = self.scene.and_then(|number| CheckScene::from_number(number.into()));
        Ok(MediaCheckLookup::Check(Box::new(MediaCheck {
            trace_id: self.trace_id,
            user_id,
            openid: self.openid,
            object_key: self.object_key.ok_or_else(broken)?,
            scene: scene.ok_or_else(broken)?,
            purpose: self.purpose,
            result,
            attempts: self.attempts.ok_or_else(broken)?,
            discard: self.discard,
            next_query_at: self.next_query_at,
        })))
    }
}

/// How long WeChat is waited for after each call: its verdict comes within 30 minutes.
pub(in crate::store) const VERDICT_WAIT: Duration = Duration::from_secs(35 * 60);
/// How long a check is kept, which is as long as the copy that it judged.
pub(in crate::store) const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(state: MediaCheckState, attempts: u8) -> MediaCheck {
        MediaCheck {
            trace_id: TraceId::parse("t").unwrap(),
            user_id: UserId::parse("u1").unwrap(),
            openid: None,
            object_key: ObjectKey::parse("checked/u1/image-00112233445566778899aabbccddeeff.jpg").unwrap(),
            scene: CheckScene::Forum,
            purpose: None,
            result: MediaCheckResult { state, label: None },
            attempts,
            discard: Vec::new(),
            next_query_at: None,
        }
    }

    #[test]
    fn the_first_verdict_stands_unless_it_was_an_error() {
        let pass = MediaCheckResult { state: MediaCheckState::Pass, label: Some(100) };
        for state in [MediaCheckState::Pass, MediaCheckState::Review, MediaCheckState::Risky] {
            for verdict in [pass, MediaCheckResult::ERROR] {
                assert_eq!(check(state, 1).effect_of(verdict, false), VerdictEffect::Nothing);
            }
        }
        for state in [MediaCheckState::Pending, MediaCheckState::Error] {
            assert_eq!(check(state, 2).effect_of(pass, false), VerdictEffect::End(pass));
        }
    }

    #[test]
    fn a_file_that_was_not_read_is_asked_about_once_more() {
        let effect =
            |state, attempts, second| check(state, attempts).effect_of(MediaCheckResult::ERROR, second);
        assert_eq!(effect(MediaCheckState::Pending, 1, false), VerdictEffect::AskAgain);
        assert_eq!(effect(MediaCheckState::Pending, 2, false), VerdictEffect::Nothing);
        assert_eq!(effect(MediaCheckState::Pending, 2, true), VerdictEffect::End(MediaCheckResult::ERROR));
        assert_eq!(effect(MediaCheckState::Error, 2, true), VerdictEffect::Nothing);
    }
}
