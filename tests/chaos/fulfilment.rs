//! What follows a payment in a scenario: staff ship, the user confirms the receipt and complains, operators answer.

use e2e::{Phone, Response};
use fastrand::Rng;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::cast::Cast;

/// Staff ship the order: a parcel of several, the last one or a correction, or goods that nobody sends.
pub(crate) async fn ship(cast: &Cast<'_>, rng: &mut Rng, order_id: &str, delivery: &str) {
    let body = match delivery {
        "virtual" => json!({ "logisticsType": 3 }),
        "pickup" => json!({ "logisticsType": 4 }),
        _ => {
            let mut body = express_parcel(&format!("YT{}", rng.u32(..)));
            if rng.u8(0..3) == 0 {
                body["isAllDelivered"] = json!(false);
            }
            body
        }
    };
    // Staff press the button twice, too.
    for _ in 0..rng.usize(1..3) {
        let _ = cast.send_as_staff("POST", &format!("/api/orders/{order_id}/ship"), &body).await;
    }
}

/// One parcel of an express company.
pub(crate) fn express_parcel(tracking_no: &str) -> Value {
    let parcel = json!({ "trackingNo": tracking_no, "expressCompany": "YTO", "itemDesc": "矿泉水" });
    json!({ "logisticsType": 1, "packages": [parcel] })
}

/// The user reads the order and confirms its receipt in WeChat's page.
pub(crate) async fn confirm_receipt(cast: &Cast<'_>, user: &Mutex<Phone<'_>>, order_id: &str) {
    let order = cast.send_as_user(user, "GET", &format!("/api/orders/{order_id}"), &json!({})).await;
    if order.status != 200 {
        return;
    }
    if let Some(transaction_id) = order.json()["order"]["transactionId"].as_str() {
        confirm_payment(user, transaction_id).await;
    }
}

/// The user confirms the receipt of what was paid for. WeChat refuses that before it is shipped.
pub(crate) async fn confirm_payment(user: &Mutex<Phone<'_>>, transaction_id: &str) {
    let extra = json!({ "transaction_id": transaction_id });
    let arguments = json!({ "businessType": "weappOrderConfirm", "extraData": extra });
    let _ = user.lock().await.wx("openBusinessView", arguments).await;
}

/// The user complains of the payment, of which all or a part is wanted back; the complaint's number if the attempt is paid.
pub(crate) async fn complain(cast: &Cast<'_>, rng: &mut Rng, out_trade_no: &Value) -> Option<String> {
    let mut complaint = json!({ "out_trade_no": out_trade_no, "complaint_detail": "没有收到" });
    if rng.bool() {
        complaint["apply_refund_amount"] = json!(rng.u64(1..200));
    }
    if rng.u8(0..3) == 0 {
        complaint["problem_type"] = json!("SERVICE_NOT_WORK");
    }
    let created = cast.world.control("POST", "complaints", &complaint).await;
    Some(created.json()["complaint_id"].as_str()?.to_owned())
}

/// The user adds something to the complaint, or an operator replies, gives money back or says that it is dealt with.
pub(crate) async fn pursue(cast: &Cast<'_>, rng: &mut Rng, complaint_id: &str) {
    match rng.u8(0..6) {
        0 => act(cast, complaint_id, "USER_RESPONSE").await,
        1 => act(cast, complaint_id, "CONTINUE_COMPLAINT").await,
        2 => drop(answer(cast, complaint_id, "complete", &json!({})).await),
        3 => {
            // An operator who gets no answer presses the button again.
            let reply = json!({ "content": format!("您好，第 {} 次回复", rng.u8(..)) });
            for _ in 0..rng.usize(1..3) {
                drop(answer(cast, complaint_id, "reply", &reply).await);
            }
        }
        _ => {
            for _ in 0..rng.usize(1..3) {
                drop(answer(cast, complaint_id, "refund", &json!({})).await);
            }
        }
    }
}

async fn act(cast: &Cast<'_>, complaint_id: &str, action_type: &str) {
    let act = json!({ "complaint_id": complaint_id, "action_type": action_type, "text": "还是没有" });
    drop(cast.world.control("POST", "complaints/act", &act).await);
}

/// An operator answers a complaint.
pub(crate) async fn answer(cast: &Cast<'_>, complaint_id: &str, what: &str, body: &Value) -> Response {
    cast.world.operator("POST", &format!("/api/admin/complaints/{complaint_id}/{what}"), body).await
}
