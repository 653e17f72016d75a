//! The welcome text of customer service, which `push-events` sends to users who enter the conversation.

use std::time::Duration;

use e2e::World;
use local_dynamo::{DynamoFault, FaultKind};
use local_wechat::Fault;
use serde_json::json;

use crate::customer_message::{
    SEND, bus_events, conversations, enter, messages, process_pushes, send, text, texts,
};

async fn world_with_welcome() -> World {
    World::start().with_config("[customer_service]\nwelcome_text = \"欢迎光临\"").await
}

#[tokio::test]
async fn a_user_who_enters_is_welcomed_once_and_the_ledger_counts_it() {
    let world = world_with_welcome().await;
    let phone = world.user().await;
    world.wechat().set_fault(Fault::NoticeDuplicate { copies: 2, times: 1 });
    enter(&world, &phone).await;
    let received = world.wechat().customer_messages();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].content["content"], "欢迎光临");
    assert_eq!(conversations(&world).await.len(), 0, "nobody has written");
    send(&world, &text(&phone, "有什么可以帮您"), "a").await.ok();
    assert_eq!(send(&world, &text(&phone, "您好"), "b").await.outcome(), "409 WINDOW_CLOSED");
    assert_eq!(world.calls_to(SEND), 2);
    let messages = messages(&world, &phone).await;
    assert_eq!(texts(&messages).len(), 2);
    assert!(messages.iter().any(|message| message.get("sentBy").is_none()), "the welcome text");
    world.clock.advance(Duration::from_secs(3600));
    enter(&world, &phone).await;
    assert_eq!(world.wechat().customer_messages().len(), 3, "entering again is another welcome");
}

#[tokio::test]
async fn a_user_is_not_welcomed_without_a_text_or_when_the_push_comes_late() {
    for (world, expected) in [(World::start().await, 1), (world_with_welcome().await, 1)] {
        let phone = world.user().await;
        phone.wx("openCustomerServiceConversation", json!({})).await;
        world.wechat().wait_for_notices().await;
        world.clock.advance(Duration::from_secs(60));
        process_pushes(&world).await;
        assert_eq!(world.calls_to(SEND), 0);
        assert_eq!(bus_events(&world).len(), expected);
    }
}

#[tokio::test]
async fn a_welcome_text_whose_answer_is_lost_or_refused_is_not_sent_again() {
    let lost = Fault::TimeoutAfter { path: SEND.into(), millis: 0, times: 1 };
    let refused = Fault::Errcode { path: SEND.into(), errcode: 45015, times: 1 };
    let busy = Fault::Busy { path: SEND.into(), times: 3 };
    for (fault, calls) in [(lost, 1), (refused, 1), (busy, 3)] {
        let world = world_with_welcome().await;
        let phone = world.user().await;
        world.wechat().set_fault(fault);
        enter(&world, &phone).await;
        world.clock.advance(Duration::from_secs(180));
        world.bundle().run_task("push-events").await.expect("the task runs");
        assert_eq!(world.calls_to(SEND), calls);
        assert_eq!(bus_events(&world).len(), 1, "the others learn of it all the same");
    }
}

#[tokio::test]
async fn a_welcome_text_is_sent_once_when_the_bus_fails_after_it() {
    let world = world_with_welcome().await;
    let phone = world.user().await;
    world.dynamo().inject_fault(DynamoFault {
        caller: Some("PushEventsFunction".to_owned()),
        operation: Some("PutEvents".to_owned()),
        kind: FaultKind::FailedEntries,
        times: 2,
    });
    enter(&world, &phone).await;
    assert_eq!((world.calls_to(SEND), bus_events(&world).len()), (1, 1));
}
