//! A day of one user, through the phone's own calls: writes to the shop and is answered, shows a picture, walks in a group, withdraws a
//! consent, and is forgotten.

use e2e::World;
use serde_json::json;

use crate::{
    media_check::{settle, stored},
    werun::{enter_group, rank, sync, walk},
};

const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n a face";

#[tokio::test]
async fn a_user_writes_shows_a_picture_withdraws_a_consent_and_is_erased() {
    let world = World::start().await;
    let (mut phone, friend) = (world.user().await, world.user().await);

    phone.wx("sendCustomerMessage", json!({ "msgtype": "text", "content": "什么时候发货？" })).await;
    settle(&world).await;
    let conversations = world.operator("GET", "/api/admin/conversations", &json!({})).await.ok();
    assert_eq!(conversations.text("/conversations/0/openid"), phone.openid);
    let answer = json!({ "openid": phone.openid, "msgtype": "text", "text": { "content": "明天" } });
    world.operator_once("POST", "/api/admin/messages", &answer, "first").await.ok();
    let received = world.wechat().customer_messages();
    assert!(received.iter().any(|message| message.openid == phone.openid), "the phone has the answer");

    let refused = phone.put("/api/user/profile", &json!({ "nickName": "risky:20002" })).await;
    assert_eq!(refused.outcome(), "400 INVALID_INPUT");
    let uploaded = phone.upload("avatar", "image/png", PICTURE).await;
    let chosen = json!({ "nickName": "小明", "avatarKey": uploaded["objectKey"] });
    assert_eq!(phone.put("/api/user/profile", &chosen).await.ok().json()["pending"], json!(["avatar"]));
    settle(&world).await;
    walk(&world, &phone, &[8000]);
    sync(&phone).await.ok();
    let group = enter_group(&phone, "family").await;
    enter_group(&friend, "family").await;
    let first = rank(&friend, &group).await.ok().json()["rankList"][0].clone();
    assert_eq!((&first["nickname"], &first["step"]), (&json!("小明"), &json!(8000)));
    let picture = first["avatarUrl"].as_str().expect("an address");
    let picture = world.http().get(picture).send().await.expect("an answer").bytes().await.expect("bytes");
    assert_eq!(picture, PICTURE);

    let (order, _) = phone.buy().await;
    let withdrawn =
        json!({ "Event": "user_authorization_revoke", "OpenID": phone.openid, "RevokeInfo": "1" });
    world.wechat().push(&phone.openid, withdrawn);
    settle(&world).await;
    assert_eq!(phone.get("/api/user").await.ok().json()["user"].get("nickName"), None);
    assert_eq!(rank(&friend, &group).await.ok().json()["rankList"], json!([]));
    assert_eq!(phone.status(&order).await, "PAID");

    let before = phone.get("/api/user").await.ok().text("/user/userId");
    phone.delete("/api/user").await.ok();
    settle(&world).await;
    assert_eq!(phone.get("/api/user").await.outcome(), "401 UNAUTHORIZED");
    assert!(stored(&world, "avatars/").is_empty() && stored(&world, "incoming/").is_empty());
    assert_eq!(world.items("ConversationsTable").await.len(), 0);
    assert_eq!(world.items("OrdersTable").await.len(), 1, "the shop accounts for the order");
    phone.log_in().await;
    assert_ne!(phone.get("/api/user").await.ok().text("/user/userId"), before);
}
