//! The server API: one table of routes, and what happens to every request whatever its route.
//!
//! A new API is one row. Around each judgement stand the faults that concern the transport (no answer, a
//! gateway's page) and the log.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, FromRequestParts, Query, RawPathParams, Request};
use axum::response::Response;
use axum::routing::any;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::Value;

use crate::faults::Fault;
use crate::log::{Call, CallKind};
use crate::pay::{v2, v3};
use crate::platform::{
    self, cards, login, openapi, phone_number, session_check, soter, subscribe, ticket, token, wxacode,
};
use crate::tls::TlsPeer;
use crate::wechat::WeChat;

/// How an API is called: on `api.weixin.qq.com` with JSON and errcodes, or on WeChat Pay's host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// With an appid and its secret.
    Secret,
    /// With an `access_token`.
    Token,
    /// With an `access_token`; the answer is a picture.
    Picture,
    /// `api.mch.weixin.qq.com`, v2: XML, signed with the APIv2 key.
    Pay,
    /// `api.mch.weixin.qq.com`, v3: JSON, signed with the merchant's private key.
    PayV3,
}

impl Family {
    /// Whether it is WeChat Pay, of whatever version.
    pub(crate) fn is_pay(self) -> bool {
        matches!(self, Self::Pay | Self::PayV3)
    }
}

/// A request as the judges see it.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// Path and query exactly as sent.
    pub(crate) target: String,
    /// What stands for `{…}` in the route's path, decoded.
    pub(crate) path_value: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The other end of a TLS connection; `None` on a plain one.
    pub(crate) peer: Option<TlsPeer>,
}

/// An answer, and one word about it for the log.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Empty: no header.
    pub(crate) content_type: &'static str,
    /// The others.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
    pub(crate) outcome: String,
}

/// One API.
#[derive(Clone, Copy)]
struct Route {
    path: &'static str,
    family: Family,
    /// The request's fields for the log; secrets are masked there.
    summary: fn(&Received) -> Value,
    judge: Judge,
}

