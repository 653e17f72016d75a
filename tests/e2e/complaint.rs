//! `POST /api/pay/complaint-notify`, `/api/admin/complaints`

use std::time::Duration;

use e2e::{Phone, Response, World};
use futures_util::future::join_all;
use local_wechat::{ComplaintState, Fault, NewComplaint, NewUser, ProblemType};
use serde_json::{Value, json};

const COMPLAINTS: &str = "/api/admin/complaints";
const NOTIFY: &str = "/api/pay/complaint-notify";
const REPLY: &str = "/v3/merchant-service/complaints-v2/{complaint_id}/response";
const COMPLETE: &str = "/v3/merchant-service/complaints-v2/{complaint_id}/complete";
const PROGRESS: &str = "/v3/merchant-service/complaints-v2/{complaint_id}/update-refund-progress";
const DETAIL: &str = "/v3/merchant-service/complaints-v2/{complaint_id}";
const TEXT: &str = "等了一周也没有收到";
const HOUR: Duration = Duration::from_secs(60 * 60);

/// A user complains of an order of 200 fen, and the notice of it is delivered; the complaint's number and the order's.
async fn complain(world: &World, phone: &Phone<'_>) -> (String, String) {
    let (_, out_trade_no) = phone.buy().await;
    let id = complain_of(world, &out_trade_no).await;
    (id, out_trade_no)
}

async fn complain_of(world: &World, out_trade_no: &str) -> String {
    let id = world.wechat().complain(NewComplaint {
        out_trade_no: out_trade_no.to_owned(),
        complaint_detail: TEXT.to_owned(),
        problem_description: "商家不发货".to_owned(),
        apply_refund_amount: Some(150),
        ..NewComplaint::default()
    });
    world.wechat().wait_for_notices().await;
    id
}

async fn list(world: &World, query: &str) -> Value {
    let listed = world.operator("GET", &format!("{COMPLAINTS}{query}"), &json!({})).await.ok();
    listed.json()["complaints"].clone()
}

async fn act(world: &World, id: &str, what: &str, body: &Value) -> Response {
    world.operator("POST", &format!("{COMPLAINTS}/{id}/{what}"), body).await
}

async fn open_cases(world: &World) -> Value {
    let cases = world.operator("GET", "/api/admin/cases?kind=COMPLAINT", &json!({})).await.ok();
    cases.json()["cases"].clone()
}

#[tokio::test]
async fn a_complaint_is_listed_with_deadlines_and_opens_a_case() {
    for config in ["", "[merchant]\napi = \"v3\""] {
        let world = World::start().with_config(config).await;
        let phone = world.user().await;
        let (id, out_trade_no) = complain(&world, &phone).await;
        let listed = list(&world, "").await;
        let complaint = &listed[0];
        assert_eq!((&complaint["complaintId"], &complaint["state"]), (&json!(id), &json!("PENDING")));
        assert_eq!((&complaint["outTradeNo"], &complaint["amount"]), (&json!(out_trade_no), &json!(200)));
        assert_eq!(
            (&complaint["problemType"], &complaint["applyRefundAmount"]),
            (&json!("REFUND"), &json!(150))
        );
        let seconds = |name: &str| {
            let text = complaint[name].as_str().expect("a time");
            shared::types::UnixSeconds::from_rfc3339(text).expect("a time").get()
        };
        assert_eq!(seconds("replyBy") - seconds("complainedAt"), 24 * 3600);
        assert_eq!(seconds("resolveBy") - seconds("complainedAt"), 72 * 3600);
        let cases = open_cases(&world).await;
        assert_eq!(
            (&cases[0]["caseId"], &cases[0]["outTradeNo"]),
            (&json!(format!("COMPLAINT-{id}")), &json!(out_trade_no))
        );
        let rows = json!(world.items("ComplaintsTable").await).to_string();
        assert!(!rows.contains(TEXT) && !rows.contains(&phone.openid), "{rows}");
    }
}

