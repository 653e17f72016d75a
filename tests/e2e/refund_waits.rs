//! Refunds that WeChat Pay does not accept: the reason is shown, a case is opened, and the refund is made when the reason is gone.

use std::time::Duration;

use e2e::{Response, World};
use local_wechat::{Fault, RefundStatus};
use serde_json::{Value, json};

/// The configuration that chooses the interface, and the path at which that interface takes refunds.
const V2: (&str, &str) = ("", "/secapi/pay/refund");
const V3: (&str, &str) = ("[merchant]\napi = \"v3\"", "/v3/refund/domestic/refunds");

async fn refund(world: &World, key: &str, out_trade_no: &str) -> Response {
    let body = json!({ "outTradeNo": out_trade_no });
    world.try_request_refund(&body, key).await
}

async fn read(world: &World, out_refund_no: &str) -> Value {
    let path = format!("/api/admin/refunds/{out_refund_no}");
    world.operator("GET", &path, &json!({})).await.ok().json()["refund"].clone()
}

/// The status of a refund, and its failure.
fn status_and_failure(refund: &Value) -> (&str, &str) {
    (refund["status"].as_str().unwrap_or_default(), refund["failure"].as_str().unwrap_or_default())
}

/// Lets the time pass and the sweep do what is due.
async fn pass(world: &World, seconds: u64) {
    world.clock.advance(Duration::from_secs(seconds));
    world.sweep().await;
    world.wechat().wait_for_notices().await;
}

/// The lines of the log that are samples of this metric.
fn metric_lines(world: &World, metric: &str) -> Vec<Value> {
    let lines = world.log();
    let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line.get(metric).is_some()).collect()
}

