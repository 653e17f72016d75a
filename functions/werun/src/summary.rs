//! `GET /api/werun/summary?days=7`: the last days, today included, for a chart.

use serde::Serialize;
use shared::{
    api::{ApiError, Code, request, response},
    runtime::{Body, Request, Response},
    types::{Caller, Day, UnixSeconds},
};

use crate::WerunFunction;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SummaryAnswer {
    total_steps: u64,
    average_steps: u64,
    max_steps: u64,
    chart_data: ChartData,
    /// Newest first.
    step_info_list: Vec<StepInfo>,
}

#[derive(Serialize)]
struct ChartData {
    /// `M/D`, oldest first.
    categories: Vec<String>,
    series: [Series; 1],
}

#[derive(Serialize)]
struct Series {
    name: &'static str,
    data: Vec<u64>,
}

#[derive(Serialize)]
struct StepInfo {
    /// The midnight of Beijing at which the day begins.
    timestamp: UnixSeconds,
    step: u64,
}

impl WerunFunction {
    pub(crate) async fn summarize_steps(
        &self,
        caller: &Caller,
        request: &Request,
    ) -> Result<Response<Body>, ApiError> {
        let count = parse(request::query(request, "days").as_deref())?;
        let (session, stored) = self.steps.get_with_session(caller).await?;
        session.filter(|session| session.honours(caller)).ok_or(Code::Unauthorized)?;
        let today = Day::of(self.host.now());
        let days: Vec<_> =
            (0..count).rev().map(|ago| today.before(ago)).map(|day| (day, stored.on(day))).collect();
        Ok(response::success(&summary(&days)))
    }
}

fn parse(days: Option<&str>) -> Result<u16, ApiError> {
    match days.unwrap_or("7").parse() {
        Ok(days @ 1..=31) => Ok(days),
        _ => Err(ApiError::invalid("days", "须为 1 到 31")),
    }
}

/// The average, rounded half up as the mini program's page rounds it (`Math.round`); 0 if `count` is 0.
fn average(total: u64, count: u64) -> u64 {
    total.saturating_add(count / 2).checked_div(count).unwrap_or(0)
}

fn summary(days: &[(Day, Option<u32>)]) -> SummaryAnswer {
    let steps: Vec<u64> = days.iter().map(|(_, steps)| u64::from(steps.unwrap_or(0))).collect();
    let total_steps = steps.iter().sum();
    // A day that was never synced is unknown, so it does not lower the average.
    let known_count =
        u64::try_from(days.iter().filter(|(_, steps)| steps.is_some()).count()).unwrap_or(u64::MAX);
    let known_days = days.iter().rev().filter_map(|(day, steps)| Some((day, (*steps)?)));
    SummaryAnswer {
        total_steps,
        average_steps: average(total_steps, known_count),
        max_steps: steps.iter().copied().max().unwrap_or(0),
        step_info_list: known_days
            .map(|(day, steps)| StepInfo { timestamp: day.begins(), step: steps.into() })
            .collect(),
        chart_data: ChartData {
            categories: days.iter().map(|(day, _)| day.month_and_day()).collect(),
            series: [Series { name: "步数", data: steps }],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_is_rounded_half_up() {
        for (total, count, rounded) in [
            (0, 0, 0),
            (7, 0, 0),
            (3, 2, 2),
            (5, 2, 3),
            (4, 3, 1),
            (5, 3, 2),
            (9, 4, 2),
            (10, 4, 3),
            (11, 4, 3),
            (u64::from(u32::MAX) * 31, 31, u64::from(u32::MAX)),
        ] {
            assert_eq!(average(total, count), rounded, "{total} / {count}");
        }
    }
}
