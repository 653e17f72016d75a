//! `POST /api/pay/notify`

use std::collections::BTreeMap;

use e2e::{Phone, Requests, World};
use insta::assert_snapshot;
use local_wechat::{Fault, SignType};
use serde_json::json;

const SUCCESS: &str =
    "200 <xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>";
const FAIL: &str =
    "200 <xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[REFUSED]]></return_msg></xml>";

/// Places an order: its id, and the fields of the notice of its payment.
async fn order_and_notice(world: &World, phone: &Phone<'_>) -> (String, BTreeMap<String, String>) {
    let (order_id, out_trade_no) = phone.order().await;
    let transaction = format!("42000000000000{:014}", world.items("OrdersTable").await.len());
    let notice = world.wechat_pay().payment_fields(&out_trade_no, &transaction, &phone.openid, 200);
    (order_id, notice)
}

/// Fails the test if a notice has written a row.
async fn assert_nothing_written(world: &World) {
    for table in ["PaymentsTable", "OutboxTable"] {
        assert!(world.items(table).await.is_empty(), "{table}");
    }
    for order in world.items("OrdersTable").await {
        assert_eq!(order["status"]["S"], "UNPAID");
    }
}

#[tokio::test]
async fn a_notice_pays_its_order_in_one_request_and_a_copy_changes_nothing() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, warm) = order_and_notice(&world, &phone).await;
    world.wechat_pay().deliver_payment(warm).await;

    let (order_id, notice) = order_and_notice(&world, &phone).await;
    let notice = world.wechat_pay().sign(notice, &[]);
    let (answer, cost) = world.count_requests(world.wechat_pay().send_payment_notice(notice.clone())).await;
    assert_eq!(answer.snapshot(), SUCCESS);
    assert_eq!(answer.headers["content-type"], "text/xml; charset=utf-8");
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 }, "a first notice");
    assert_eq!(phone.status(&order_id).await, "PAID");

    let before = world.dynamo().dump_tables().expect("the tables");
    let (answer, cost) = world.count_requests(world.wechat_pay().send_payment_notice(notice)).await;
    assert_eq!(answer.snapshot(), SUCCESS);
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 }, "a repeated notice");
    assert_eq!(world.log().matches(r#""Outcome":"already-recorded""#).count(), 1, "it is counted as one");
    assert_eq!(world.dynamo().dump_tables().expect("the tables"), before);
}

#[tokio::test]
async fn twenty_simultaneous_notices_have_one_effect() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, notice) = order_and_notice(&world, &phone).await;
    let notice = world.wechat_pay().sign(notice, &[]);
    let answers = futures_util::future::join_all(
        (0..20).map(|_| world.wechat_pay().send_payment_notice(notice.clone())),
    )
    .await;
    assert!(answers.iter().all(|answer| answer.snapshot() == SUCCESS));
    assert_eq!(phone.status(&order_id).await, "PAID");
    assert_eq!(world.items("PaymentsTable").await.len(), 1);
    assert_eq!(world.items("OutboxTable").await.len(), 1);
}

#[tokio::test]
async fn order_receipt_and_outbox_agree() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, notice) = order_and_notice(&world, &phone).await;
    world.wechat_pay().deliver_payment(notice.clone()).await;
    let order = phone.get(&format!("/api/orders/{order_id}")).await;
    assert_eq!(order.text("/order/transactionId"), notice["transaction_id"]);
    assert_eq!(order.text("/order/paidAt"), "2026-11-21T04:00:00Z", "time_end is Beijing time");
    let payment = &world.items("PaymentsTable").await[0];
    assert_eq!(payment["order_id"]["S"], order_id);
    assert_eq!(payment["verdict"]["S"], "PAID_THE_ORDER");
    assert_eq!(payment.get("attention"), None);
    let event = &world.items("OutboxTable").await[0];
    assert_eq!(event["event"]["S"], "order.paid");
    assert_eq!(event["order_id"]["S"], order_id);
    let row = &world.items("OrdersTable").await[0];
    assert_eq!(row.get("due_shard"), None, "the order left the index by_due");
    assert_eq!(row.get("next_query_at"), None, "the order left the index by_due");
}