#[tokio::test]
async fn reading_the_phone_number_is_recorded_and_it_is_kept_nowhere() {
    let world = World::start().await;
    let phone = world.user().await;
    let number = Some("13912345678".to_owned());
    let openid = Some(phone.openid.clone());
    world.wechat().create_user(NewUser { openid, phone_number: number, ..NewUser::default() });
    let (id, _) = complain(&world, &phone).await;
    assert_eq!(list(&world, "").await[0].get("phoneRead"), None);
    let read = world.operator("GET", &format!("{COMPLAINTS}/{id}"), &json!({})).await.ok().json();
    let complaint = &read["complaint"];
    assert_eq!((&read["payerPhone"], &read["detail"]), (&json!("13912345678"), &json!(TEXT)));
    assert_eq!(read["history"][0]["operateType"], "USER_CREATE_COMPLAINT");
    assert_eq!((&read["order"]["status"], &read["order"]["totalFee"]), (&json!("PAID"), &json!(200)));
    let by = json!("arn:aws:iam::000000000000:user/local");
    assert_eq!(complaint["phoneRead"]["by"], by);
    assert_eq!(list(&world, "").await[0]["phoneRead"]["by"], by);
    assert_eq!(world.log().matches("unusual event: complaint-phone-read").count(), 1);
    assert!(!json!(world.items("ComplaintsTable").await).to_string().contains("13912345678"));
    let unknown = world.operator("GET", &format!("{COMPLAINTS}/1"), &json!({})).await;
    assert_eq!(unknown.outcome(), "404 NOT_FOUND");
}

#[tokio::test]
async fn ten_notices_at_once_make_one_complaint_and_one_case() {
    let world = World::start().await;
    let phone = world.user().await;
    world.wechat().set_fault(Fault::NoticeDuplicate { copies: 9, times: 1 });
    let (_, out_trade_no) = phone.buy().await;
    world.wechat().wait_for_notices().await;
    world.wechat().set_fault(Fault::NoticeDuplicate { copies: 9, times: 1 });
    let id = complain_of(&world, &out_trade_no).await;
    assert_eq!(list(&world, "").await.as_array().map(Vec::len), Some(1));
    assert_eq!(open_cases(&world).await.as_array().map(Vec::len), Some(1));
    let resource = json!({ "complaint_id": id, "action_type": "AN_ACTION_OF_TOMORROW" });
    let again = join_all(
        (0..3).map(|_| world.wechat_pay().send_v3(NOTIFY, "COMPLAINT.STATE_CHANGE", resource.clone())),
    );
    assert!(again.await.iter().all(|answer| answer.status == 204));
}

#[tokio::test]
async fn forged_foreign_and_misplaced_notices_of_complaints_write_nothing() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.buy().await;
    world.wechat().set_complaint_url(None);
    let id = complain_of(&world, &out_trade_no).await;
    let resource = json!({ "complaint_id": id, "action_type": "CREATE_COMPLAINT" });
    let mut forged = world.wechat().sign_notice_v3("COMPLAINT.CREATE", resource.clone(), world.now());
    forged.body = forged.body.replace("COMPLAINT.CREATE", "COMPLAINT.STATE_CHANGE");
    assert_eq!(world.wechat_pay().send_signed_v3(NOTIFY, &forged).await.status, 401);
    let old = world.wechat().sign_notice_v3("COMPLAINT.CREATE", resource.clone(), world.now() - 301);
    assert_eq!(world.wechat_pay().send_signed_v3(NOTIFY, &old).await.status, 401);
    let strange = world.wechat_pay().send_v3(NOTIFY, "PROFITSHARING", resource.clone()).await;
    assert_eq!(strange.status, 500);
    let elsewhere = world.wechat_pay().send_v3("/api/pay/notify", "COMPLAINT.CREATE", resource).await;
    assert_eq!(elsewhere.status, 500);
    let unknown = json!({ "complaint_id": "1", "action_type": "CREATE_COMPLAINT" });
    assert_eq!(world.wechat_pay().send_v3(NOTIFY, "COMPLAINT.CREATE", unknown).await.status, 503);
    assert_eq!(world.post(NOTIFY, &json!({})).await.status, 401);
    assert!(world.items("ComplaintsTable").await.is_empty());
}

