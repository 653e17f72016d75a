//! Tests of complaints of Pay v3: notices, lists, details and the merchant's answers.

use serde_json::{Value, json};

use super::fixture::Fixture;
use super::merchant::{TestResponse, signed_by};
use crate::{ComplaintState, NewComplaint, NewUser};

const COMPLAINTS: &str = "/v3/merchant-service/complaints-v2";
const NOTIFICATIONS: &str = "/v3/merchant-service/complaint-notifications";

/// A payment that its buyer complains of; the number of the complaint.
async fn complain(fixture: &Fixture) -> String {
    fixture.v3_buy("order-0001").await;
    fixture.wechat.wait_for_notices().await;
    fixture.wechat.set_complaint_url(Some(fixture.receiver.url.clone()));
    let id = fixture.wechat.complain(NewComplaint {
        out_trade_no: "order-0001".to_owned(),
        complaint_detail: "没有收到货".to_owned(),
        problem_description: "不发货".to_owned(),
        apply_refund_amount: Some(101),
        ..NewComplaint::default()
    });
    fixture.wechat.wait_for_notices().await;
    id
}

async fn answer(fixture: &Fixture, id: &str, what: &str, changes: Value) -> TestResponse {
    let mut body = json!({"complainted_mchid": fixture.wechat.account().mch_id});
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    fixture.v3_post(&format!("{COMPLAINTS}/{id}/{what}"), body).await
}

/// The action types of the notices so far, with their event types.
fn notices(fixture: &Fixture) -> Vec<(String, String)> {
    let bodies = fixture.receiver.bodies();
    let notices = bodies.iter().map(|body| fixture.decrypt_notice(body));
    let of_complaints = notices.filter(|(event_type, _)| event_type.starts_with("COMPLAINT."));
    of_complaints
        .map(|(kind, resource)| (kind, resource["action_type"].as_str().unwrap().to_owned()))
        .collect()
}

#[tokio::test]
async fn a_complaint_is_notified_signed_and_without_its_content() {
    let fixture = Fixture::new().await;
    let id = complain(&fixture).await;
    let (headers, body) = fixture.receiver.requests().pop().unwrap();
    assert!(signed_by(&headers, body.as_bytes()).is_some());
    let (event_type, resource) = fixture.decrypt_notice(&body);
    assert_eq!(event_type, "COMPLAINT.CREATE");
    assert_eq!(resource, json!({"complaint_id": id, "action_type": "CREATE_COMPLAINT"}));
    let notice: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(notice["resource"]["original_type"], "complaint");
    fixture.wechat.act_on_complaint(&id, "USER_RESPONSE", "还在等");
    fixture.wechat.wait_for_notices().await;
    assert_eq!(notices(&fixture).last().unwrap(), &("COMPLAINT.STATE_CHANGE".into(), "USER_RESPONSE".into()));
}

#[tokio::test]
async fn a_complaint_has_order_and_phone_encrypted_to_the_merchant() {
    let fixture = Fixture::new().await;
    let number = Some("13800138000".to_owned());
    let openid = Some(fixture.openid.clone());
    fixture.wechat.create_user(NewUser { openid, phone_number: number, ..NewUser::default() });
    let id = complain(&fixture).await;
    let detail = fixture.v3_get(&format!("{COMPLAINTS}/{id}")).await;
    assert!(detail.signed_by().is_some());
    let detail = detail.json();
    assert_eq!(
        (&detail["payer_openid"], &detail["complaint_state"]),
        (&json!(fixture.openid), &json!("PENDING"))
    );
    assert_eq!(detail["complaint_order_info"][0]["out_trade_no"], "order-0001");
    assert_eq!((&detail["problem_type"], &detail["apply_refund_amount"]), (&json!("REFUND"), &json!(101)));
    let key = fixture.wechat.pay().merchant_key().unwrap();
    let phone = key.decrypt(detail["payer_phone"].as_str().unwrap()).unwrap();
    assert_eq!(phone, b"13800138000");
    assert_eq!(fixture.v3_get(&format!("{COMPLAINTS}/1")).await.outcome(), "404 RESOURCE_NOT_EXISTS");
}

