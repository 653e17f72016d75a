//! The scene that `tests/support/README.md` shows. `tests/contract/test_names.rs` keeps the two equal.

use e2e::{Effects, World};
use local_wechat::Fault;

const SEND: &str = "/cgi-bin/message/subscribe/send";

#[tokio::test]
async fn a_message_whose_answer_is_lost_is_sent_once() {
    let world = World::start().with_template("tmpl-paid").await;
    let phone = world.user().await;
    phone.accept_messages("tmpl-paid", 1).await;
    let (order_id, _) = phone.buy().await;
    world.wechat().set_fault(Fault::TimeoutAfter { path: SEND.into(), millis: 0, times: 1 });
    world.deliver_events().await;
    assert_eq!(phone.status(&order_id).await, "PAID");
    let effects = Effects { published: 1, send_calls: 1, messages: 1, pending: 0, stock: None };
    assert_eq!(world.effects().await, effects);
}