#[tokio::test]
async fn a_reply_and_the_end_reach_wechat_pay_and_close_the_case() {
    let world = World::start().await;
    let phone = world.user().await;
    let (id, _) = complain(&world, &phone).await;
    assert_eq!(act(&world, &id, "reply", &json!({ "content": "" })).await.outcome(), "400 INVALID_INPUT");
    let replied = act(&world, &id, "reply", &json!({ "content": "您好，马上处理" })).await.ok();
    assert_eq!(replied.text("/complaint/state"), "PROCESSING");
    assert_eq!(replied.text("/complaint/replied/by"), "arn:aws:iam::000000000000:user/local");
    for _ in 0..2 {
        let completed = act(&world, &id, "complete", &json!({})).await.ok();
        assert_eq!(completed.text("/complaint/state"), "PROCESSED");
    }
    assert_eq!(world.wechat().complaints()[0].replies, ["您好，马上处理"]);
    assert_eq!(open_cases(&world).await, json!([]));
    assert_eq!(list(&world, "?state=PROCESSED").await[0]["complaintId"], json!(id));
    let wrong = world.operator("GET", &format!("{COMPLAINTS}?state=OPEN"), &json!({})).await;
    assert_eq!(wrong.outcome(), "400 INVALID_INPUT");
    // The buyer is not content, which is a new case with new deadlines.
    world.clock.advance(48 * HOUR);
    world.wechat().act_on_complaint(&id, "CONTINUE_COMPLAINT", "还是没有");
    world.wechat().wait_for_notices().await;
    assert_eq!(open_cases(&world).await[0]["caseId"], json!(format!("COMPLAINT-{id}-2")));
}

#[tokio::test]
async fn a_reply_whose_answer_is_lost_is_made_once() {
    for fault in [
        Fault::TimeoutAfter { path: REPLY.into(), millis: 0, times: 1 },
        Fault::TimeoutBefore { path: REPLY.into(), millis: 0, times: 1 },
        Fault::BadSign { path: REPLY.into(), times: 1 },
        Fault::Busy { path: REPLY.into(), times: 1 },
    ] {
        let world = World::start().await;
        let phone = world.user().await;
        let (id, _) = complain(&world, &phone).await;
        world.wechat().set_fault(fault.clone());
        let reply = json!({ "content": "您好" });
        let first = act(&world, &id, "reply", &reply).await;
        assert!(first.status == 200 || first.outcome() == "503 UPSTREAM_BUSY", "{}", first.outcome());
        act(&world, &id, "reply", &reply).await.ok();
        assert_eq!(world.wechat().complaints()[0].replies, ["您好"], "{fault:?}");
    }
}

#[tokio::test]
async fn ten_operators_with_the_same_reply_at_once_send_one() {
    let world = World::start().await;
    let phone = world.user().await;
    let (id, _) = complain(&world, &phone).await;
    let reply = json!({ "content": "您好" });
    let answers = join_all((0..10).map(|_| act(&world, &id, "reply", &reply))).await;
    assert!(answers.iter().any(|answer| answer.status == 200));
    for answer in answers {
        assert!(
            ["200 OK", "409 CONFLICT", "503 UPSTREAM_BUSY"].contains(&answer.outcome().as_str()),
            "{}",
            answer.outcome()
        );
    }
    assert_eq!(world.wechat().complaints()[0].replies, ["您好"]);
}