#[tokio::test]
async fn simulated_notices_arrive_despite_copies_forgeries_and_delays() {
    let world = World::start().await;
    let phone = world.user().await;
    for fault in [
        Fault::NoticeDuplicate { copies: 5, times: 1 },
        Fault::NoticeForged { times: 1 },
        Fault::NoticeDelayed { millis: 50, times: 1 },
    ] {
        let (order_id, out_trade_no) = phone.order().await;
        let prepaid = phone.prepay(&out_trade_no).await;
        world.wechat().set_fault(fault.clone());
        phone.pay(&prepaid).await;
        world.wechat().wait_for_notices().await;
        assert_eq!(phone.status(&order_id).await, "PAID", "{fault:?}");
    }
    assert_eq!(world.items("PaymentsTable").await.len(), 3);
    assert_eq!(world.items("OutboxTable").await.len(), 3);
}

#[tokio::test]
async fn a_notice_that_could_not_be_stored_is_sent_again_by_wechat_pay() {
    use local_dynamo::{DynamoFault, FaultKind};
    let world = World::start().await;
    let phone = world.user().await;
    for kind in
        [FaultKind::InternalError, FaultKind::TimeoutBefore, FaultKind::TimeoutAfter, FaultKind::Throttle]
    {
        let (order_id, notice) = order_and_notice(&world, &phone).await;
        let notice = world.wechat_pay().sign(notice, &[]);
        let caller = Some("PayNotifyFunction".to_owned());
        world.dynamo().inject_fault(DynamoFault { caller, operation: None, kind, times: 3 });
        assert_eq!(world.wechat_pay().send_payment_notice(notice.clone()).await.snapshot(), FAIL, "{kind:?}");
        world.dynamo().clear_faults();
        assert_eq!(world.wechat_pay().send_payment_notice(notice).await.snapshot(), SUCCESS, "{kind:?}");
        assert_eq!(phone.status(&order_id).await, "PAID");
    }
    assert_eq!(world.items("PaymentsTable").await.len(), 4);
    assert_eq!(world.items("OutboxTable").await.len(), 4);
}

#[tokio::test]
async fn a_transaction_that_collides_is_tried_again() {
    use local_dynamo::{DynamoFault, FaultKind};
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, notice) = order_and_notice(&world, &phone).await;
    let caller = Some("PayNotifyFunction".to_owned());
    world.dynamo().inject_fault(DynamoFault {
        caller,
        operation: None,
        kind: FaultKind::TransactionConflict,
        times: 3,
    });
    assert_eq!(
        world.wechat_pay().send_payment_notice(world.wechat_pay().sign(notice, &[])).await.snapshot(),
        SUCCESS
    );
    assert_eq!(phone.status(&order_id).await, "PAID");
}

#[tokio::test]
async fn hostile_documents_are_refused_and_nothing_is_written() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, notice) = order_and_notice(&world, &phone).await;
    let genuine = world.wechat_pay().sign(notice, &[]);
    let inner = genuine.trim_start_matches("<xml>").trim_end_matches("</xml>");
    for hostile in [
        String::new(),
        "<xml></xml>".to_owned(),
        format!("<!DOCTYPE xml>{genuine}"),
        format!(r#"<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>{genuine}"#),
        format!(r#"<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x"> %p;]>{genuine}"#),
        format!(r#"<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><xml><x>&b;</x>{inner}</xml>"#),
        format!("<xml><attach>&unknown;</attach>{inner}</xml>"),
        format!("<xml><a><b>1</b></a>{inner}</xml>"),
        format!("<xml><total_fee>1</total_fee>{inner}</xml>"),
        format!("<root>{inner}</root>"),
        format!("{genuine}{genuine}"),
        format!("{genuine}junk"),
        genuine.replace("</xml>", ""),
        format!("<xml>{inner}<pad>{}</pad></xml>", "x".repeat(64 * 1024)),
    ] {
        let answer = world.wechat_pay().send_payment_notice(hostile.clone()).await;
        assert_eq!(answer.snapshot(), FAIL, "{}", &hostile[..hostile.len().min(200)]);
    }
    let mut not_utf8 = genuine.into_bytes();
    not_utf8.splice(5..5, *b"<a>\xff</a>");
    assert_eq!(world.wechat_pay().send_payment_notice(not_utf8).await.snapshot(), FAIL);
    assert_nothing_written(&world).await;
}

#[tokio::test]
async fn forged_foreign_and_misplaced_notices_write_nothing() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, notice) = order_and_notice(&world, &phone).await;
    let genuine = world.wechat_pay().sign(notice.clone(), &[]);
    let mut unsigned = notice.clone();
    unsigned.insert("sign".to_owned(), String::new());
    let with = |changes: &[(&str, &str)]| world.wechat_pay().sign(notice.clone(), changes);
    for (what, body) in [
        ("an altered amount", genuine.replace("200", "100")),
        ("an altered signature", genuine.replace("<sign><![CDATA[", "<sign><![CDATA[0")),
        ("no signature", genuine.split("<sign>").next().expect("a part").to_owned() + "</xml>"),
        ("the other sign type", world.wechat().sign_notice(notice.clone(), SignType::Md5)),
        ("the other sign type, named", {
            let mut fields = notice.clone();
            fields.insert("sign_type".to_owned(), "MD5".to_owned());
            world.wechat().sign_notice(fields, SignType::Md5)
        }),
        ("another app", with(&[("appid", "wx00000000000000ff")])),
        ("another merchant", with(&[("mch_id", "1900000001")])),
        ("return_code FAIL", with(&[("return_code", "FAIL")])),
        ("no result_code", with(&[("result_code", "")])),
        ("an order of another system", with(&[("out_trade_no", "SHOP-2026-0001")])),
        ("an order that does not exist", with(&[("out_trade_no", "01HF7Y9B9X000000000000000001")])),
        ("an amount that is no number", with(&[("total_fee", "2.00")])),
        ("a time that is none", with(&[("time_end", "soon")])),
    ] {
        assert_eq!(world.wechat_pay().send_payment_notice(body).await.snapshot(), FAIL, "{what}");
    }
    assert_nothing_written(&world).await;
    assert!(world.log().contains("payment-without-order"), "money without an order is an operator alert");
}

