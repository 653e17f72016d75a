//! Checks of pictures and sounds that are due: verdicts that did not come, and what is left of verdicts.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde::Serialize;
use shared::{
    host::Host,
    store::{OpenWork, WorkCursor},
    telemetry,
    types::{TraceId, UnixSeconds},
};

use crate::media_verdict::{DueOutcome, MediaJudge};

/// How many due checks a run came upon, by what became of them.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaChecksReport {
    /// WeChat was asked again.
    pub asked_again: u32,
    /// What was left of a verdict is done.
    pub finished: u32,
    /// Checks that have ended without a verdict.
    pub unanswered: u32,
    /// Checks for which something is still to do, and shards that could not be read.
    pub failed: u32,
}

impl MediaChecksReport {
    fn count(&mut self, outcome: DueOutcome) {
        let count = match outcome {
            DueOutcome::AskedAgain => &mut self.asked_again,
            DueOutcome::Finished => &mut self.finished,
            DueOutcome::Unanswered => &mut self.unanswered,
            DueOutcome::Nothing => return,
        };
        *count = count.saturating_add(1);
    }

    fn count_failure(&mut self, error: &(dyn std::error::Error + 'static)) {
        telemetry::handled_error("attend-media-check", error);
        self.failed = self.failed.saturating_add(1);
    }

    fn plus(self, other: Self) -> Self {
        Self {
            asked_again: self.asked_again.saturating_add(other.asked_again),
            finished: self.finished.saturating_add(other.finished),
            unanswered: self.unanswered.saturating_add(other.unanswered),
            failed: self.failed.saturating_add(other.failed),
        }
    }
}

/// Does what is due, several checks or shards at the same time.
pub(crate) async fn attend_due(judge: &MediaJudge, host: &Host) -> MediaChecksReport {
    let started_at = host.now();
    let sum = async |sum: MediaChecksReport, report| sum.plus(report);
    match judge.checks().find_due(started_at).await {
        Ok(OpenWork::All(rows)) => {
            let reports = stream::iter(rows).map(|row| attend(judge, host, row.key, started_at));
            reports.buffer_unordered(CONCURRENCY).fold(MediaChecksReport::default(), sum).await
        }
        Ok(OpenWork::Shards(shards)) => {
            let reports = stream::iter(shards).map(|shard| attend_shard(judge, host, shard, started_at));
            reports.buffer_unordered(CONCURRENCY).fold(MediaChecksReport::default(), sum).await
        }
        Err(error) => {
            let mut report = MediaChecksReport::default();
            report.count_failure(&error);
            report
        }
    }
}

/// Does what is due for a check, unless the run is out of time.
async fn attend(
    judge: &MediaJudge,
    host: &Host,
    trace_id: TraceId,
    started_at: UnixSeconds,
) -> MediaChecksReport {
    let mut report = MediaChecksReport::default();
    if host.now().since(started_at) <= LAST_START {
        match judge.attend(&trace_id).await {
            Ok(outcome) => report.count(outcome),
            Err(error) => report.count_failure(&error),
        }
    }
    report
}

/// Does what is due in a shard, page after page, the longest due first, until none is left or the run is out of time. A check that fails
/// does not delay those behind it.
async fn attend_shard(
    judge: &MediaJudge,
    host: &Host,
    shard: String,
    started_at: UnixSeconds,
) -> MediaChecksReport {
    let mut report = MediaChecksReport::default();
    let mut cursor: Option<WorkCursor> = None;
    loop {
        let page = match judge.checks().list_due(&shard, started_at, cursor, PAGE_SIZE).await {
            Ok(page) => page,
            Err(error) => {
                report.count_failure(&error);
                return report;
            }
        };
        for row in page.rows {
            report = report.plus(attend(judge, host, row.key, started_at).await);
        }
        cursor = page.next;
        if cursor.is_none() || host.now().since(started_at) > LAST_START {
            return report;
        }
    }
}

const PAGE_SIZE: u16 = 25;
/// Checks, or shards, that are attended to at the same time.
const CONCURRENCY: usize = 16;
/// No check is begun after this time, so that a run ends before Lambda's timeout of 55 seconds.
const LAST_START: Duration = Duration::from_secs(25);