/// Every API there is.
const ROUTES: &[Route] = &[
    secret_route("/sns/jscode2session", login::code_to_session),
    secret_route("/cgi-bin/token", token::token),
    secret_route("/cgi-bin/stable_token", token::stable_token),
    token_route("/cgi-bin/ticket/getticket", ticket::get_ticket),
    token_route("/wxa/checksession", session_check::check_session),
    token_route("/wxa/resetusersessionkey", session_check::reset_session_key),
    token_route("/wxa/business/getuserphonenumber", phone_number::get_user_phone_number),
    token_route("/cgi-bin/message/subscribe/send", subscribe::send::send),
    token_route("/wxaapi/newtmpl/getcategory", subscribe::templates::get_category),
    token_route("/wxaapi/newtmpl/getpubtemplatetitles", subscribe::templates::get_titles),
    token_route("/wxaapi/newtmpl/getpubtemplatekeywords", subscribe::templates::get_keywords),
    token_route("/wxaapi/newtmpl/addtemplate", subscribe::templates::add),
    token_route("/wxaapi/newtmpl/gettemplate", subscribe::templates::list),
    token_route("/wxaapi/newtmpl/deltemplate", subscribe::templates::delete),
    token_route("/card/batchget", cards::catalogue::batch_get),
    token_route("/card/get", cards::catalogue::get),
    token_route("/card/code/get", cards::codes::get),
    token_route("/card/code/consume", cards::codes::consume),
    token_route("/card/code/decrypt", cards::codes::decrypt),
    token_route("/card/code/unavailable", cards::codes::unavailable),
    token_route("/card/user/getcardlist", cards::codes::list),
    token_route("/card/membercard/activate/geturl", cards::member::get_url),
    token_route("/card/membercard/activatetempinfo/get", cards::member::get_temporary_info),
    token_route("/card/membercard/activate", cards::member::activate),
    token_route("/card/membercard/userinfo/get", cards::member::get_user_info),
    token_route("/card/membercard/updateuser", cards::member::update_user),
    token_route("/cgi-bin/soter/verify_signature", soter::verify_signature),
    token_route("/cgi-bin/openapi/quota/get", openapi::get_quota),
    token_route("/cgi-bin/openapi/rid/get", openapi::get_rid),
    token_route("/cgi-bin/clear_quota", openapi::clear_quota),
    picture_route("/wxa/getwxacode", wxacode::get_wxacode),
    picture_route("/wxa/getwxacodeunlimit", wxacode::get_wxacode_unlimited),
    picture_route("/cgi-bin/wxaapp/createwxaqrcode", wxacode::create_wxa_qrcode),
    pay_route("/pay/unifiedorder", v2::unified_order::answer),
    pay_route("/pay/orderquery", v2::order_query::answer),
    pay_route("/pay/closeorder", v2::close_order::answer),
    pay_route("/secapi/pay/refund", v2::refund::answer),
    pay_route("/pay/refundquery", v2::refund_query::answer),
    pay_route("/pay/downloadbill", v2::download_bill::answer),
    pay_v3_route("/v3/certificates", v3::certificates::answer),
    pay_v3_route("/v3/pay/transactions/jsapi", v3::prepay::answer),
    pay_v3_route("/v3/pay/transactions/out-trade-no/{out_trade_no}", v3::query::by_number),
    pay_v3_route("/v3/pay/transactions/id/{transaction_id}", v3::query::by_transaction),
    pay_v3_route("/v3/pay/transactions/out-trade-no/{out_trade_no}/close", v3::close::answer),
    pay_v3_route("/v3/refund/domestic/refunds", v3::refund::answer),
    pay_v3_route("/v3/refund/domestic/refunds/{out_refund_no}", v3::refund_query::answer),
    pay_v3_route(
        "/v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund",
        v3::abnormal_refund::answer,
    ),
    pay_v3_route("/v3/bill/tradebill", v3::trade_bill::answer),
    pay_v3_route("/v3/billdownload/file", v3::bill_file::answer),
];

type Judge = fn(&WeChat, &Received, Option<&Fault>) -> Answer;

const fn secret_route(path: &'static str, judge: Judge) -> Route {
    Route { path, family: Family::Secret, summary: platform::summary, judge }
}

const fn token_route(path: &'static str, judge: Judge) -> Route {
    Route { path, family: Family::Token, summary: platform::summary, judge }
}

const fn picture_route(path: &'static str, judge: Judge) -> Route {
    Route { path, family: Family::Picture, summary: platform::summary, judge }
}

const fn pay_route(path: &'static str, judge: Judge) -> Route {
    Route { path, family: Family::Pay, summary: v2::envelope::summary, judge }
}

const fn pay_v3_route(path: &'static str, judge: Judge) -> Route {
    Route { path, family: Family::PayV3, summary: v3::envelope::summary, judge }
}

impl Received {
    /// The first query parameter of that name, if it is not empty: WeChat treats an empty one as absent.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// The header, if it is text and not empty.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
    }
}

/// The paths a fault can be set for, as the routes are written.
pub(crate) fn known_paths() -> Vec<&'static str> {
    ROUTES.iter().map(|route| route.path).collect()
}

/// Which family the path belongs to; `None` if there is no such API.
pub(crate) fn family_of(path: &str) -> Option<Family> {
    ROUTES.iter().find(|route| route.path == path).map(|route| route.family)
}

pub(crate) fn router(wechat: WeChat) -> Router {
    let mut router = Router::new();
    for route in ROUTES.iter().copied() {
        let wechat = wechat.clone();
        router = router.route(
            route.path,
            any(move |request: Request| {
                let wechat = wechat.clone();
                async move { serve(&wechat, route, request).await }
            }),
        );
    }
    let unknown = Route {
        path: "",
        family: Family::Secret,
        summary: platform::summary,
        judge: |wechat, _, _| platform::unknown_path(wechat),
    };
    router.fallback(move |request: Request| {
        let wechat = wechat.clone();
        async move { serve(&wechat, unknown, request).await }
    })
}