#[tokio::test]
async fn a_wrong_amount_payer_or_currency_is_recorded_for_review_only() {
    let world = World::start().await;
    let phone = world.user().await;
    for (changes, verdict) in [
        ([("total_fee", "199"), ("transaction_id", "1")], "AMOUNT_DIFFERS"),
        ([("openid", "o000000000000000000000000000"), ("transaction_id", "2")], "PAYER_DIFFERS"),
        ([("fee_type", "USD"), ("transaction_id", "3")], "AMOUNT_DIFFERS"),
    ] {
        let (order_id, notice) = order_and_notice(&world, &phone).await;
        let body = world.wechat_pay().sign(notice, &changes);
        assert_eq!(world.wechat_pay().send_payment_notice(body.clone()).await.snapshot(), FAIL);
        assert_eq!(world.wechat_pay().send_payment_notice(body).await.snapshot(), FAIL, "the same again");
        assert_eq!(phone.status(&order_id).await, "UNPAID");
        let payments = world.items("PaymentsTable").await;
        let of_it: Vec<_> = payments.iter().filter(|payment| payment["order_id"]["S"] == order_id).collect();
        assert_eq!(of_it.len(), 1);
        assert_eq!(of_it[0]["verdict"]["S"], json!(verdict));
        assert_eq!(of_it[0]["attention"]["S"], "REVIEW");
    }
    assert!(world.log().contains("notified-payment-mismatch"));
}

#[tokio::test]
async fn the_cash_part_may_be_less_than_the_order() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, notice) = order_and_notice(&world, &phone).await;
    let body = world
        .wechat_pay()
        .sign(notice, &[("cash_fee", "150"), ("coupon_fee", "50"), ("settlement_total_fee", "190")]);
    assert_eq!(world.wechat_pay().send_payment_notice(body).await.snapshot(), SUCCESS);
    assert_eq!(phone.status(&order_id).await, "PAID");
}

#[tokio::test]
async fn a_second_payment_of_an_order_is_recorded_and_its_refund_begun() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, notice) = order_and_notice(&world, &phone).await;
    world.wechat_pay().deliver_payment(notice.clone()).await;
    let second = world.wechat_pay().sign(notice.clone(), &[("transaction_id", "777")]);
    for _ in 0..3 {
        assert_eq!(world.wechat_pay().send_payment_notice(second.clone()).await.snapshot(), SUCCESS);
    }
    let payments = world.items("PaymentsTable").await;
    assert_eq!(payments.len(), 2);
    let extra = payments.iter().find(|payment| payment["transaction_id"]["S"] == "777").expect("the second");
    assert_eq!(extra["verdict"]["S"], "SECOND_PAYMENT");
    assert_eq!(extra["refundable_fee"]["N"], "0");
    let refunds = world.items("RefundsTable").await;
    assert_eq!(refunds.len(), 1, "however often the notice comes");
    assert_eq!(refunds[0]["transaction_id"]["S"], "777");
    assert_eq!(refunds[0]["refund_fee"]["N"], "200");
    assert_eq!(refunds[0]["status"]["S"], "PROCESSING");
    let order = phone.get(&format!("/api/orders/{order_id}")).await;
    assert_eq!(
        order.text("/order/transactionId"),
        notice["transaction_id"],
        "the first payment stays the order's"
    );
    assert_eq!(world.items("OutboxTable").await.len(), 2);
}

