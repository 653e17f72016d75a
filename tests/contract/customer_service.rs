//! Users who write to customer service, and operators who answer: for the walk of permissions, and for the costs.

use std::time::Duration;

use e2e::{Phone, World};
use local_dynamo::{DynamoFault, FaultKind};
use local_wechat::Fault;
use serde_json::{Value, json};

use crate::meter::{Cost, Meter};

/// The user writes to customer service, and the push of it is processed: a text with which an operator answers.
pub(crate) async fn write_to_customer_service(world: &World, phone: &Phone<'_>) -> Value {
    phone.wx("sendCustomerMessage", json!({ "msgtype": "text", "content": "在吗" })).await;
    process_pushes(world).await;
    json!({ "openid": phone.openid, "msgtype": "text", "text": { "content": "您好" } })
}

/// The user enters the conversation with customer service, and the push of it is processed.
async fn enter_customer_service(world: &World, phone: &Phone<'_>) {
    phone.wx("openCustomerServiceConversation", json!({})).await;
    process_pushes(world).await;
}

async fn process_pushes(world: &World) {
    world.wechat().wait_for_notices().await;
    world.bundle().drain_stream("push-events").await.expect("the stream is read");
}

/// Messages of a user and to a user: sent, sent again, and refused by WeChat; users who are welcomed, also while the bus fails.
pub(crate) async fn everything(world: &World, phone: &Phone<'_>) {
    const SEND: &str = "/cgi-bin/message/custom/send";
    let revoked = || Fault::TokenRevoked { path: Some(SEND.to_owned()), stuck: false, times: 1 };
    world.wechat().set_fault(revoked());
    world.dynamo().inject_fault(DynamoFault {
        caller: Some("PushEventsFunction".to_owned()),
        operation: Some("PutEvents".to_owned()),
        kind: FaultKind::FailedEntries,
        times: 1,
    });
    enter_customer_service(world, phone).await;
    world.clock.advance(Duration::from_secs(60));
    world.wechat().set_fault(Fault::Errcode { path: SEND.to_owned(), errcode: 45015, times: 1 });
    enter_customer_service(world, phone).await;
    let hello = write_to_customer_service(world, phone).await;
    let send = async |key| world.operator_once("POST", "/api/admin/messages", &hello, key).await;
    world.wechat().set_fault(revoked());
    for _ in 0..2 {
        send("a").await.ok();
    }
    world.wechat().set_fault(Fault::Errcode { path: SEND.to_owned(), errcode: 45015, times: 1 });
    assert_eq!(send("b").await.outcome(), "409 WINDOW_CLOSED");
    world.operator("GET", "/api/admin/conversations", &json!({})).await.ok();
    let path = format!("/api/admin/conversations/{}", phone.openid);
    world.operator("GET", &path, &json!({})).await.ok();
}

/// What operators do in conversations.
pub(crate) async fn messages(meter: &mut Meter<'_>) {
    let world = meter.world;
    let phone = world.user().await;
    let hello = write_to_customer_service(world, &phone).await;
    let send = async |key| world.operator_once("POST", "/api/admin/messages", &hello, key).await;
    meter.of("POST /api/admin/messages", send("a")).await.ok();
    meter.of("POST /api/admin/messages, again", send("a")).await.ok();
    let path = "/cgi-bin/message/custom/send".to_owned();
    world.wechat().set_fault(Fault::Errcode { path, errcode: 45047, times: 1 });
    let refused = meter.of("POST /api/admin/messages, refused", send("b")).await;
    assert_eq!(refused.outcome(), "409 WINDOW_CLOSED");
    let typing = json!({ "openid": phone.openid, "command": "Typing" });
    let typing = world.operator("POST", "/api/admin/messages/typing", &typing);
    meter.of("POST /api/admin/messages/typing", typing).await.ok();
    let get = async |path: &str| world.operator("GET", path, &json!({})).await;
    meter.of("GET /api/admin/conversations", get("/api/admin/conversations")).await.ok();
    let path = format!("/api/admin/conversations/{}", phone.openid);
    meter.of("GET /api/admin/conversations/{openid}", get(&path)).await.ok();
    let upload = world.operator_with_bytes("POST", "/api/admin/media", PICTURE);
    let uploaded = meter.of("POST /api/admin/media", upload).await.ok();
    let path = format!("/api/admin/media/{}", uploaded.text("/mediaId"));
    assert_eq!(meter.of("GET /api/admin/media/{mediaId}", get(&path)).await.status, 200);
}

/// A user enters the conversation with customer service of a shop that welcomes users.
pub(crate) async fn welcome() -> Vec<Cost> {
    let world = World::start().with_parameter("CustomerWelcomeText", "欢迎").await;
    let mut meter = Meter { world: &world, costs: Vec::new() };
    let phone = world.user().await;
    enter_customer_service(&world, &phone).await;
    world.clock.advance(Duration::from_secs(60));
    phone.wx("openCustomerServiceConversation", json!({})).await;
    world.wechat().wait_for_notices().await;
    let drain = world.bundle().drain_stream("push-events");
    meter.of("push-events, a user enters and is welcomed", drain).await.expect("the stream is read");
    meter.costs
}

/// The first bytes of a picture.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n";
