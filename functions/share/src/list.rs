//! `GET /api/admin/shares?from=&to=`: intents, entries and WeChat's own figures of each day, side by side.

use serde::Serialize;
use shared::{
    api::{ApiError, request, response},
    runtime::{Body, Request, Response},
    store::{ShareCount, Shares},
    types::{Day, PagePath, ShareType},
};

use crate::ShareFunction;

#[derive(Serialize)]
struct ListAnswer {
    /// The newest day first.
    shares: Vec<ShareView>,
    /// Of days whose figures WeChat has given; the newest first.
    wechat: Vec<FiguresView>,
}

#[derive(Serialize)]
struct ShareView {
    date: Day,
    #[serde(rename = "type")]
    share_type: ShareType,
    page: PagePath,
    count: u64,
    entries: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FiguresView {
    date: Day,
    share_count: u64,
    share_users: u64,
    visits: u64,
}

impl ShareFunction {
    pub(crate) async fn list_shares(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let today = Day::of(self.host.now());
        let days = parse(request, today)?;
        let mut records = self.shares.get_records(&days).await?;
        let mut answer = ListAnswer { shares: Vec::new(), wechat: Vec::new() };
        for date in days.into_iter().filter(|day| *day <= today) {
            let (shares, wechat) = match records.remove(&date) {
                Some(record) => (record.shares, record.wechat),
                // Today, or a day that has not been summed up.
                None => (self.shares.sum_day(date).await?, None),
            };
            answer.shares.extend(shares.into_iter().map(|share| view(date, share)));
            answer.wechat.extend(wechat.map(|figures| FiguresView {
                date,
                share_count: figures.share_count,
                share_users: figures.share_users,
                visits: figures.visits,
            }));
        }
        Ok(response::success(&answer))
    }
}

/// The days from `from` to `to`, the newest first; the last seven if none are named.
fn parse(request: &Request, today: Day) -> Result<Vec<Day>, ApiError> {
    let day = |name: &str| {
        let wrong = |error| ApiError::invalid(name, "格式应为 yyyyMMdd").with_cause(error);
        request::query(request, name).map(|text| Day::parse(&text).map_err(wrong)).transpose()
    };
    let to = day("to")?.unwrap_or(today);
    let from = day("from")?.unwrap_or_else(|| to.before(6));
    let days: Vec<_> = (0..=Shares::MAX_DAYS).map(|ago| to.before(ago)).filter(|day| *day >= from).collect();
    if days.is_empty() || days.len() > Shares::MAX_DAYS.into() {
        return Err(ApiError::invalid("from", "须在 to 之前，最多 31 天"));
    }
    Ok(days)
}

fn view(date: Day, share: ShareCount) -> ShareView {
    let ShareCount { share_type, page, intents, entries } = share;
    ShareView { date, share_type, page, count: intents, entries }
}