#[tokio::test]
async fn a_payment_of_a_closed_order_is_recorded_and_its_refund_begun() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, notice) = order_and_notice(&world, &phone).await;
    phone.cancel(&order_id).await;
    let late = world.wechat_pay().sign(notice, &[]);
    let answers =
        futures_util::future::join_all((0..5).map(|_| world.wechat_pay().send_payment_notice(late.clone())))
            .await;
    assert!(answers.iter().all(|answer| answer.snapshot() == SUCCESS));
    assert_eq!(phone.status(&order_id).await, "CLOSED");
    let payments = world.items("PaymentsTable").await;
    assert_eq!(payments.len(), 1);
    assert_eq!(payments[0]["verdict"]["S"], "AFTER_CLOSE");
    let refunds = world.items("RefundsTable").await;
    assert_eq!(refunds.len(), 1);
    assert_eq!(refunds[0]["cause"]["S"], "AFTER_CLOSE");
    assert!(world.log().contains("payment-being-refunded"));
}

#[tokio::test]
async fn a_payment_of_a_closed_order_pays_it_if_the_operator_chose_revive() {
    let world = World::start().with_parameter("PaidAfterClose", "REVIVE").await;
    let phone = world.user().await;
    let (order_id, notice) = order_and_notice(&world, &phone).await;
    phone.cancel(&order_id).await;
    let late = world.wechat_pay().sign(notice.clone(), &[]);
    let answers =
        futures_util::future::join_all((0..5).map(|_| world.wechat_pay().send_payment_notice(late.clone())))
            .await;
    assert!(answers.iter().all(|answer| answer.snapshot() == SUCCESS));
    assert_eq!(phone.status(&order_id).await, "PAID");
    assert!(world.items("RefundsTable").await.is_empty());
    // A second payment of the revived order is refunded.
    let second = world.wechat_pay().sign(notice, &[("transaction_id", "777")]);
    assert_eq!(world.wechat_pay().send_payment_notice(second).await.snapshot(), SUCCESS);
    assert_eq!(world.items("RefundsTable").await[0]["cause"]["S"], "SECOND_PAYMENT");
    let events: Vec<_> =
        world.items("OutboxTable").await.iter().map(|row| row["event"]["S"].to_string()).collect();
    assert_eq!(events.iter().filter(|event| event.contains("order.paid")).count(), 1, "{events:?}");
}

#[tokio::test]
async fn a_genuine_failure_is_kept_with_the_order_and_answered_success() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, notice) = order_and_notice(&world, &phone).await;
    let failure =
        world.wechat_pay().sign(notice.clone(), &[("result_code", "FAIL"), ("err_code", "NOTENOUGH")]);
    assert_eq!(world.wechat_pay().send_payment_notice(failure.clone()).await.snapshot(), SUCCESS);
    assert_eq!(phone.status(&order_id).await, "UNPAID");
    assert_eq!(world.items("OrdersTable").await[0]["last_failure"]["S"], "NOTENOUGH");
    assert!(world.items("PaymentsTable").await.is_empty());
    // The user tries again; a failure that comes late does not undo it.
    assert_eq!(
        world.wechat_pay().send_payment_notice(world.wechat_pay().sign(notice, &[])).await.snapshot(),
        SUCCESS
    );
    assert_eq!(world.wechat_pay().send_payment_notice(failure).await.snapshot(), SUCCESS);
    assert_eq!(phone.status(&order_id).await, "PAID");
}

#[tokio::test]
async fn the_bytes_are_verified_whatever_content_type_they_come_with() {
    let world = World::start().await;
    let phone = world.user().await;
    for content_type in [
        "text/xml",
        "application/xml",
        "text/plain",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
    ] {
        let (order_id, notice) = order_and_notice(&world, &phone).await;
        let body = world.wechat_pay().sign(notice, &[("attach", "表情😀&<]]>")]);
        let request =
            world.request("POST", "/api/pay/notify").header("Content-Type", content_type).body(body);
        assert_eq!(world.send(request).await.snapshot(), SUCCESS, "{content_type}");
        assert_eq!(phone.status(&order_id).await, "PAID");
    }
    let (order_id, notice) = order_and_notice(&world, &phone).await;
    let request = world.request("POST", "/api/pay/notify").body(world.wechat_pay().sign(notice, &[]));
    assert_eq!(world.send(request).await.snapshot(), SUCCESS, "none at all");
    assert_eq!(phone.status(&order_id).await, "PAID");
}