async fn serve(wechat: &WeChat, route: Route, request: Request) -> Response {
    let (mut head, body) = request.into_parts();
    let path_value = RawPathParams::from_request_parts(&mut head, &())
        .await
        .ok()
        .and_then(|values| values.iter().next().map(|(_, value)| value.to_owned()));
    let query = Query::try_from_uri(&head.uri).map(|Query(query)| query).unwrap_or_default();
    // A body beyond the limit is judged as an empty one.
    let body = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    let received = Received {
        method: head.method,
        path: head.uri.path().to_owned(),
        target: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        path_value: path_value.unwrap_or_default(),
        query,
        headers: head.headers,
        body,
        peer: head.extensions.remove::<ConnectInfo<TlsPeer>>().map(|ConnectInfo(peer)| peer),
    };
    let fault = wechat.state().faults.take_for(route.path, route.family);

    let mut call = Call {
        seq: 0,
        time: wechat.now(),
        kind: CallKind::Upstream,
        method: received.method.to_string(),
        path: received.path.clone(),
        request: (route.summary)(&received),
        status: None,
        outcome: "no answer".to_owned(),
        fault: fault.as_ref().map(|fault| fault.name().to_owned()),
        answer: None,
    };

    let answer = match &fault {
        Some(Fault::TimeoutBefore { millis, .. }) => {
            wechat.state().log.push(call);
            return hang(*millis).await;
        }
        Some(Fault::TimeoutAfter { millis, .. }) => {
            call.outcome = format!("{}, but no answer", (route.judge)(wechat, &received, None).outcome);
            wechat.state().log.push(call);
            return hang(*millis).await;
        }
        Some(Fault::LateEffect { millis, .. }) => {
            let (wechat, millis) = (wechat.clone(), *millis);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                call.outcome = format!("{}, but no answer", (route.judge)(&wechat, &received, None).outcome);
                wechat.state().log.push(call);
            });
            return hang(0).await;
        }
        Some(Fault::HttpStatus { status, .. }) => gateway_page(*status),
        Some(Fault::Body { body, .. }) => Answer {
            status: StatusCode::OK,
            content_type: "text/plain",
            headers: Vec::new(),
            body: Bytes::from(body.clone()),
            outcome: "a body of the test's".to_owned(),
        },
        Some(Fault::Garbage { .. }) => gateway_page(200),
        _ => (route.judge)(wechat, &received, fault.as_ref()),
    };
    call.status = Some(answer.status.as_u16());
    call.outcome.clone_from(&answer.outcome);
    let now = wechat.now();
    let state = &mut *wechat.state();
    state.log.push(call);
    if !route.family.is_pay() {
        state.openapi.remember(&received, &answer, now);
    }
    answer.into_response()
}

impl Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if !self.content_type.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
        response
    }
}

/// Waits and then closes the connection: a body that fails before its first byte makes the server drop the
/// connection without having sent a status line.
async fn hang(millis: u64) -> Response {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    let broken = io::Error::new(io::ErrorKind::ConnectionAborted, "the answer is lost");
    Response::new(Body::from_stream(futures_util::stream::iter([Err::<Bytes, _>(broken)])))
}

/// What a gateway in front of WeChat shows.
fn gateway_page(status: u16) -> Answer {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    Answer {
        status,
        content_type: "text/html",
        headers: Vec::new(),
        body: format!(
            "<html>\r\n<head><title>{status}</title></head>\r\n<body><h1>{status}</h1></body>\r\n</html>\r\n"
        )
        .into(),
        outcome: "a page of HTML".to_owned(),
    }
}

/// More than any request of these APIs has.
const BODY_LIMIT: usize = 1024 * 1024;
