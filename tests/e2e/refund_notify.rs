//! `POST /api/pay/refund-notify`

use std::collections::BTreeMap;

use e2e::{Phone, World};
use local_wechat::Fault;
use serde_json::json;

const FAIL: &str =
    "200 <xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[REFUSED]]></return_msg></xml>";
const SUCCESS: &str =
    "200 <xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>";

/// A refund of 200 fen in processing: its `out_refund_no`, and the fields of the notice that it succeeded.
async fn stalled(world: &World, phone: &Phone<'_>) -> (String, BTreeMap<String, String>) {
    let (_, out_trade_no) = phone.buy().await;
    world.wechat().set_fault(Fault::RefundStalled { times: 1 });
    let body = json!({ "outTradeNo": out_trade_no });
    let asked = world.operator_once("POST", "/api/admin/refunds", &body, "k").await.ok();
    let number = asked.text("/refund/outRefundNo");
    let refund = world.wechat().refunds().pop().expect("a refund");
    let fields = [
        ("out_refund_no", number.as_str()),
        ("out_trade_no", &out_trade_no),
        ("transaction_id", &refund.transaction_id),
        ("refund_id", &refund.refund_id),
        ("refund_fee", "200"),
        ("total_fee", "200"),
        ("settlement_refund_fee", "200"),
        ("refund_status", "SUCCESS"),
        ("success_time", "2026-11-21 12:00:00"),
        ("refund_recv_accout", "支付用户零钱"),
        ("refund_account", "REFUND_SOURCE_UNSETTLED_FUNDS"),
        ("refund_request_source", "API"),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    (number, fields)
}

async fn row_status(world: &World, number: &str) -> String {
    let rows = world.items("RefundsTable").await;
    let row = rows.iter().find(|row| row["out_refund_no"]["S"] == number).expect("the refund");
    row["status"]["S"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_notice_ends_the_refund_and_a_repeated_or_late_one_changes_nothing() {
    let world = World::start().await;
    let phone = world.user().await;
    let (number, fields) = stalled(&world, &phone).await;
    let body = world.wechat().encrypt_refund_notice(fields.clone());
    assert_eq!(world.wechat_pay().send_refund_notice(body.clone()).await.snapshot(), SUCCESS);
    assert_eq!(row_status(&world, &number).await, "SUCCESS");
    let before = world.dynamo().dump_tables().expect("the tables");
    let mut late = fields;
    late.insert("refund_status".to_owned(), "CHANGE".to_owned());
    for body in [body, world.wechat().encrypt_refund_notice(late)] {
        assert_eq!(world.wechat_pay().send_refund_notice(body).await.snapshot(), SUCCESS);
    }
    assert_eq!(world.dynamo().dump_tables().expect("the tables"), before);
}

#[tokio::test]
async fn twenty_notices_at_once_have_one_effect() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, fields) = stalled(&world, &phone).await;
    let body = world.wechat().encrypt_refund_notice(fields);
    let answers =
        futures_util::future::join_all((0..20).map(|_| world.wechat_pay().send_refund_notice(body.clone())))
            .await;
    assert!(answers.iter().all(|answer| answer.snapshot() == SUCCESS));
    let order = &world.items("OrdersTable").await[0];
    assert_eq!(order["status"]["S"], "REFUNDED");
    assert_eq!(order["refunded_fee"]["N"], "200");
    let events = world.items("OutboxTable").await;
    assert_eq!(events.iter().filter(|row| row["event"]["S"] == "order.refunded").count(), 1);
}

#[tokio::test]
async fn a_notice_that_is_not_encrypted_with_the_api_key_is_refused() {
    let world = World::start().await;
    let phone = world.user().await;
    let (number, fields) = stalled(&world, &phone).await;
    let genuine = world.wechat().encrypt_refund_notice(fields.clone());
    let start = genuine.find("<req_info>").expect("a field");
    let mut altered = genuine.clone().into_bytes();
    // Within the Base64, past any CDATA.
    altered[start + 60] = if altered[start + 60] == b'A' { b'B' } else { b'A' };
    let xml = "<xml><return_code>SUCCESS</return_code><appid>x</appid><req_info>eHh4eHh4eHh4eHh4eHh4eA==</req_info></xml>";
    for body in
        [String::from_utf8(altered).expect("text"), xml.to_owned(), String::new(), "<xml></xml>".to_owned()]
    {
        assert_eq!(world.wechat_pay().send_refund_notice(body).await.snapshot(), FAIL);
    }
    // A payment's notice is no refund's.
    let payment = world.wechat_pay().payment_fields(&fields["out_trade_no"], "1", &phone.openid, 200);
    assert_eq!(
        world.wechat_pay().send_refund_notice(world.wechat_pay().sign(payment, &[])).await.snapshot(),
        FAIL
    );
    assert_eq!(row_status(&world, &number).await, "PROCESSING");
}

#[tokio::test]
async fn a_notice_with_a_wrong_sum_or_payment_is_reported_and_changes_nothing() {
    let world = World::start().await;
    let phone = world.user().await;
    let (number, fields) = stalled(&world, &phone).await;
    let mut other_sum = fields.clone();
    other_sum.insert("refund_fee".to_owned(), "199".to_owned());
    assert_eq!(
        world
            .wechat_pay()
            .send_refund_notice(world.wechat().encrypt_refund_notice(other_sum))
            .await
            .snapshot(),
        FAIL
    );
    assert_eq!(world.items("CasesTable").await[0]["kind"]["S"], "REFUND_STUCK");
    let mut unknown = fields;
    unknown.insert("out_trade_no".to_owned(), "01HF7Y9B9X000000000000000001".to_owned());
    unknown.insert("out_refund_no".to_owned(), "elsewhere".to_owned());
    assert_eq!(
        world.wechat_pay().send_refund_notice(world.wechat().encrypt_refund_notice(unknown)).await.snapshot(),
        FAIL
    );
    assert_eq!(row_status(&world, &number).await, "PROCESSING");
    assert!(world.log().contains("refund-without-payment"));
}

#[tokio::test]
async fn a_notice_of_apiv3_that_is_five_minutes_old_is_refused() {
    let world = World::start().with_config("[merchant]\napi = \"v3\"").await;
    let phone = world.user().await;
    let (number, fields) = stalled(&world, &phone).await;
    let resource = json!({
        "mchid": world.wechat().account().mch_id, "out_trade_no": fields["out_trade_no"],
        "transaction_id": fields["transaction_id"], "out_refund_no": number, "refund_id": fields["refund_id"],
        "refund_status": "SUCCESS", "success_time": "2026-11-21T12:00:00+08:00",
        "amount": { "total": 200, "refund": 200, "payer_total": 200, "payer_refund": 200 },
        "user_received_account": "支付用户零钱",
    });
    let old = world.wechat().sign_notice_v3("REFUND.SUCCESS", resource.clone(), world.now() - 300);
    assert_eq!(world.wechat_pay().send_signed_v3("/api/pay/refund-notify", &old).await.status, 401);
    assert_eq!(row_status(&world, &number).await, "PROCESSING");
    let answer = world.wechat_pay().send_v3("/api/pay/refund-notify", "REFUND.SUCCESS", resource).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.body.len(), 0);
    assert_eq!(row_status(&world, &number).await, "SUCCESS");
}

