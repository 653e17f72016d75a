//! `GET /v3/merchant-service/complaints-v2`, `…/{complaint_id}` and `…/{complaint_id}/negotiation-historys`.
//!
//! Documentation: "List complaints" (查询投诉单列表), "Query complaint" (查询投诉单详情) and "Negotiation history" (查询投诉协商历史) of
//! Pay v3. A list covers thirty days at most; the newest come first. Only a complaint's own page names the payer.

use http::Method;
use serde_json::{Value, json};

use super::{complaint_json, unknown};
use crate::core::clock;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::service::PayService;
use crate::pay::v3::envelope::{self, SuccessBody, V3Request};
use crate::pay::v3::error::V3Error;
use crate::pay::v3::with_fields;

pub(crate) fn list(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::handle_request(pay, request, fault, &Method::GET, |pay, request| {
        let http = request.http_request;
        let day = |name: &str| {
            let missing = || V3Error::parameter("query", &format!("/{name}"), "不符合格式要求");
            http.query(name).and_then(clock::parse_date).ok_or_else(missing)
        };
        let (begin, end) = (day("begin_date")?, day("end_date")?);
        if end < begin || end - begin >= MAX_DAYS {
            return Err(V3Error::parameter("query", "/end_date", "查询时间跨度不能超过30天"));
        }
        if http.query("complainted_mchid").is_some_and(|mchid| mchid != pay.account().mch_id) {
            return Err(V3Error::new("NO_AUTH", "无权限查询该商户"));
        }
        let page = Page::of(request)?;
        let ledger = &*pay.ledger();
        let is_meant = |day: u64| (begin..=end).contains(&day);
        let all = ledger.complaints.all().iter().rev();
        let found: Vec<_> = all.filter(|complaint| is_meant(clock::day(complaint.created))).collect();
        let data: Vec<Value> =
            page.cut(&found).iter().map(|complaint| complaint_json(pay, ledger, complaint)).collect();
        Ok(page.json(data, found.len()))
    })
}

pub(crate) fn detail(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::handle_request(pay, request, fault, &Method::GET, |pay, request| {
        let ledger = &*pay.ledger();
        let complaint = ledger.complaints.get(&request.http_request.path_value).ok_or_else(unknown)?;
        let json = complaint_json(pay, ledger, complaint);
        Ok(SuccessBody::Json(with_fields(json, [("payer_openid", complaint.openid.clone().into())])))
    })
}

pub(crate) fn history(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::handle_request(pay, request, fault, &Method::GET, |pay, request| {
        let page = Page::of(request)?;
        let ledger = &*pay.ledger();
        let complaint = ledger.complaints.get(&request.http_request.path_value).ok_or_else(unknown)?;
        let steps: Vec<_> = complaint.history.iter().rev().collect();
        let data = page.cut(&steps).into_iter().map(|step| {
            json!({
                "log_id": step.log_id,
                "operator": step.operator,
                "operate_time": clock::rfc3339(step.at),
                "operate_type": step.operate_type,
                "operate_details": step.details,
                "image_list": [],
            })
        });
        Ok(page.json(data.collect(), steps.len()))
    })
}

/// A part of a list.
#[derive(Clone, Copy)]
struct Page {
    limit: usize,
    offset: usize,
}

impl Page {
    fn of(request: &V3Request<'_>) -> Result<Self, V3Error> {
        let number = |name: &str, absent: usize, most: usize| match request.http_request.query(name) {
            None => Ok(absent),
            Some(text) => match text.parse() {
                Ok(number) if number <= most => Ok(number),
                _ => Err(V3Error::parameter("query", &format!("/{name}"), "超出取值范围")),
            },
        };
        Ok(Self { limit: number("limit", 10, 50)?, offset: number("offset", 0, usize::MAX)? })
    }

    fn cut<T: Copy>(self, all: &[T]) -> Vec<T> {
        all.iter().copied().skip(self.offset).take(self.limit).collect()
    }

    fn json(self, data: Vec<Value>, total: usize) -> SuccessBody {
        SuccessBody::Json(
            json!({"data": data, "limit": self.limit, "offset": self.offset, "total_count": total}),
        )
    }
}

/// How many days a list covers.
const MAX_DAYS: u64 = 30;