#[tokio::test]
async fn a_list_is_of_thirty_days_at_most_and_cut_into_pages() {
    let fixture = Fixture::new().await;
    let id = complain(&fixture).await;
    let second = fixture
        .wechat
        .complain(NewComplaint { out_trade_no: "order-0001".into(), ..NewComplaint::default() });
    let list = async |query: &str| fixture.v3_get(&format!("{COMPLAINTS}?{query}")).await;
    let page = list("limit=1&offset=0&begin_date=2023-11-01&end_date=2023-11-30").await.json();
    assert_eq!((&page["total_count"], &page["data"][0]["complaint_id"]), (&json!(2), &json!(second)));
    assert_eq!(page["data"][0].get("payer_openid"), None);
    let page = list("limit=1&offset=1&begin_date=2023-11-01&end_date=2023-11-30").await.json();
    assert_eq!(page["data"][0]["complaint_id"], id);
    let other = list("begin_date=2023-11-14&end_date=2023-11-14").await.json();
    assert_eq!(other["total_count"], 0);
    for wrong in [
        "begin_date=2023-11-01",
        "begin_date=2023-11-01&end_date=2023-12-01",
        "begin_date=2023-11-02&end_date=2023-11-01",
        "begin_date=2023-11-01&end_date=2023-11-30&limit=51",
    ] {
        assert_eq!(list(wrong).await.outcome(), "400 PARAM_ERROR", "{wrong}");
    }
}

#[tokio::test]
async fn replies_change_the_state_and_cause_no_notice() {
    let fixture = Fixture::new().await;
    let id = complain(&fixture).await;
    let before = notices(&fixture).len();
    let reply = json!({"response_content": "您好，马上为您处理"});
    assert_eq!(answer(&fixture, &id, "response", reply.clone()).await.outcome(), "204");
    assert_eq!(fixture.wechat.complaints()[0].complaint_state, ComplaintState::Processing);
    assert_eq!(answer(&fixture, &id, "complete", json!({})).await.outcome(), "204");
    assert_eq!(answer(&fixture, &id, "complete", json!({})).await.outcome(), "400 INVALID_REQUEST");
    fixture.wechat.wait_for_notices().await;
    assert_eq!(notices(&fixture).len(), before);
    fixture.wechat.act_on_complaint(&id, "CONTINUE_COMPLAINT", "没有解决");
    assert_eq!(fixture.wechat.complaints()[0].complaint_state, ComplaintState::Pending);
    let history = fixture.v3_get(&format!("{COMPLAINTS}/{id}/negotiation-historys?limit=2")).await.json();
    assert_eq!(
        (&history["total_count"], &history["data"][0]["operate_type"]),
        (&json!(4), &json!("USER_CONTINUE_COMPLAINT"))
    );

    let long = json!({"response_content": "字".repeat(201)});
    assert_eq!(answer(&fixture, &id, "response", long).await.outcome(), "400 PARAM_ERROR");
    let foreign = json!({"response_content": "您好", "complainted_mchid": "1600000000"});
    assert_eq!(answer(&fixture, &id, "response", foreign).await.outcome(), "403 NO_AUTH");
    assert_eq!(answer(&fixture, "1", "response", reply).await.outcome(), "404 RESOURCE_NOT_EXISTS");
}