#[tokio::test]
async fn a_rejected_refund_ends_the_complaint_and_its_case_once() {
    for fault in [None, Some(Fault::TimeoutAfter { path: PROGRESS.into(), millis: 0, times: 1 })] {
        let world = World::start().await;
        let phone = world.user().await;
        let (id, _) = complain(&world, &phone).await;
        assert_eq!(act(&world, &id, "reject", &json!({})).await.outcome(), "400 INVALID_INPUT");
        if let Some(fault) = fault {
            world.wechat().set_fault(fault);
        }
        for _ in 0..2 {
            let rejected = act(&world, &id, "reject", &json!({ "reason": "商品完好" })).await.ok();
            assert_eq!(rejected.text("/complaint/state"), "PROCESSED");
            assert_eq!(rejected.text("/complaint/rejected/by"), "arn:aws:iam::000000000000:user/local");
        }
        let history = &world.wechat().complaints()[0].history;
        assert_eq!(history, &["USER_CREATE_COMPLAINT", "MERCHANT_REJECT_REFUND"]);
        assert_eq!(open_cases(&world).await, json!([]));
        assert!(world.wechat().refunds().is_empty());
    }
}

#[tokio::test]
async fn a_refund_that_has_begun_or_is_not_wanted_can_t_be_rejected() {
    let world = World::start().await;
    let phone = world.user().await;
    let (id, _) = complain(&world, &phone).await;
    act(&world, &id, "refund", &json!({})).await.ok();
    let reason = json!({ "reason": "商品完好" });
    assert_eq!(act(&world, &id, "reject", &reason).await.outcome(), "409 CONFLICT");
    let (_, out_trade_no) = phone.buy().await;
    let problem_type = ProblemType::ServiceNotWork;
    let other = NewComplaint { out_trade_no, problem_type, ..NewComplaint::default() };
    let other = world.wechat().complain(other);
    assert_eq!(act(&world, &other, "reject", &reason).await.outcome(), "409 CONFLICT");
    act(&world, &other, "complete", &json!({})).await.ok();
    assert_eq!(act(&world, &other, "reject", &reason).await.outcome(), "409 CONFLICT");
}

#[tokio::test]
async fn another_complaint_of_the_same_buyer_closes_the_case_of_the_first() {
    let world = World::start().await;
    let phone = world.user().await;
    let (id, _) = complain(&world, &phone).await;
    world.wechat().act_on_complaint(&id, "CONTINUE_COMPLAINT", "还是没有");
    world.wechat().wait_for_notices().await;
    let cases = open_cases(&world).await;
    assert_eq!(cases.as_array().map(Vec::len), Some(1));
    assert_eq!(cases[0]["caseId"], json!(format!("COMPLAINT-{id}-2")));
}

/// Two answers of WeChat Pay within a second can be stored in either order.
#[tokio::test]
async fn an_older_answer_does_not_make_the_same_complaint_new_again() {
    let world = World::start().await;
    let phone = world.user().await;
    let (id, _) = complain(&world, &phone).await;
    let set = json!({
        "TableName": world.table("ComplaintsTable"),
        "Key": { "complaint_id": { "S": id } },
        "UpdateExpression": "SET times = :two",
        "ExpressionAttributeValues": { ":two": { "N": "2" } },
    });
    world.dynamo().call_as_operator("UpdateItem", set).await.unwrap();
    world.operator("GET", &format!("{COMPLAINTS}/{id}"), &json!({})).await.ok();
    assert_eq!(world.items("ComplaintsTable").await[0]["times"], json!({ "N": "2" }));
}

