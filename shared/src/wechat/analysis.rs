//! WeChat's own figures of a past day (数据分析).
//!
//! WeChat gives the figures of one day, at most yesterday, and has those of yesterday in the morning of Beijing. A day on which nothing
//! happened has an empty list.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/data-analysis/others/getDailySummary.html>

use serde_json::{Map, Value, json};

use super::loose_json;
use crate::types::Day;

/// How often the mini program was shared on a day, and by how many users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DailySummary {
    /// `share_pv`.
    pub share_count: u64,
    /// `share_uv`.
    pub share_users: u64,
}

impl DailySummary {
    /// The API.
    pub const PATH: &'static str = "/datacube/getweanalysisappiddailysummarytrend";

    /// Reads the answer; `None` if it is none.
    #[must_use]
    pub fn read(answer: &Map<String, Value>) -> Option<Self> {
        let [share_count, share_users] = figures(answer, ["share_pv", "share_uv"])?;
        Some(Self { share_count, share_users })
    }
}

/// How often pages were visited on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DailyVisits {
    /// `visit_pv`.
    pub visits: u64,
}

impl DailyVisits {
    /// The API.
    pub const PATH: &'static str = "/datacube/getweanalysisappiddailyvisittrend";

    /// Reads the answer; `None` if it is none.
    #[must_use]
    pub fn read(answer: &Map<String, Value>) -> Option<Self> {
        let [visits] = figures(answer, ["visit_pv"])?;
        Some(Self { visits })
    }
}

/// The body of a request for a day, of all APIs of one day.
#[must_use]
pub fn day_body(day: Day) -> Value {
    json!({ "begin_date": day.to_string(), "end_date": day.to_string() })
}

/// WeChat does not have the figures yet.
pub const NOT_READY: i64 = 61503;

/// The figures of the only entry of the list; zeros if the list is empty.
fn figures<const N: usize>(answer: &Map<String, Value>, names: [&str; N]) -> Option<[u64; N]> {
    let list = answer.get("list")?.as_array()?;
    let Some(entry) = list.first() else { return Some([0; N]) };
    let mut figures = [0; N];
    for (figure, name) in figures.iter_mut().zip(names) {
        *figure = count(entry.get(name)?)?;
    }
    Some(figures)
}

/// A count, which WeChat also writes as a text or with a fraction of zero.
fn count(value: &Value) -> Option<u64> {
    let text = value.to_string();
    let whole = text.trim_matches('"').split('.').next()?;
    loose_json::whole_number(&Value::from(whole)).filter(|_| !whole.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(answer: Value) -> Option<DailySummary> {
        DailySummary::read(answer.as_object().expect("an object"))
    }

    #[test]
    fn figures_are_read_in_every_form_of_numbers() {
        let expected = Some(DailySummary { share_count: 12, share_users: 7 });
        for (count, users) in [(json!(12), json!(7)), (json!("12"), json!("7")), (json!(12.0), json!("7.0"))]
        {
            let list =
                json!([{ "ref_date": "20231115", "visit_total": 9, "share_pv": count, "share_uv": users }]);
            assert_eq!(summary(json!({ "list": list })), expected);
        }
        assert_eq!(summary(json!({ "list": [] })), Some(DailySummary { share_count: 0, share_users: 0 }));
        let visits = json!({ "list": [{ "visit_pv": 472351, "visit_depth": 1.9838 }] });
        let visits = DailyVisits::read(visits.as_object().expect("an object"));
        assert_eq!(visits, Some(DailyVisits { visits: 472_351 }));
    }

    #[test]
    fn an_answer_without_figures_is_none() {
        for answer in [
            json!({}),
            json!({ "list": {} }),
            json!({ "list": [{ "share_pv": 1 }] }),
            json!({ "list": [{ "share_pv": -1, "share_uv": 1 }] }),
            json!({ "list": [{ "share_pv": null, "share_uv": 1 }] }),
        ] {
            assert_eq!(summary(answer.clone()), None, "{answer}");
        }
    }
}
