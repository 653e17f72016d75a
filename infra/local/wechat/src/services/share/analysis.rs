//! `POST /datacube/getweanalysisappid…`: the figures of a past day.
//!
//! Documentation: "Data analysis" (数据分析). The three APIs take one day, at most yesterday. The figures of yesterday are ready in the
//! morning; WeChat names no hour.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/data-analysis/others/getDailySummary.html>

use serde::Deserialize;
use serde_json::{Value, json};

use super::service::ShareService;
use crate::base::access;
use crate::base::platform::Errcode;
use crate::base::tokens::access_tokens::TokenOwner;
use crate::core::clock::{self, DAY, HOUR};
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;

#[derive(Deserialize)]
struct DayBody {
    begin_date: Option<String>,
    end_date: Option<String>,
}

/// Users so far, and how often the mini program was shared and by how many.
pub(super) fn daily_summary(
    share: &ShareService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    answer(share, request, fault, |day, date| {
        let state = share.state();
        let of_day = |figures: super::figures::PageFigures| {
            json!({
                "ref_date": date,
                "visit_total": state.figures.users_until(day),
                "share_pv": figures.shares,
                "share_uv": figures.sharers.len(),
            })
        };
        json!({"list": state.figures.on(day).map(of_day).into_iter().collect::<Vec<_>>()})
    })
}

/// How often the mini program was visited and by how many.
pub(super) fn daily_visits(share: &ShareService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    answer(share, request, fault, |day, date| {
        let state = share.state();
        let new_users = |day: u64| {
            state.figures.users_until(day).saturating_sub(state.figures.users_until(day.saturating_sub(1)))
        };
        let of_day = |figures: super::figures::PageFigures| {
            json!({
                "ref_date": date,
                "session_cnt": figures.visits,
                "visit_pv": figures.visits,
                "visit_uv": figures.visitors.len(),
                "visit_uv_new": new_users(day),
                "stay_time_uv": 12.5,
                "stay_time_session": 12.5,
                "visit_depth": 1.0,
            })
        };
        json!({"list": state.figures.on(day).map(of_day).into_iter().collect::<Vec<_>>()})
    })
}

/// The same per page.
pub(super) fn visited_pages(
    share: &ShareService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    answer(share, request, fault, |day, date| {
        let pages: Vec<_> = share
            .state()
            .figures
            .pages_on(day)
            .into_iter()
            .map(|(path, page)| {
                json!({
                    "page_path": path,
                    "page_visit_pv": page.visits,
                    "page_visit_uv": page.visitors.len(),
                    "page_staytime_pv": 12.5,
                    "entrypage_pv": page.visits,
                    "exitpage_pv": page.visits,
                    "page_share_pv": page.shares,
                    "page_share_uv": page.sharers.len(),
                })
            })
            .collect();
        json!({"ref_date": date, "list": pages})
    })
}

fn answer(
    share: &ShareService,
    request: &ApiRequest,
    fault: Option<&Fault>,
    figures: impl FnOnce(u64, &str) -> Value,
) -> ApiResponse {
    access::handle_post(&share.base.tokens, request, fault, TokenOwner::MiniProgram, |body: DayBody| {
        let (begin, end) = (body.begin_date.unwrap_or_default(), body.end_date.unwrap_or_default());
        let day = clock::parse_pay_date(&begin).ok_or(WRONG_DATE)?;
        let now = share.base.now();
        if clock::parse_pay_date(&end).ok_or(WRONG_DATE)? != day || day >= clock::day(now) {
            return Err(WRONG_RANGE);
        }
        if now < clock::start_of(day).saturating_add(DAY + READY) {
            return Err(NOT_READY);
        }
        Ok(figures(day, &begin))
    })
}

/// How long after the end of a day its figures are ready.
const READY: u64 = 8 * HOUR;

const WRONG_DATE: Errcode = Errcode::new(61500, "date format error");
const WRONG_RANGE: Errcode = Errcode::new(61501, "date range error");
const NOT_READY: Errcode = Errcode::new(61503, "data not ready, please try later");
