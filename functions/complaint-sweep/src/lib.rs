//! Every hour: fetches the complaints of the last days, because a notice can be lost, asks about those that are open, and alerts before
//! their deadlines.
//!
//! The merchant is measured by the first reply within a day and by the end within three days. WeChat's documents do not print these
//! terms; they are what merchants are told in the console.

use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use shared::{
    host::{Host, HostError},
    pay::{ComplaintState, PayError},
    runtime::Task,
    service::{ComplaintError, ComplaintService},
    store::ComplaintRow,
    telemetry,
    types::{BoxError, Day, UnixSeconds},
};

/// Finds lost complaints and watches deadlines.
pub struct ComplaintSweepTask {
    host: Host,
    complaints: ComplaintService,
}

/// The event that starts a run.
#[derive(Debug, Default, Deserialize)]
pub struct ComplaintSweepEvent {
    /// How many days back complaints are listed, today included; 3 if absent, 30 at most. An operator passes it after an outage.
    pub days: Option<u16>,
}

/// What came of a run.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct ComplaintSweepReport {
    /// Whether the merchant's secret has the keys of APIv3. Nothing else is done without them.
    pub configured: bool,
    /// Complaints that WeChat Pay has listed.
    pub listed: usize,
    /// Open complaints, and those among them whose first reply, or whose end, is due soon.
    pub open: usize,
    /// Complaints without a reply whose first deadline is near or over.
    pub unanswered: usize,
    /// Complaints whose second deadline is near or over.
    pub unresolved: usize,
}

impl Task for ComplaintSweepTask {
    const NAME: &'static str = "complaint-sweep";
    type Event = ComplaintSweepEvent;
    type Report = ComplaintSweepReport;

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self { host: host.clone(), complaints: ComplaintService::new(host)? })
    }

    async fn run(&self, event: ComplaintSweepEvent) -> Result<ComplaintSweepReport, BoxError> {
        match self.complaints.pay.can_answer_complaints().await {
            Err(PayError::NotConfigured(_)) => return Ok(ComplaintSweepReport::default()),
            other => other?,
        }
        let days = event.days.unwrap_or(DAYS).clamp(1, MAX_DAYS);
        // What WeChat Pay does not list now is listed in the next hour. The deadlines must be watched in any case.
        let listed = match self.record_listed(days).await {
            Ok(listed) => listed,
            Err(error) => {
                telemetry::handled_error("list-complaints", &error);
                0
            }
        };
        let mut report = ComplaintSweepReport { configured: true, listed, ..Default::default() };
        for state in [ComplaintState::Pending, ComplaintState::Processing] {
            let open = stream::iter(self.open_complaints(state).await?);
            let mut refreshed = open.map(|row| self.refreshed(row)).buffer_unordered(CONCURRENT_QUERIES);
            while let Some(row) = refreshed.next().await {
                self.watch(&row, &mut report);
            }
        }
        Ok(report)
    }
}

impl ComplaintSweepTask {
    /// Records the complaints of the last days; how many there are.
    async fn record_listed(&self, days: u16) -> Result<usize, ComplaintError> {
        let today = Day::of(self.host.now());
        let days = (today.before(days.saturating_sub(1)), today);
        let mut listed = 0_usize;
        for _ in 0..MAX_PAGES {
            let fetched_at = self.host.now();
            let offset = u64::try_from(listed).unwrap_or(u64::MAX);
            let page = self.complaints.pay.complaints(days, offset).await?;
            if page.complaints.is_empty() {
                break;
            }
            for complaint in &page.complaints {
                self.complaints.record(complaint, fetched_at).await?;
            }
            listed = listed.saturating_add(page.complaints.len());
            if u64::try_from(listed).unwrap_or(u64::MAX) >= page.total {
                break;
            }
        }
        Ok(listed)
    }

    /// The complaints of an open state.
    async fn open_complaints(&self, state: ComplaintState) -> Result<Vec<ComplaintRow>, BoxError> {
        let (mut rows, mut cursor) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let page = self.complaints.store.list(state, cursor.as_ref()).await?;
            rows.extend(page.complaints);
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        Ok(rows)
    }

    /// The complaint as WeChat Pay has it, if that was not asked in the last hours; else, or if it can't be asked, as it is known.
    async fn refreshed(&self, row: ComplaintRow) -> ComplaintRow {
        if self.host.now().get() < row.fetched_at.get().saturating_add(STALE) {
            return row;
        }
        match self.complaints.fetch(&row.complaint_id).await {
            Ok(Some((_, fetched))) => fetched,
            Ok(None) => row,
            Err(error) => {
                telemetry::handled_error("fetch-complaint", &error);
                row
            }
        }
    }

    /// Counts the complaint, and alerts if a deadline is near.
    fn watch(&self, row: &ComplaintRow, report: &mut ComplaintSweepReport) {
        let is_near = |deadline: UnixSeconds, before: u64| {
            self.host.now().get() >= deadline.get().saturating_sub(before)
        };
        match row.state {
            ComplaintState::Processed => return,
            ComplaintState::Pending if is_near(row.reply_by(), BEFORE_REPLY) => {
                telemetry::operator_alert("complaint-unanswered", &row.complaint_id);
                report.unanswered = report.unanswered.saturating_add(1);
            }
            ComplaintState::Pending | ComplaintState::Processing => {}
        }
        report.open = report.open.saturating_add(1);
        if is_near(row.resolve_by(), BEFORE_END) {
            telemetry::operator_alert("complaint-unresolved", &row.complaint_id);
            report.unresolved = report.unresolved.saturating_add(1);
        }
    }
}

const DAYS: u16 = 3;
/// The most days that WeChat Pay lists at once.
const MAX_DAYS: u16 = 30;
/// Of fifty complaints each.
const MAX_PAGES: usize = 20;
/// Complaints that are asked for at the same time.
const CONCURRENT_QUERIES: usize = 8;
/// Open complaints are asked for when they were not for six hours, in seconds.
const STALE: u64 = 6 * 60 * 60;
/// How long before the first deadline the alert is raised, in seconds: eight hours.
const BEFORE_REPLY: u64 = 8 * 60 * 60;
/// How long before the second deadline, in seconds: a day.
const BEFORE_END: u64 = 24 * 60 * 60;