/// The operator alerts so far, in the order of time.
fn alerts(world: &World) -> Vec<String> {
    let lines = metric_lines(world, "OperatorAlerts");
    lines.iter().map(|line| line["Alert"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Empties these fields of the merchant's secret: the secret before.
fn remove_from_secret(world: &World, fields: &[&str]) -> String {
    let whole = world.dynamo().secret("MerchantSecret").expect("a secret");
    let mut changed: Value = serde_json::from_str(&whole).expect("JSON");
    for field in fields {
        changed[*field] = Value::Null;
    }
    world.dynamo().set_secret("MerchantSecret", changed.to_string()).expect("a secret");
    whole
}

/// Begins the automatic refund of a payment that came after its order was closed: the `out_refund_no`.
async fn begin_automatic_refund(world: &World) -> String {
    let phone = world.user().await;
    let (_, out_trade_no) = phone.buy_unnoticed().await;
    let mut closed = world.items("OrdersTable").await.remove(0);
    closed["status"] = json!({ "S": "CLOSED" });
    world.put_item("OrdersTable", closed).await;
    let transaction = world.wechat().ledger()[0].transaction_id.clone().expect("paid");
    let notice = world.wechat_pay().payment_fields(&out_trade_no, &transaction, &phone.openid, 200);
    world.wechat_pay().deliver_payment(notice).await;
    let refunds = world.items("RefundsTable").await;
    refunds[0]["out_refund_no"]["S"].as_str().expect("a number").to_owned()
}

#[tokio::test]
async fn a_refund_without_a_certificate_is_a_case_for_a_day_and_then_succeeds() {
    let world = World::start().await;
    let whole = remove_from_secret(&world, &["client_cert", "client_key"]);
    let number = begin_automatic_refund(&world).await;
    pass(&world, 0).await;
    assert_eq!(
        status_and_failure(&read(&world, &number).await),
        ("PROCESSING", "NOT_CONFIGURED client_cert")
    );
    assert_eq!(alerts(&world).last().expect("one"), "refund-not-accepted");
    for seconds in [600, 600, 600, 600, 600, 599] {
        pass(&world, seconds).await;
    }
    assert!(world.items("CasesTable").await.is_empty(), "the refund is not an hour old");
    pass(&world, 1).await;
    assert_eq!(world.items("CasesTable").await.len(), 1, "the refund is an hour old");
    for _ in 1..24 {
        pass(&world, 3600).await;
    }
    let cases = world.items("CasesTable").await;
    assert_eq!(cases.len(), 1, "{cases:?}");
    assert_eq!(cases[0]["kind"]["S"], "REFUND_STUCK");
    assert_eq!(cases[0]["out_refund_no"]["S"], json!(number));
    assert_eq!(
        cases[0]["what"]["S"],
        "WeChat Pay has not accepted it for an hour: NOT_CONFIGURED client_cert"
    );
    let opened = metric_lines(&world, "CasesOpened");
    assert_eq!(opened.len(), 1, "a case is counted once: {opened:?}");
    assert_eq!(opened[0]["Kind"], "REFUND_STUCK");
    let alerts = alerts(&world);
    let times = |what: &str| alerts.iter().filter(|one| *one == what).count();
    assert!(times("refund-not-accepted") >= 24 && times("refund-stuck") >= 23, "{alerts:?}");

    world.dynamo().set_secret("MerchantSecret", whole).expect("a secret");
    pass(&world, 3600).await;
    let after = read(&world, &number).await;
    assert_eq!(status_and_failure(&after), ("SUCCESS", ""));
    let made = world.wechat().refunds();
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(made[0].out_refund_no, number);
    let case_id = cases[0]["case_id"]["S"].as_str().expect("an id");
    let close = format!("/api/admin/cases/{case_id}/close");
    let closed = world.operator("POST", &close, &json!({ "note": "证书已更新" })).await.ok();
    assert_eq!(closed.text("/case/note"), "证书已更新");
}

#[tokio::test]
async fn without_a_certificate_a_requested_refund_is_refused_and_not_begun() {
    let world = World::start().await;
    remove_from_secret(&world, &["client_cert", "client_key"]);
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.buy().await;
    assert_eq!(refund(&world, "k", &out_trade_no).await.outcome(), "501 NOT_CONFIGURED");
    assert!(world.items("RefundsTable").await.is_empty());
    assert_eq!(phone.status(&order_id).await, "PAID");
}

/// What WeChat Pay, or the server in front of it, can answer to a request for a refund, and the `failure` that is stored then.
fn refusals((_, path): (&str, &str)) -> Vec<(Fault, &'static str)> {
    let path = || path.to_owned();
    let code = |err_code: &'static str| {
        (Fault::ErrCode { path: path(), err_code: err_code.to_owned(), times: 1 }, err_code)
    };
    let both = vec![
        (Fault::HttpStatus { path: path(), status: 400, times: 1 }, "HTTP_400"),
        (Fault::HttpStatus { path: path(), status: 403, times: 1 }, "HTTP_403"),
        (Fault::HttpStatus { path: path(), status: 502, times: 3 }, "NO_ANSWER"),
        (Fault::BadSign { path: path(), times: 1 }, "NOT_VERIFIED"),
        code("ORDER_NOT_READY"),
        code("FREQUENCY_LIMITED"),
        code("USER_ACCOUNT_ABNORMAL"),
        code("TRADE_OVERDUE"),
        code("PARAM_ERROR"),
        code("A_CODE_OF_TOMORROW"),
    ];
    let own = if path() == V2.1 {
        vec![
            (Fault::Busy { path: path(), times: 3 }, "SYSTEMERROR"),
            (Fault::Garbage { path: path(), times: 3 }, "NO_ANSWER"),
            code("INVALID_REQ_TOO_MUCH"),
            code("NOTENOUGH"),
            code("ERROR"),
            code("SIGNERROR"),
            code("CERT_ERROR"),
            code("NOAUTH"),
            code("ORDERNOTEXIST"),
            code("INVALID_TRANSACTIONID"),
            code("REFUND_FEE_MISMATCH"),
        ]
    } else {
        vec![
            (Fault::Busy { path: path(), times: 3 }, "SYSTEM_ERROR"),
            (Fault::Garbage { path: path(), times: 1 }, "NOT_VERIFIED"),
            code("RATELIMIT_EXCEEDED"),
            code("NOT_ENOUGH"),
            code("SIGN_ERROR"),
            code("NO_AUTH"),
            code("RULE_LIMIT"),
            code("MCH_NOT_EXISTS"),
            code("APPID_MCHID_NOT_MATCH"),
            code("RESOURCE_NOT_EXISTS"),
            code("INVALID_TRANSACTIONID"),
            code("INVALID_REQUEST"),
        ]
    };
    [both, own].concat()
}

/// The codes that WeChat Pay's documents call final.
const FINAL: [&str; 8] = [
    "USER_ACCOUNT_ABNORMAL",
    "TRADE_OVERDUE",
    "PARAM_ERROR",
    "ORDERNOTEXIST",
    "INVALID_TRANSACTIONID",
    "REFUND_FEE_MISMATCH",
    "RESOURCE_NOT_EXISTS",
    "INVALID_REQUEST",
];

#[tokio::test]
async fn each_refusal_of_a_refund_is_shown_and_it_is_made_or_given_up() {
    for api in [V2, V3] {
        let world = World::start().with_config(api.0).await;
        let phone = world.user().await;
        let mut numbers = Vec::new();
        for (fault, failure) in refusals(api) {
            let (order_id, out_trade_no) = phone.buy().await;
            world.wechat().set_fault(fault.clone());
            let asked = refund(&world, "k", &out_trade_no).await.ok();
            let ends = FINAL.contains(&failure);
            let status = if ends { "CLOSED" } else { "PROCESSING" };
            assert_eq!(status_and_failure(&asked.json()["refund"]), (status, failure), "{fault:?}");
            if ends {
                assert_eq!(phone.status(&order_id).await, "PAID", "{failure}");
            } else {
                numbers.push((asked.text("/refund/outRefundNo"), order_id, failure));
            }
        }
        pass(&world, 61).await;
        for (number, order_id, failure) in numbers {
            assert_eq!(status_and_failure(&read(&world, &number).await), ("SUCCESS", ""), "after {failure}");
            assert_eq!(phone.status(&order_id).await, "REFUNDED", "after {failure}");
        }
    }
}

#[tokio::test]
async fn a_refund_whose_answers_are_lost_for_an_hour_is_a_case() {
    for api in [V2, V3] {
        let world = World::start().with_config(api.0).await;
        let phone = world.user().await;
        let (_, out_trade_no) = phone.buy().await;
        world.wechat().set_fault(Fault::TimeoutBefore { path: api.1.into(), millis: 1, times: 1000 });
        let asked = refund(&world, "k", &out_trade_no).await.ok();
        assert_eq!(status_and_failure(&asked.json()["refund"]), ("PROCESSING", "NO_ANSWER"));
        pass(&world, 3599).await;
        assert!(world.items("CasesTable").await.is_empty(), "the refund is not an hour old");
        pass(&world, 1).await;
        let cases = world.items("CasesTable").await;
        assert_eq!(cases.len(), 1, "{cases:?}");
        assert_eq!(cases[0]["kind"]["S"], "REFUND_STUCK");
        world.wechat().clear_faults();
        pass(&world, 3600).await;
        assert_eq!(
            status_and_failure(&read(&world, &asked.text("/refund/outRefundNo")).await),
            ("SUCCESS", "")
        );
    }
}

#[tokio::test]
async fn a_refund_that_stays_in_processing_for_a_week_is_a_case() {
    let world = World::start().with_config(V3.0).await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.buy().await;
    world.wechat().set_fault(Fault::RefundStalled { times: 1 });
    let asked = refund(&world, "k", &out_trade_no).await.ok();
    let number = asked.text("/refund/outRefundNo");
    for _ in 0..6 {
        pass(&world, 24 * 60 * 60).await;
    }
    pass(&world, 24 * 60 * 60 - 1).await;
    assert!(world.items("CasesTable").await.is_empty(), "the refund is not a week old");
    pass(&world, 1).await;
    let cases = world.items("CasesTable").await;
    assert_eq!(cases.len(), 1, "{cases:?}");
    assert_eq!(cases[0]["out_refund_no"]["S"], json!(number));
    assert_eq!(cases[0]["what"]["S"], "WeChat Pay has been at it for a week");
    world.wechat().finish_refund(&number, RefundStatus::Abnormal);
    world.wechat().wait_for_notices().await;
    assert_eq!(world.items("CasesTable").await.len(), 2, "another reason is another case");
    assert_eq!(metric_lines(&world, "CasesOpened").len(), 2);
}

#[tokio::test]
async fn a_case_is_counted_once_by_whichever_function_opens_it() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.buy_unnoticed().await;
    let transaction = world.wechat().ledger()[0].transaction_id.clone().expect("paid");
    let notice = world.wechat_pay().payment_fields(&out_trade_no, &transaction, &phone.openid, 100);
    for _ in 0..3 {
        let body = world.wechat_pay().sign(notice.clone(), &[]);
        let response = world.wechat_pay().send_payment_notice(body).await;
        assert!(response.body.contains("FAIL"), "the payment does not match: {}", response.body);
    }
    let opened = metric_lines(&world, "CasesOpened");
    assert_eq!(opened.len(), 1, "{opened:?}");
    assert_eq!(opened[0]["Kind"], "PAYMENT_MISMATCH");
    assert_eq!(opened[0]["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["Stack", "Kind"]]));
}
