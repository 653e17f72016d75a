//! A picture or a sound that WeChat was asked to judge.

use serde::Serialize;

use crate::core::verdict::Verdict;

/// A picture or a sound that WeChat was asked to judge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MediaCheck {
    /// The number that the answer and the verdict have.
    pub trace_id: String,
    /// Where the file is.
    pub media_url: String,
    /// 1 sound, 2 picture.
    pub media_type: u8,
    /// Whose content it is.
    pub openid: String,
    /// The state of the check.
    pub state: MediaCheckState,
}

/// How far a check of a picture or a sound is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaCheckState {
    /// The fault `verdict_stalled` holds the verdict back.
    Stalled,
    /// The file is being downloaded.
    Pending,
    /// The verdict was pushed.
    Judged(Verdict),
    /// The file could not be downloaded, or is of no kind that WeChat judges: the reason.
    Failed(String),
}