#[tokio::test]
async fn the_answers_are_fixed_to_the_byte() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, notice) = order_and_notice(&world, &phone).await;
    assert_snapshot!(world.wechat_pay().send_payment_notice("nonsense").await.body, @"<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[REFUSED]]></return_msg></xml>");
    assert_snapshot!(world.wechat_pay().send_payment_notice(world.wechat_pay().sign(notice, &[])).await.body, @"<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>");
}

#[tokio::test]
async fn an_api_key_that_is_empty_makes_no_signature_right() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, notice) = order_and_notice(&world, &phone).await;
    world.dynamo().set_secret("MerchantSecret", r#"{"api_v2_key":""}"#).expect("a secret");
    let mut fields: shared::pay::v2::Fields = notice.into_iter().collect();
    let signature = shared::pay::v2::sign(
        &fields,
        shared::pay::v2::SignType::HmacSha256,
        &shared::types::Secret::new(String::new()),
    );
    fields.set("sign", signature);
    let body = shared::pay::v2::write("xml", &fields).expect("a notice");
    assert_eq!(world.wechat_pay().send_payment_notice(body).await.snapshot(), FAIL);
    assert_nothing_written(&world).await;
}

#[tokio::test]
async fn a_second_payment_has_its_own_event_and_its_receipt_is_kept() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, notice) = order_and_notice(&world, &phone).await;
    world.wechat_pay().deliver_payment(notice.clone()).await;
    let second = world.wechat_pay().sign(notice, &[("transaction_id", "777")]);
    assert_eq!(world.wechat_pay().send_payment_notice(second.clone()).await.snapshot(), SUCCESS);
    let mut events: Vec<_> =
        world.items("OutboxTable").await.iter().map(|row| row["event"]["S"].to_string()).collect();
    events.sort();
    assert_eq!(events, [r#""order.paid""#, r#""payment.second""#]);
    // An operator has dealt with it.
    let done = json!({ "TableName": world.table("PaymentsTable"), "Key": { "transaction_id": { "S": "777" } },
        "UpdateExpression": "REMOVE attention" });
    world.dynamo().call_as_operator("UpdateItem", done).await.expect("an update");
    let before = world.dynamo().dump_tables().expect("the tables");
    let (answer, cost) = world.count_requests(world.wechat_pay().send_payment_notice(second)).await;
    assert_eq!(answer.snapshot(), SUCCESS);
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 });
    assert_eq!(world.dynamo().dump_tables().expect("the tables"), before);
}

#[tokio::test]
async fn a_payment_under_review_pays_its_order_once_the_order_was_put_right() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, notice) = order_and_notice(&world, &phone).await;
    let notice = world.wechat_pay().sign(notice, &[("total_fee", "150")]);
    assert_eq!(world.wechat_pay().send_payment_notice(notice.clone()).await.snapshot(), FAIL);
    let right = json!({ "TableName": world.table("OrdersTable"), "Key": { "order_id": { "S": order_id } },
        "UpdateExpression": "SET total_fee = :fee", "ExpressionAttributeValues": { ":fee": { "N": "150" } } });
    world.dynamo().call_as_operator("UpdateItem", right).await.expect("an update");
    assert_eq!(world.wechat_pay().send_payment_notice(notice).await.snapshot(), SUCCESS);
    assert_eq!(phone.status(&order_id).await, "PAID");
    let payments = world.items("PaymentsTable").await;
    assert_eq!(payments.len(), 1);
    assert_eq!(payments[0]["verdict"]["S"], "PAID_THE_ORDER");
    assert_eq!(payments[0].get("attention"), None);
}