/// An older state of the table, such as a backup, has no row of a complaint whose case was dealt with.
#[tokio::test]
async fn a_complaint_that_is_stored_again_leaves_its_closed_case_closed() {
    let world = World::start().await;
    let phone = world.user().await;
    let (id, _) = complain(&world, &phone).await;
    let close = format!("/api/admin/cases/COMPLAINT-{id}/close");
    world.operator("POST", &close, &json!({ "note": "called the buyer" })).await.ok();
    let row = json!({ "TableName": world.table("ComplaintsTable"), "Key": { "complaint_id": { "S": id } } });
    world.dynamo().call_as_operator("DeleteItem", row).await.unwrap();
    world.operator("GET", &format!("{COMPLAINTS}/{id}"), &json!({})).await.ok();
    assert_eq!(world.items("ComplaintsTable").await.len(), 1);
    let cases = world.items("CasesTable").await;
    assert_eq!(cases.len(), 1);
    assert_eq!((&cases[0]["note"]["S"], cases[0].get("open_kind")), (&json!("called the buyer"), None));
}

#[tokio::test]
async fn a_complaint_without_a_phone_number_is_read_without_a_record() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.buy().await;
    let complaint = NewComplaint { out_trade_no, without_phone: true, ..NewComplaint::default() };
    let id = world.wechat().complain(complaint);
    world.deliver_events().await;
    let read = world.operator("GET", &format!("{COMPLAINTS}/{id}"), &json!({})).await.ok().json();
    assert_eq!((read.get("payerPhone"), read["complaint"].get("phoneRead")), (None, None));
    assert_eq!(read["order"]["shipping"]["state"], "NONE");
    assert!(!world.log().contains("complaint-phone-read"));
}

#[tokio::test]
async fn an_end_whose_answer_is_lost_is_a_success() {
    let world = World::start().await;
    let phone = world.user().await;
    let (id, _) = complain(&world, &phone).await;
    world.wechat().set_fault(Fault::TimeoutAfter { path: COMPLETE.into(), millis: 0, times: 1 });
    let completed = act(&world, &id, "complete", &json!({})).await.ok();
    assert_eq!(completed.text("/complaint/state"), "PROCESSED");
}

#[tokio::test]
async fn a_refund_of_a_complaint_is_made_once_and_approved() {
    for config in ["", "[merchant]\napi = \"v3\""] {
        let world = World::start().with_config(config).await;
        let phone = world.user().await;
        let (id, out_trade_no) = complain(&world, &phone).await;
        world.wechat().set_fault(Fault::TimeoutBefore { path: PROGRESS.into(), millis: 0, times: 3 });
        assert_eq!(act(&world, &id, "refund", &json!({})).await.outcome(), "503 UPSTREAM_BUSY");
        let refunded = act(&world, &id, "refund", &json!({})).await.ok();
        world.wechat().wait_for_notices().await;
        act(&world, &id, "refund", &json!({})).await.ok();
        let refunds = world.wechat().refunds();
        assert_eq!(refunds.len(), 1);
        assert_eq!((refunds[0].refund_fee, refunds[0].out_trade_no.as_str()), (150, out_trade_no.as_str()));
        assert_eq!(refunded.text("/refund/outRefundNo"), refunds[0].out_refund_no);
        assert!(world.wechat().complaints()[0].history.contains(&"MERCHANT_APPROVE_REFUND".to_owned()));
        let read = world.operator("GET", &format!("{COMPLAINTS}/{id}"), &json!({})).await.ok().json();
        assert_eq!(read["refund"]["status"], "SUCCESS");
        assert_eq!(read["order"]["refundedFee"], 150);
        let other = act(&world, &id, "refund", &json!({ "refundFee": 50 })).await;
        assert_eq!(other.outcome(), "409 CONFLICT");
    }
}

#[tokio::test]
async fn a_refund_of_a_complaint_that_waits_says_why() {
    let world = World::start().await;
    let phone = world.user().await;
    let (id, _) = complain(&world, &phone).await;
    world.wechat().set_fault(Fault::RefundBalance { times: 1 });
    act(&world, &id, "refund", &json!({})).await;
    let read = world.operator("GET", &format!("{COMPLAINTS}/{id}"), &json!({})).await.ok().json();
    let refund = &read["refund"];
    assert_eq!(refund["status"], "PROCESSING");
    assert!(refund["failure"].as_str().is_some_and(|reason| reason.starts_with("NOT")), "{refund}");
}

