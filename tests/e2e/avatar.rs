//! Pictures that users want to show: `push-events` shows them when WeChat has passed them.

use e2e::{Phone, World};
use local_dynamo::{DynamoFault, FaultKind};
use serde_json::json;
use shared::{
    service::{AvatarChecker, StartedCheck},
    store::Users,
    types::ObjectKey,
};

use crate::media_check::{answer_with, caller, later, pass, repair, result, settle, stall, stored, verdict};

/// Uploads an avatar and has it checked.
async fn ask_for_avatar(world: &World, phone: &Phone<'_>, bytes: &[u8]) -> StartedCheck {
    let form = phone.upload("avatar", "image/png", bytes).await;
    let key = ObjectKey::parse(form["objectKey"].as_str().expect("a key")).expect("a key");
    let checker = AvatarChecker::new(&world.operator_host("push-events")).expect("its settings");
    checker.begin(&caller(phone).await, &key).await.expect("a check")
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n a face";
const OTHER_PNG: &[u8] = b"\x89PNG\r\n\x1a\n another face";
const RISKY_PNG: &[u8] = b"\x89PNG\r\n\x1a\n risky:20002 ";
const REVIEW_PNG: &[u8] = b"\x89PNG\r\n\x1a\n review:10001 ";

/// The key of the picture that the user shows, and the number of the pending one's check.
async fn avatar_of(world: &World, phone: &Phone<'_>) -> (Option<String>, Option<String>) {
    let users = Users::new(&world.operator_host("push-events")).expect("its settings");
    let user = users.get(&caller(phone).await.user_id).await.expect("an answer").expect("a user");
    let shown = user.avatar_key.map(|key| key.as_str().to_owned());
    (shown, user.pending_avatar.map(|pending| pending.trace_id.as_str().to_owned()))
}

#[tokio::test]
async fn a_picture_that_wechat_passes_is_shown_and_replaces_the_one_before() {
    let world = World::start().await;
    let phone = world.user().await;
    let first = ask_for_avatar(&world, &phone, PNG).await;
    assert_eq!(avatar_of(&world, &phone).await, (None, Some(first.trace_id.as_str().to_owned())));
    settle(&world).await;
    let (shown, pending) = avatar_of(&world, &phone).await;
    assert_eq!(pending, None);
    let shown = shown.expect("a picture");
    assert_eq!(shown, first.object_key.as_str().replace("checked/", "avatars/"));
    assert_eq!(stored(&world, "avatars/"), [PNG]);
    ask_for_avatar(&world, &phone, OTHER_PNG).await;
    assert_eq!(avatar_of(&world, &phone).await.0.as_ref(), Some(&shown), "until the next one is passed");
    settle(&world).await;
    assert_eq!(stored(&world, "avatars/"), [OTHER_PNG], "the one before is deleted");
    assert_ne!(avatar_of(&world, &phone).await.0, Some(shown));
    later(&world);
    assert_eq!(repair(&world).await, json!({ "askedAgain": 0, "finished": 0, "unanswered": 0, "failed": 0 }));
}

#[tokio::test]
async fn a_picture_that_does_not_pass_is_never_shown() {
    let world = World::start().await;
    let phone = world.user().await;
    ask_for_avatar(&world, &phone, PNG).await;
    settle(&world).await;
    let shown = avatar_of(&world, &phone).await.0;
    ask_for_avatar(&world, &phone, RISKY_PNG).await;
    settle(&world).await;
    assert_eq!(avatar_of(&world, &phone).await, (shown.clone(), None));
    stall(&world, 2);
    ask_for_avatar(&world, &phone, OTHER_PNG).await;
    for _ in 0..2 {
        later(&world);
        repair(&world).await;
    }
    assert_eq!(avatar_of(&world, &phone).await, (shown.clone(), None), "no verdict came");
    let review = ask_for_avatar(&world, &phone, REVIEW_PNG).await;
    settle(&world).await;
    let pending = Some(review.trace_id.as_str().to_owned());
    assert_eq!(avatar_of(&world, &phone).await, (shown, pending), "a person must look");
    assert_eq!(stored(&world, "avatars/"), [PNG]);
}

#[tokio::test]
async fn of_two_pictures_that_wait_the_later_one_is_shown() {
    let world = World::start().await;
    let phone = world.user().await;
    stall(&world, 2);
    let first = ask_for_avatar(&world, &phone, PNG).await;
    let second = ask_for_avatar(&world, &phone, OTHER_PNG).await;
    world.wechat().finish_media_check(second.trace_id.as_str());
    settle(&world).await;
    world.wechat().finish_media_check(first.trace_id.as_str());
    settle(&world).await;
    assert_eq!(result(&phone, first.trace_id.as_str()).await, pass());
    let shown = second.object_key.as_str().replace("checked/", "avatars/");
    assert_eq!(avatar_of(&world, &phone).await, (Some(shown), None));
    assert_eq!(stored(&world, "avatars/"), [OTHER_PNG]);
}

#[tokio::test]
async fn a_picture_whose_verdict_came_first_is_shown_by_the_schedule() {
    let world = World::start().await;
    let phone = world.user().await;
    world.wechat().push(&phone.openid, verdict("early", "pass", 100));
    settle(&world).await;
    answer_with(&world, "early");
    ask_for_avatar(&world, &phone, PNG).await;
    assert_eq!(avatar_of(&world, &phone).await, (None, Some("early".to_owned())));
    assert_eq!(repair(&world).await["finished"], 1);
    let (shown, pending) = avatar_of(&world, &phone).await;
    assert!(shown.is_some() && pending.is_none());
    assert_eq!(repair(&world).await["finished"], 0);
}

#[tokio::test]
async fn a_replaced_picture_that_was_not_deleted_is_deleted_by_the_schedule() {
    let world = World::start().await;
    let phone = world.user().await;
    ask_for_avatar(&world, &phone, PNG).await;
    settle(&world).await;
    // The mark that it is deleted can't be written.
    world.dynamo().inject_fault(DynamoFault {
        caller: Some("PushEventsFunction".to_owned()),
        operation: Some("UpdateItem".to_owned()),
        kind: FaultKind::InternalError,
        times: 3,
    });
    ask_for_avatar(&world, &phone, OTHER_PNG).await;
    settle(&world).await;
    world.dynamo().clear_faults();
    assert_eq!(repair(&world).await["finished"], 1);
    assert_eq!(repair(&world).await["finished"], 0);
    assert_eq!(stored(&world, "avatars/"), [OTHER_PNG]);
}
