//! Each morning: sums up the shares of the last days, and keeps them with WeChat's own figures.
//!
//! WeChat has the figures of yesterday in the morning of Beijing, at no certain hour, and does not revise them. So each run looks at the
//! last seven days and asks for those that are missing. Whatever fails is tried again an hour later, and on the next days. A function of
//! its own does this, so that the function that anybody can call without a token holds no access token.

use serde::{Deserialize, Serialize};
use shared::{
    host::{Host, HostError, RetryPolicy},
    runtime::Task,
    service::{PlatformClient, PlatformError},
    store::{DayOfShares, Shares, StoreError, TokenName, WeChatFigures},
    telemetry,
    types::{BoxError, Day},
    wechat::analysis::{DailySummary, DailyVisits, NOT_READY, day_body},
};

/// Keeps each day's shares with WeChat's figures.
pub struct ShareFiguresTask {
    host: Host,
    platform: PlatformClient,
    shares: Shares,
}

/// The event that starts a run: of the schedule, or of an operator who names a day.
#[derive(Debug, Default, Deserialize)]
pub struct ShareFiguresEvent {
    /// `yyyyMMdd`: fetch this day only, even if its figures are known.
    pub day: Option<Day>,
}

/// What came of a run.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct ShareFiguresReport {
    /// The newest first. A day whose figures are known is absent.
    pub days: Vec<DayReport>,
}

/// What came of a day.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct DayReport {
    /// The day.
    pub day: Day,
    /// Whether the figures are known now.
    pub state: FiguresState,
}

/// Whether the figures of a day are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FiguresState {
    /// They are stored.
    Stored,
    /// WeChat does not have them yet.
    NotReady,
    /// WeChat could not be asked, or has answered something else. The log says why.
    Failed,
}

/// WeChat's figures can't be had.
enum FiguresFailure {
    NotReady,
    Platform(PlatformError),
    Form,
}

impl From<PlatformError> for FiguresFailure {
    fn from(error: PlatformError) -> Self {
        if error.errcode() == Some(NOT_READY) { Self::NotReady } else { Self::Platform(error) }
    }
}

impl Task for ShareFiguresTask {
    const NAME: &'static str = "share-figures";
    type Event = ShareFiguresEvent;
    type Report = ShareFiguresReport;

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            platform: PlatformClient::new(host, TokenName::MiniProgram)?,
            shares: Shares::new(host)?,
        })
    }

    async fn run(&self, event: ShareFiguresEvent) -> Result<ShareFiguresReport, BoxError> {
        let today = Day::of(self.host.now());
        let days: Vec<_> = match event.day {
            Some(day) => vec![day],
            None => (1..=DAYS_BACK).map(|ago| today.before(ago)).collect(),
        };
        let mut records = self.shares.get_records(&days).await?;
        let mut report = ShareFiguresReport::default();
        for day in days {
            let record = records.remove(&day);
            let is_known = record.as_ref().is_some_and(|record| record.wechat.is_some());
            if !is_known || event.day.is_some() {
                let state = self.keep_day(day, record).await?;
                // Tomorrow nobody asks for this day any more.
                if state == FiguresState::Failed && day == today.before(DAYS_BACK) {
                    telemetry::operator_alert("share-figures-missing", &day);
                }
                report.days.push(DayReport { day, state });
            }
        }
        Ok(report)
    }
}

impl ShareFiguresTask {
    async fn keep_day(&self, day: Day, known: Option<DayOfShares>) -> Result<FiguresState, StoreError> {
        let mut record = match known {
            Some(record) => record,
            None => DayOfShares { day, shares: self.shares.sum_day(day).await?, wechat: None },
        };
        let (wechat, state) = match self.fetch(day).await {
            Ok(figures) => (Some(figures), FiguresState::Stored),
            Err(FiguresFailure::NotReady) => (None, FiguresState::NotReady),
            Err(FiguresFailure::Platform(error)) => {
                telemetry::handled_error("fetch-share-figures", &error);
                (None, FiguresState::Failed)
            }
            Err(FiguresFailure::Form) => {
                telemetry::unusual_event("share-figures-unreadable", &day);
                (None, FiguresState::Failed)
            }
        };
        record.wechat = wechat.or(record.wechat);
        self.shares.store_record(&record).await?;
        Ok(state)
    }

    async fn fetch(&self, day: Day) -> Result<WeChatFigures, FiguresFailure> {
        let body = day_body(day);
        let summary = self.platform.post(DailySummary::PATH, &body, RetryPolicy::AnyFailure).await?;
        let summary = DailySummary::read(&summary).ok_or(FiguresFailure::Form)?;
        let visits = self.platform.post(DailyVisits::PATH, &body, RetryPolicy::AnyFailure).await?;
        let visits = DailyVisits::read(&visits).ok_or(FiguresFailure::Form)?;
        Ok(WeChatFigures {
            share_count: summary.share_count,
            share_users: summary.share_users,
            visits: visits.visits,
        })
    }
}

/// How many days are looked at.
const DAYS_BACK: u16 = 7;