#[tokio::test]
async fn many_complaints_are_paged() {
    let world = World::start().await;
    let phone = world.user().await;
    complain(&world, &phone).await;
    let row = world.items("ComplaintsTable").await.remove(0);
    for n in 0..50 {
        let mut other = row.clone();
        other["complaint_id"]["S"] = json!(format!("2002026112800000000{n:02}"));
        world.put_item("ComplaintsTable", other).await;
    }
    let first = world.operator("GET", COMPLAINTS, &json!({})).await.ok();
    assert_eq!(first.json()["complaints"].as_array().map(Vec::len), Some(50));
    let rest = list(&world, &format!("?cursor={}", first.text("/cursor"))).await;
    assert_eq!(rest.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn ten_operators_at_once_make_one_refund_of_a_complaint() {
    let world = World::start().await;
    let phone = world.user().await;
    let (id, _) = complain(&world, &phone).await;
    let body = json!({ "refundFee": 200 });
    let answers = join_all((0..10).map(|_| act(&world, &id, "refund", &body))).await;
    assert!(answers.iter().all(|answer| [200, 503].contains(&answer.status)));
    assert!(answers.iter().any(|answer| answer.status == 200));
    assert_eq!(world.wechat().refunds().len(), 1);
}

#[tokio::test]
async fn an_unsigned_answer_about_a_complaint_refunds_nothing() {
    let world = World::start().await;
    let phone = world.user().await;
    let (id, _) = complain(&world, &phone).await;
    let body = json!({
        "complaint_id": id, "complaint_time": "2026-11-21T12:00:00+08:00", "complaint_state": "PENDING",
        "complaint_order_info": [{ "transaction_id": "42", "out_trade_no": "ANOTHER-SHOP-1", "amount": 1 }],
    });
    world.wechat().set_fault(Fault::Body { path: DETAIL.into(), body: body.to_string(), times: 3 });
    assert_eq!(act(&world, &id, "refund", &json!({})).await.status, 500);
    assert!(world.wechat().refunds().is_empty());
}

#[tokio::test]
async fn a_complaint_of_a_bad_service_is_refunded_without_approval() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.buy().await;
    let problem_type = ProblemType::ServiceNotWork;
    let id = world.wechat().complain(NewComplaint { out_trade_no, problem_type, ..NewComplaint::default() });
    world.wechat().wait_for_notices().await;
    act(&world, &id, "refund", &json!({})).await.ok();
    assert_eq!(world.wechat().refunds()[0].refund_fee, 200);
    assert_eq!(world.wechat().complaints()[0].complaint_state, ComplaintState::Pending);
}

#[tokio::test]
async fn without_keys_of_apiv3_complaints_are_not_configured() {
    let world = World::start().await;
    let secret = r#"{"api_v2_key":"abcdefghijklmnopqrstuvwxyz012345"}"#;
    world.dynamo().set_secret("MerchantSecret", secret).expect("a secret");
    let answer = world.operator("GET", COMPLAINTS, &json!({})).await;
    assert_eq!(answer.outcome(), "501 NOT_CONFIGURED");
    assert!(world.log().contains("the merchant's secret has no api_v3_key"));
    assert_eq!(world.post(NOTIFY, &json!({})).await.status, 501);
}

#[tokio::test]
async fn an_operator_makes_notices_come_here() {
    let world = World::start().await;
    let path = "/api/admin/complaint-notifications";
    for before in [None, Some("https://elsewhere.example.com/notify".to_owned())] {
        world.wechat().set_complaint_url(before);
        let set = world.operator("PUT", path, &json!({})).await.ok();
        let url = set.text("/url");
        assert!(url.ends_with(NOTIFY), "{url}");
        assert_eq!(world.wechat().complaint_url(), Some(url));
    }
}