#[tokio::test]
async fn an_approved_refund_refunds_nothing_and_a_rejection_ends_the_complaint() {
    let fixture = Fixture::new().await;
    let id = complain(&fixture).await;
    let progress = "update-refund-progress";
    for wrong in
        [json!({}), json!({"action": "MAYBE"}), json!({"action": "APPROVE"}), json!({"action": "REJECT"})]
    {
        assert_eq!(
            answer(&fixture, &id, progress, wrong.clone()).await.outcome(),
            "400 PARAM_ERROR",
            "{wrong}"
        );
    }
    let approve = json!({"action": "APPROVE", "launch_refund_day": 0});
    assert_eq!(answer(&fixture, &id, progress, approve.clone()).await.outcome(), "204");
    assert!(fixture.wechat.refunds().is_empty());
    let reject = json!({"action": "REJECT", "reject_reason": "已经发货"});
    assert_eq!(answer(&fixture, &id, progress, reject).await.outcome(), "204");
    assert_eq!(fixture.wechat.complaints()[0].complaint_state, ComplaintState::Processed);
    assert_eq!(answer(&fixture, &id, progress, approve).await.outcome(), "400 INVALID_REQUEST");
    fixture.wechat.wait_for_notices().await;
    let actions: Vec<_> = notices(&fixture).into_iter().map(|(_, action)| action).collect();
    assert_eq!(actions, ["CREATE_COMPLAINT", "MERCHANT_APPROVE_REFUND", "MERCHANT_REJECT_REFUND"]);
}

#[tokio::test]
async fn the_address_of_notices_is_made_changed_and_removed() {
    let fixture = Fixture::new().await;
    let call = async |method: &'static str, body: &str| {
        fixture.send(fixture.request(method, NOTIFICATIONS, body)).await.unwrap()
    };
    assert_eq!(call("GET", "").await.outcome(), "404 RESOURCE_NOT_EXISTS");
    let body = json!({"url": "https://shop.example.com/api/pay/complaint-notify"}).to_string();
    assert_eq!(call("PUT", &body).await.outcome(), "404 RESOURCE_NOT_EXISTS");
    assert_eq!(call("POST", &body).await.outcome(), "200");
    assert_eq!(call("POST", &body).await.outcome(), "400 INVALID_REQUEST");
    assert_eq!(call("PUT", r#"{"url": "http://shop.example.com/"}"#).await.outcome(), "400 PARAM_ERROR");
    assert_eq!(call("PUT", &body).await.outcome(), "200");
    assert_eq!(call("GET", "").await.json()["mchid"], fixture.wechat.account().mch_id);
    assert_eq!(call("DELETE", "").await.outcome(), "204");
    assert_eq!(fixture.wechat.complaint_url(), None);
}

#[tokio::test]
async fn an_open_complaint_holds_up_the_settlement() {
    let fixture = Fixture::new().await;
    let managed = crate::ShippingSettings { managed: true, ..crate::ShippingSettings::default() };
    fixture.wechat.set_shipping_settings(managed);
    complain(&fixture).await;
    fixture.advance(60_000);
    let transaction_id = fixture.wechat.shipments()[0].transaction_id.clone();
    let order = fixture.api("/wxa/sec/order/get_order", json!({"transaction_id": transaction_id})).await;
    assert_eq!(order["order"]["in_complaint"], true);
}

#[tokio::test]
async fn the_controls_make_and_list_complaints() {
    let fixture = Fixture::new().await;
    fixture.v3_buy("order-0001").await;
    let made = fixture.post_json("/_wechat/complaints", json!({"out_trade_no": "order-0001"})).await;
    let id = made["complaint_id"].as_str().unwrap();
    let act = json!({"complaint_id": id, "action_type": "USER_APPLY_PLATFORM_SERVICE"});
    assert_eq!(fixture.post_json("/_wechat/complaints/act", act).await, json!({}));
    let unpaid = fixture.post("/_wechat/complaints", json!({"out_trade_no": "order-9999"})).await.unwrap();
    assert_eq!(unpaid.status(), 400);
    let shown = fixture.get_json("/_wechat/complaints").await;
    assert_eq!((&shown["complaints"][0]["complaint_id"], &shown["url"]), (&json!(id), &Value::Null));
}