/// Sends the notice of a refund that was made in the merchant console: the `outTradeNo` of its payment.
async fn notify_console_refund(world: &World, phone: &Phone<'_>, status: &str) -> String {
    let (_, out_trade_no) = phone.buy().await;
    let resource = json!({
        "mchid": world.wechat().account().mch_id, "out_trade_no": out_trade_no,
        "transaction_id": world.wechat().ledger()[0].transaction_id, "out_refund_no": "console-1",
        "refund_id": "50300001", "refund_status": status, "user_received_account": "支付用户零钱",
        "amount": { "total": 200, "refund": 200, "payer_total": 200, "payer_refund": 200 },
    });
    let event = format!("REFUND.{status}");
    assert_eq!(world.wechat_pay().send_v3("/api/pay/refund-notify", &event, resource).await.status, 204);
    out_trade_no
}

#[tokio::test]
async fn a_closed_console_refund_leaves_the_whole_sum_refundable() {
    let world = World::start().with_config("[merchant]\napi = \"v3\"").await;
    let phone = world.user().await;
    let out_trade_no = notify_console_refund(&world, &phone, "CLOSED").await;
    let body = json!({ "outTradeNo": out_trade_no });
    world.operator_once("POST", "/api/admin/refunds", &body, "k").await.ok();
}

#[tokio::test]
async fn an_abnormal_console_refund_is_a_case_and_is_never_made_here() {
    let world = World::start().with_config("[merchant]\napi = \"v3\"").await;
    let phone = world.user().await;
    notify_console_refund(&world, &phone, "ABNORMAL").await;
    assert_eq!(world.items("CasesTable").await.len(), 1);
    world.clock.advance(std::time::Duration::from_secs(25 * 60 * 60));
    world.sweep().await;
    assert!(world.wechat().refunds().is_empty());
}