#[tokio::test]
async fn a_signed_notice_that_can_t_be_read_is_an_error_in_the_log() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, notice) = order_and_notice(&world, &phone).await;
    for changes in [("time_end", "soon"), ("appid", "wx00000000000000ff")] {
        let before = world.log().matches(r#""level":"ERROR""#).count();
        assert_eq!(
            world
                .wechat_pay()
                .send_payment_notice(world.wechat_pay().sign(notice.clone(), &[changes]))
                .await
                .snapshot(),
            FAIL
        );
        assert_eq!(world.log().matches(r#""level":"ERROR""#).count() - before, 1, "{changes:?}");
    }
}

#[tokio::test]
async fn a_genuine_failure_of_an_unknown_order_makes_no_row() {
    let world = World::start().await;
    let notice = world.wechat_pay().payment_fields(
        "01HF7Y9B9X000000000000000001",
        "1",
        "o000000000000000000000000000",
        1,
    );
    let failure = world.wechat_pay().sign(notice, &[("result_code", "FAIL"), ("err_code", "NOTENOUGH")]);
    assert_eq!(world.wechat_pay().send_payment_notice(failure).await.snapshot(), SUCCESS);
    assert!(world.items("OrdersTable").await.is_empty());
}

/// Bodies that are not the JSON of a notice.
fn bodies_of_no_notice() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = [
        "",
        " ",
        "null",
        "[]",
        "0",
        "\"text\"",
        "{",
        "{}",
        "<",
        "<xml></xml>",
        "<xml><a>1</a></xml>",
        "\u{feff}<xml/>",
        "\u{feff}{}",
        "code=1&b=2",
        "{\"id\":\"1\",\"event_type\":\"TRANSACTION.SUCC",
    ]
    .map(|body| body.as_bytes().to_vec())
    .into();
    bodies.push("[".repeat(5000).into_bytes());
    bodies.push("{\"a\":".repeat(5000).into_bytes());
    bodies.push(vec![0xff, 0xfe, 0, 0x3c]);
    // The same bytes in each run, and of no form.
    let mut state = 0x2545_f491_u32;
    for length in 1..40 {
        bodies.push(
            (0..length)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    state.to_be_bytes()[0]
                })
                .collect(),
        );
    }
    bodies
}

#[tokio::test]
async fn a_notice_with_a_header_of_apiv3_is_never_acknowledged_by_its_body() {
    let world = World::start().await;
    for path in ["/api/pay/notify", "/api/pay/refund-notify"] {
        for body in bodies_of_no_notice() {
            for header in
                ["Wechatpay-Serial", "WECHATPAY-SIGNATURE", "wechatpay-nonce", "Wechatpay-Signature-Type"]
            {
                let request =
                    world.request("POST", path).header(header, "1").header("content-type", "text/xml");
                let answer = world.send(request.body(body.clone())).await;
                assert!(answer.status >= 400, "{path} {header} {body:?}: {}", answer.status);
                assert_eq!(answer.text("/code"), "FAIL", "{path} {header} {body:?}");
            }
        }
    }
    assert_nothing_written(&world).await;
}

#[tokio::test]
async fn a_truncated_signed_notice_is_refused_so_that_it_is_sent_again() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.order().await;
    let resource = json!({ "out_trade_no": out_trade_no });
    for path in ["/api/pay/notify", "/api/pay/refund-notify"] {
        let notice = world.wechat().sign_notice_v3("TRANSACTION.SUCCESS", resource.clone(), world.now());
        let lengths = (0..notice.body.len()).filter(|length| notice.body.is_char_boundary(*length));
        for length in lengths.step_by(17) {
            let mut cut = notice.clone();
            cut.body.truncate(length);
            let answer = world.wechat_pay().send_signed_v3(path, &cut).await;
            assert_eq!(answer.status, 401, "{path} cut at {length}");
            assert_eq!(answer.text("/code"), "FAIL", "{path} cut at {length}");
        }
    }
}

#[tokio::test]
async fn a_body_without_xml_or_signature_headers_is_refused_with_a_status() {
    let world = World::start().await;
    for path in ["/api/pay/notify", "/api/pay/refund-notify"] {
        for body in ["", "null", "{}", "a=b"] {
            for content_type in ["application/json", "application/x-www-form-urlencoded"] {
                let request = world.request("POST", path).header("content-type", content_type).body(body);
                let answer = world.send(request).await;
                assert!(answer.status >= 400, "{path} {content_type} {body}: {}", answer.status);
            }
        }
        // APIv2 says XML by its content type or by its first character.
        for (content_type, body) in [("text/xml", ""), ("text/plain", "<xml"), ("application/json", " <xml>")]
        {
            let request = world.request("POST", path).header("content-type", content_type).body(body);
            assert_eq!(world.send(request).await.snapshot(), FAIL, "{path} {content_type} {body}");
        }
    }
}
