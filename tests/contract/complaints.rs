//! What complaints of buyers cost, and which permissions they need.

use e2e::World;
use local_wechat::{Fault, NewComplaint, RefundEntry};
use serde_json::{Value, json};

use crate::meter::Meter;

const COMPLAINTS: &str = "/api/admin/complaints";

/// A user complains of an order; the complaint's number and the order's. No notice is sent.
async fn complain(world: &World) -> (String, String) {
    let (_, out_trade_no) = world.user().await.buy().await;
    world.wechat().set_complaint_url(None);
    let complaint = NewComplaint { out_trade_no: out_trade_no.clone(), ..NewComplaint::default() };
    (world.wechat().complain(complaint), out_trade_no)
}

fn change(id: &str) -> Value {
    json!({ "complaint_id": id, "action_type": "USER_RESPONSE" })
}

/// A notice, the list, and everything that an operator does about a complaint.
pub(crate) async fn costs(meter: &mut Meter<'_>) {
    let world = meter.world;
    let nothing = json!({});
    // The first request starts the instance, and the keys of WeChat Pay are fetched.
    let (first, _) = complain(world).await;
    let notify = |id: String| async move {
        world.wechat_pay().send_v3("/api/pay/complaint-notify", "COMPLAINT.STATE_CHANGE", change(&id)).await
    };
    assert_eq!(notify(first).await.status, 204);
    let (id, _) = complain(world).await;
    let (notice, again) = ("POST /api/pay/complaint-notify", "POST /api/pay/complaint-notify, again");
    assert_eq!(meter.of(notice, notify(id.clone())).await.status, 204);
    assert_eq!(meter.of(again, notify(id.clone())).await.status, 204);
    meter.of("GET /api/admin/complaints", world.operator("GET", COMPLAINTS, &nothing)).await.ok();
    let path = format!("{COMPLAINTS}/{id}");
    let read = world.operator("GET", &path, &nothing);
    meter.of("GET /api/admin/complaints/{complaintId}", read).await.ok();
    let (reply, text) = (format!("{path}/reply"), json!({ "content": "您好" }));
    let replied = world.operator("POST", &reply, &text);
    meter.of("POST /api/admin/complaints/{complaintId}/reply", replied).await.ok();
    let refund = format!("{path}/refund");
    // It would cost requests of its own, and come before or after the end of this one.
    world.wechat().set_fault(Fault::NoticeLost { times: 1 });
    let refunded = world.operator("POST", &refund, &nothing);
    meter.of("POST /api/admin/complaints/{complaintId}/refund", refunded).await.ok();
    let (lesser, _) = complain(world).await;
    let (reject, text) = (format!("{COMPLAINTS}/{lesser}/reject"), json!({ "reason": "商品完好" }));
    let rejected = world.operator("POST", &reject, &text);
    meter.of("POST /api/admin/complaints/{complaintId}/reject", rejected).await.ok();
    let complete = format!("{path}/complete");
    let completed = world.operator("POST", &complete, &nothing);
    meter.of("POST /api/admin/complaints/{complaintId}/complete", completed).await.ok();
    let notifications = world.operator("PUT", "/api/admin/complaint-notifications", &nothing);
    meter.of("PUT /api/admin/complaint-notifications", notifications).await.ok();
    meter.of("complaint-sweep", world.bundle().run_task("complaint-sweep")).await.expect("a run");
}

/// Everything once: notices, the sweep, and refunds of an order's own payment and of a second one.
pub(crate) async fn permissions(world: &World) {
    let nothing = json!({});
    let (lost, _) = complain(world).await;
    world.bundle().run_task("complaint-sweep").await.expect("a run");
    world.operator("GET", COMPLAINTS, &nothing).await.ok();
    let path = format!("{COMPLAINTS}/{lost}");
    world.operator("GET", &path, &nothing).await.ok();
    world.operator("POST", &format!("{path}/reply"), &json!({ "content": "您好" })).await.ok();
    // Whoever asks again finds that the refund is made.
    world.wechat().set_fault(Fault::NoticeLost { times: 1 });
    for _ in 0..2 {
        world.operator("POST", &format!("{path}/refund"), &nothing).await.ok();
    }
    world.operator("POST", &format!("{path}/complete"), &nothing).await.ok();
    world.wechat().wait_for_notices().await;
    world.operator("GET", &path, &nothing).await.ok();
    assert!(world.wechat().refunds().iter().any(|RefundEntry { refund_fee, .. }| *refund_fee == 200));
    let (known, _) = complain(world).await;
    let notify = world.wechat_pay().send_v3("/api/pay/complaint-notify", "COMPLAINT.CREATE", change(&known));
    assert_eq!(notify.await.status, 204);
    world
        .operator("POST", &format!("{COMPLAINTS}/{known}/reject"), &json!({ "reason": "商品完好" }))
        .await
        .ok();
    let (elsewhere, _) = complain(world).await;
    world.bundle().run_task("complaint-sweep").await.expect("a run");
    world.wechat().complete_complaint_in_console(&elsewhere);
    world.bundle().run_task("complaint-sweep").await.expect("a run");
    // A payment that we have not heard of is looked for by the number of its attempt.
    let (_, out_trade_no) = world.user().await.buy_unnoticed().await;
    let unheard = world.wechat().complain(NewComplaint { out_trade_no, ..NewComplaint::default() });
    let refund = format!("{COMPLAINTS}/{unheard}/refund");
    assert_eq!(world.operator("POST", &refund, &nothing).await.outcome(), "409 CONFLICT");
}
