//! `POST /cgi-bin/openapi/quota/get`, `/cgi-bin/openapi/rid/get` and `/cgi-bin/clear_quota`: counts of an account's calls, and
//! look-up of refused requests.
//!
//! Documentation: "API management" (openApi 管理). Calls are counted per day. An account may clear the counts ten times a month. A
//! refused request can be looked up by its rid for seven days, exactly as it was sent, with its access token.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/openApi-mgnt/getApiQuota.html>

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::Base;
use crate::base::access;
use crate::base::platform::{Errcode, INVALID_APPID, token_route};
use crate::base::tokens::access_tokens::TokenOwner;
use crate::core::clock::{self, DAY, SECOND};
use crate::core::exchange::{ApiRequest, ApiResponse, Route};
use crate::core::family::{Family, RouteTable};
use crate::core::faults::Fault;
use crate::core::lock::lock;
use crate::core::log::{CallKind, LoggedCall};
use crate::core::service::Service;

/// The refused requests of an account, and the times at which counts were cleared.
#[derive(Debug, Default)]
struct PastCalls {
    /// The refused requests by rid.
    requests: HashMap<String, PastRequest>,
    /// The times at which the counts were cleared, in unix milliseconds.
    cleared: Vec<u64>,
}

#[derive(Debug)]
struct PastRequest {
    time: u64,
    query: String,
    request_body: String,
    response_body: String,
}

/// Counts an account's calls and looks up refused requests.
pub(crate) struct ApiQuotaService {
    base: Arc<Base>,
    /// The routes of the other services.
    routes: RouteTable,
    past_calls: Mutex<PastCalls>,
}

impl ApiQuotaService {
    /// A service that counts the calls of these routes and of its own routes.
    pub(crate) fn new(base: &Arc<Base>, routes: RouteTable) -> Self {
        Self { base: Arc::clone(base), routes, past_calls: Mutex::default() }
    }

    /// Whether calls of this path are counted. Calls of WeChat Pay are not.
    fn counts(&self, path: &str) -> bool {
        OWN_PATHS.contains(&path) || self.routes.family_of(path).is_some_and(|family| !family.is_pay())
    }

    fn past_calls(&self) -> MutexGuard<'_, PastCalls> {
        lock(&self.past_calls)
    }
}

impl Service for ApiQuotaService {
    fn server_routes(self: Arc<Self>) -> Vec<Route> {
        let [quota, rid, clear] = OWN_PATHS;
        vec![
            token_route(quota, &self, get_quota),
            token_route(rid, &self, get_rid),
            token_route(clear, &self, clear_quota),
        ]
    }

    fn observe(&self, family: Family, request: &ApiRequest, response: &ApiResponse) {
        if !family.is_pay() {
            let now = self.base.now();
            self.past_calls().remember(request, response, now);
        }
    }
}

fn get_quota(quota: &ApiQuotaService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    access::handle_post(&quota.base.tokens, request, fault, TokenOwner::MiniProgram, |body: QuotaBody| {
        let path = body.cgi_path.unwrap_or_default();
        if !quota.counts(&path) {
            return Err(UNKNOWN_PATH);
        }
        let now = quota.base.now();
        let cleared = quota.past_calls().cleared.last().copied().unwrap_or_default();
        let begins = clock::start_of(clock::day(now)).max(cleared);
        let counts =
            |call: &&LoggedCall| call.kind == CallKind::Upstream && call.path == path && call.time >= begins;
        let used =
            u64::try_from(quota.base.context.log().calls().iter().filter(counts).count()).unwrap_or(u64::MAX);
        let remain = DAILY_LIMIT.saturating_sub(used);
        Ok(json!({"quota": {"daily_limit": DAILY_LIMIT, "used": used, "remain": remain}}))
    })
}

fn clear_quota(quota: &ApiQuotaService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    access::handle_post(&quota.base.tokens, request, fault, TokenOwner::MiniProgram, |body: ClearBody| {
        if body.appid.as_ref() != Some(&quota.base.account().app_id) {
            return Err(INVALID_APPID);
        }
        let now = quota.base.now();
        let cleared = &mut quota.past_calls().cleared;
        let month = |time: u64| clock::pay_date(time).get(..6).map(str::to_owned);
        if cleared.iter().filter(|time| month(**time) == month(now)).count() >= CLEARS_A_MONTH {
            return Err(CLEARED_TOO_OFTEN);
        }
        cleared.push(now);
        Ok(json!({}))
    })
}

fn get_rid(quota: &ApiQuotaService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    access::handle_post(&quota.base.tokens, request, fault, TokenOwner::MiniProgram, |body: RidBody| {
        let rid = body.rid.unwrap_or_default();
        let now = quota.base.now();
        let past_calls = quota.past_calls();
        let past_request = past_calls.requests.get(&rid).ok_or(UNKNOWN_RID)?;
        if now.saturating_sub(past_request.time) > 7 * DAY {
            return Err(OLD_RID);
        }
        Ok(json!({"request": {
            "invoke_time": past_request.time / SECOND,
            "cost_in_ms": 30,
            "request_url": past_request.query,
            "request_body": past_request.request_body,
            "response_body": past_request.response_body,
        }}))
    })
}

#[derive(Deserialize)]
struct QuotaBody {
    cgi_path: Option<String>,
}

#[derive(Deserialize)]
struct ClearBody {
    appid: Option<String>,
}

#[derive(Deserialize)]
struct RidBody {
    rid: Option<String>,
}

impl PastCalls {
    /// Stores a request if its response contains a rid.
    fn remember(&mut self, request: &ApiRequest, response: &ApiResponse, now: u64) {
        let response_body = String::from_utf8_lossy(&response.body).into_owned();
        let errmsg: Option<Value> = serde_json::from_str(&response_body).ok();
        let errmsg = errmsg.as_ref().and_then(|body| body.get("errmsg")?.as_str());
        let Some((_, rid)) = errmsg.and_then(|errmsg| errmsg.split_once("rid: ")) else { return };
        let query = request.target.split_once('?').map(|(_, query)| query.to_owned());
        let past_request = PastRequest {
            time: now,
            query: query.unwrap_or_default(),
            request_body: String::from_utf8_lossy(&request.body).into_owned(),
            response_body: response_body.clone(),
        };
        self.requests.insert(rid.to_owned(), past_request);
    }
}

const OWN_PATHS: [&str; 3] =
    ["/cgi-bin/openapi/quota/get", "/cgi-bin/openapi/rid/get", "/cgi-bin/clear_quota"];

/// The daily limit of every API. WeChat's limits differ per API, and no code may depend on them.
const DAILY_LIMIT: u64 = 1_000_000;
const CLEARS_A_MONTH: usize = 10;
const CLEARED_TOO_OFTEN: Errcode = Errcode::new(48006, "forbid to clear quota because of reaching the limit");
const UNKNOWN_RID: Errcode = Errcode::new(76001, "rid not found");
const OLD_RID: Errcode = Errcode::new(76004, "rid expired");
const UNKNOWN_PATH: Errcode = Errcode::new(76021, "cgi_path not found, please check");
